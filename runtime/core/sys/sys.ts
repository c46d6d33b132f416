/**
 * Inspects, suspends and terminates handler actors, as OTP's module `sys` does:
 * for debugging, tests and code that starts and stops servers.
 *
 * The target may be a handler actor of any node, or a process of a BEAM node that
 * follows OTP. A function actor answers only if its code does; otherwise the
 * functions here reject after their time-out. `system_requests.ts` explains the
 * requests.
 */

import type { ActorRecord } from "../contract/record.ts";
import { CallError, UsageError } from "../messages/errors.ts";
import { isViaTarget } from "../contract/via.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { CallOptions, CallTarget, Self } from "../contract/self.ts";
import type { ExitReason } from "../messages/reasons.ts";
import { call } from "../calls/calls.ts";
import { SystemRequest } from "../messages/requests.ts";
import type { DebugFunction } from "../contract/debug_state.ts";
import { done } from "./debugging.ts";
import { expectSystemRequest } from "./system_requests.ts";
import { type Atom, atom, Pid, printTerm, Tuple } from "../terms/terms.ts";

/** The actor that sends the request. */
export type AnySelf = Pick<Self, "isAlive" | "node">;

async function ask(
  self: AnySelf,
  target: CallTarget,
  request: Atom | Tuple,
  options: CallOptions,
): Promise<unknown> {
  const actor = self as ActorRecord & AnySelf;
  if (!actor.isAlive) {
    throw new UsageError(
      `expected a live actor to ask, but ${actor.pid} has ended`,
    );
  }
  return await call(actor, target, request, options, (from) => {
    expectAt(actor, target);
    return new SystemRequest(from, request);
  });
}

/** Marks a local target, so that it handles the request. */
function expectAt(actor: ActorRecord, target: CallTarget): void {
  const { owner } = actor;
  if (isViaTarget(target)) {
    const pid = target.via.find(owner, target.name);
    if (pid !== null) expectSystemRequest(owner.localActor(pid));
    return;
  }
  if (target instanceof Pid) {
    expectSystemRequest(owner.localActor(target as Pid));
    return;
  }
  const { name, node }: NamedTarget = typeof target === "string"
    ? { name: target, node: owner.name }
    : target as NamedTarget;
  if (node === owner.name) expectSystemRequest(owner.names.holder(name));
}

/** The value of an answer. `{error, Reason}` is a failure, as in OTP. */
function valueOf(
  answer: unknown,
  target: CallTarget,
  request: unknown,
): unknown {
  const items = answer instanceof Tuple ? answer.items : [];
  if (items.length !== 2 || items[0] !== atom("error")) return answer;
  throw new CallError(printTerm(target), request, items[1]);
}

/**
 * The present state of a handler actor, once it has handled the messages that
 * were in its mailbox. Rejects with a `CallError`, as `self.call` does.
 *
 * @example
 * ```ts
 * import { handler, start, sys } from "hornbeam";
 *
 * await using node = await start();
 * const counter = node.spawn(handler(0, (total, n: number) => total + n));
 * node.send(counter, 2);
 * node.send(counter, 3);
 * console.log(await node.run((self) => sys.getState(self, counter)));
 * // prints: 5
 * ```
 */
async function getState(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<unknown> {
  const request = atom("get_state");
  return valueOf(await ask(self, target, request, options), target, request);
}

/**
 * Replaces the state by what `change` makes of it, and resolves with the new
 * state. Only on this node, and not with `isolate: "copy"`, since a function
 * cannot be copied. Rejects with a `CallError` when `change` throws; the state
 * stays then.
 */
async function replaceState(
  self: AnySelf,
  target: CallTarget,
  change: (state: never) => unknown,
  options: CallOptions = {},
): Promise<unknown> {
  const request = new Tuple([atom("replace_state"), change]);
  return valueOf(await ask(self, target, request, options), target, request);
}

/** The tuple `{status, Pid, {module, M}, Items}` that OTP's tools expect. */
function getStatus(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<unknown> {
  return ask(self, target, atom("get_status"), options);
}

/**
 * Makes the target handle only system requests until `resume`. Its messages wait
 * in its mailbox.
 */
async function suspend(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<void> {
  await ask(self, target, atom("suspend"), options);
}

/** Makes the target handle messages again. */
async function resume(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<void> {
  await ask(self, target, atom("resume"), options);
}

/** Ends the target with a reason, after the messages that came before. */
async function terminate(
  self: AnySelf,
  target: CallTarget,
  reason: ExitReason,
  options: CallOptions = {},
): Promise<void> {
  const request = new Tuple([atom("terminate"), reason]);
  await ask(self, target, request, options);
}

/** Sends a `{debug, What}` request, which may be refused. */
async function debug(
  self: AnySelf,
  target: CallTarget,
  option: unknown,
  options: CallOptions,
): Promise<unknown> {
  const request = new Tuple([atom("debug"), option]);
  const answer = await ask(self, target, request, options);
  if (answer === atom("unknown_debug")) {
    throw new CallError(printTerm(target), request, answer);
  }
  return valueOf(answer, target, request);
}

/** The value of `{ok, Value}`; any other answer itself. */
function inOk(answer: unknown): unknown {
  return answer instanceof Tuple && answer.items[0] === atom("ok")
    ? answer.items[1]
    : answer;
}

function pair(name: string, argument: unknown): Tuple {
  return new Tuple([atom(name), argument]);
}

/** Statistics of an actor since they were turned on. */
export type ActorStatistics = {
  /** To the second, in the target's local time. */
  readonly startTime: Date;
  readonly currentTime: Date;
  readonly reductions: number;
  readonly messagesIn: number;
  /** Replies; for a process of a BEAM node, what its behaviour counts. */
  readonly messagesOut: number;
};

/** Turns statistics on or off; see `getStatistics`. */
async function statistics(
  self: AnySelf,
  target: CallTarget,
  isOn: boolean,
  options: CallOptions = {},
): Promise<void> {
  await debug(self, target, pair("statistics", isOn), options);
}

/**
 * The counts since `statistics` was turned on; null while it is off.
 *
 * @example
 * ```ts
 * import { handler, start, sys } from "hornbeam";
 *
 * await using node = await start();
 * const counter = node.spawn(handler(0, (total, n: number) => total + n));
 * await node.run(async (self) => {
 *   await sys.statistics(self, counter, true);
 *   for (const n of [1, 2, 3]) self.send(counter, n);
 *   const counted = await sys.getStatistics(self, counter);
 *   console.log(counted?.messagesIn); // prints: 3
 *   await sys.noDebug(self, counter);
 * });
 * ```
 */
async function getStatistics(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<ActorStatistics | null> {
  const option = pair("statistics", atom("get"));
  const items = inOk(await debug(self, target, option, options));
  if (!Array.isArray(items)) return null;
  const counted = new Map(
    (items as Tuple[]).map((item) => [item.items[0], item.items[1]]),
  );
  const figure = (name: string) => counted.get(atom(name)) as number;
  const time = (name: string) => dateOf(counted.get(atom(name)) as Tuple);
  return {
    startTime: time("start_time"),
    currentTime: time("current_time"),
    reductions: figure("reductions"),
    messagesIn: figure("messages_in"),
    messagesOut: figure("messages_out"),
  };
}

function dateOf({ items }: Tuple): Date {
  const [[y, mo, d], [h, mi, s]] = items.map((half) =>
    (half as Tuple).items as number[]
  ) as [[number, number, number], [number, number, number]];
  const at = new Date(0);
  at.setFullYear(y, mo - 1, d);
  at.setHours(h, mi, s, 0);
  return at;
}

/** Prints messages and replies on the output of the target's group leader. */
async function trace(
  self: AnySelf,
  target: CallTarget,
  isOn: boolean,
  options: CallOptions = {},
): Promise<void> {
  await debug(self, target, pair("trace", isOn), options);
}

/**
 * Has the target keep its last events: 10 with true, or the given number. False
 * ends that and drops them. See `getLog`.
 */
async function log(
  self: AnySelf,
  target: CallTarget,
  isOn: boolean | number,
  options: CallOptions = {},
): Promise<void> {
  const argument = typeof isOn === "number" ? new Tuple([true, isOn]) : isOn;
  await debug(self, target, pair("log", argument), options);
}

/**
 * The events of the log, the oldest first, as terms: `{in, Message}` and `{out,
 * Message, To}`, and other events of processes on BEAM nodes. Calls and casts
 * have the form of OTP.
 */
async function getLog(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<readonly unknown[]> {
  const events = await debug(self, target, pair("log", atom("get")), options);
  return inOk(events) as readonly unknown[];
}

/** Prints the events of the log, as `trace` does. */
async function printLog(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<void> {
  await debug(self, target, pair("log", atom("print")), options);
}

/** Turns statistics, log and traces off and removes all functions. */
async function noDebug(
  self: AnySelf,
  target: CallTarget,
  options: CallOptions = {},
): Promise<void> {
  await debug(self, target, atom("no_debug"), options);
}

/**
 * Installs a function that is called with each event and with its last result,
 * in the turn of the target; see `DebugFunction`. Only on this node, and not
 * with `isolate: "copy"`, since a function cannot be copied. It is removed by its
 * `id`, and is installed once for an `id`; default: the function itself.
 */
async function install<S>(
  self: AnySelf,
  target: CallTarget,
  call: DebugFunction<S>,
  state: S,
  options: CallOptions & { readonly id?: unknown } = {},
): Promise<void> {
  const { id, ...limits } = options;
  const items = id === undefined ? [call, state] : [id, call, state];
  await debug(self, target, pair("install", new Tuple(items)), limits);
}

/** Removes a debug function; `id` is its id, or the function itself. */
async function remove(
  self: AnySelf,
  target: CallTarget,
  id: unknown,
  options: CallOptions = {},
): Promise<void> {
  await debug(self, target, pair("remove", id), options);
}

/**
 * Inspects and controls handler actors. All functions wait for an answer, so
 * their caller is a function actor or an `asyncHandler`.
 */
export const sys: {
  readonly getState: typeof getState;
  readonly replaceState: typeof replaceState;
  readonly getStatus: typeof getStatus;
  readonly suspend: typeof suspend;
  readonly resume: typeof resume;
  readonly terminate: typeof terminate;
  readonly statistics: typeof statistics;
  readonly getStatistics: typeof getStatistics;
  readonly trace: typeof trace;
  readonly log: typeof log;
  readonly getLog: typeof getLog;
  readonly printLog: typeof printLog;
  readonly noDebug: typeof noDebug;
  readonly install: typeof install;
  readonly remove: typeof remove;
  /** Result of a debug function that is to be removed. */
  readonly done: Atom;
} = {
  getState,
  replaceState,
  getStatus,
  suspend,
  resume,
  terminate,
  statistics,
  getStatistics,
  trace,
  log,
  getLog,
  printLog,
  noDebug,
  install,
  remove,
  done,
};
