/**
 * Starts that wait until the actor is ready, and stops that wait until it has
 * ended: the base of servers and supervisors. Follows OTP's `proc_lib`:
 * `start`, `start_link`, `start_monitor`, `init_ack`, `init_fail`, `stop`.
 *
 * **To start an actor that has something to prepare:** give `start`,
 * `startLink` or `startMonitor` a function that makes its behaviour. The actor
 * calls `initAck(value)` when it is ready, and the start resolves with its pid
 * and that value.
 *
 * **To refuse a start:** the actor calls `initFail(reason)`, and the start
 * rejects with a `StartError` of this reason.
 *
 * **To end an actor and wait for its end:** `stop`, which sends an exit signal.
 *
 * When not to use it: for an actor with nothing to prepare, `spawnLink` and
 * `spawnMonitor` of `self` are enough and cost no wait. Actors on other nodes
 * are started with `spawnOn`. Labels, parents and crash reports have no
 * counterpart here: `SpawnOptions` and `self` have a `label`, `self.info` tells
 * `parent` and `behaviour`, and the node reports every crash.
 *
 * Guarantees, weak ones included:
 * - A start that resolves has been acknowledged. A start that rejects leaves
 *   nothing: the actor has ended and its names are free.
 * - The caller must be a function actor, because it waits. The started actor
 *   can be of either kind. A handler makes its first state in the caller's
 *   turn, and the start costs no wait if that state is not a promise.
 * - If the caller ends during a start without a link, the started actor lives
 *   on.
 */

import { spawnPart, spawnRules, waitRules } from "../internal/options.ts";
import { causedBy } from "../internal/reasons.ts";
import {
  type Behaviour,
  CallError,
  type Down,
  ExitError,
  type ExitReason,
  KilledError,
  mustBeReason,
  option,
  OptionTable,
  type Pid,
  printTerm,
  readableReason,
  reasons,
  type Ref,
  type ReplyTo,
  type SpawnOptions,
  termEquals,
  UsageError,
} from "../../runtime/mod.ts";
import { type AnySelf, flushExit, receiveRef } from "../internal/wait.ts";

export type { AnySelf };

/** Options of a start: those of a spawn, and limits of the wait. */
export type StartOptions = SpawnOptions & {
  /**
   * Longest wait for the acknowledgement. Default Infinity, as in OTP: the wait
   * then ends at the latest when the started actor ends.
   */
  readonly timeoutMs?: number;
  /** Kills the started actor and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

const startOptions = new OptionTable<StartOptions>("a start", {
  ...spawnRules,
  ...waitRules,
});

/** How a started actor tells that it is ready, or that it will not be. */
export type Starting<R = void> = {
  /**
   * Resolves the start with this value. Only the first call of `initAck` or
   * `initFail` counts, and none counts after a timeout.
   */
  readonly initAck: (value: R) => void;
  /**
   * Ends the actor that calls it, and then rejects the start with a
   * `StartError` of this reason. The actor's exit reason is the same unless
   * another is given: `reasons.normal` ends no linked actor. It works by
   * throwing, so do not catch what it throws.
   */
  readonly initFail: (reason: unknown, exitReason?: ExitReason) => never;
};

/** A start that was acknowledged. */
export type Started<M, R> = {
  readonly pid: Pid<M>;
  /** What the actor has given to `initAck`. */
  readonly value: R;
};

/** A start has failed. The actor has ended, and its names are free. */
export class StartError extends Error {
  override readonly name = "StartError";
  /**
   * `"timeout"`, what the actor has given to `initFail`, or the reason it has
   * ended with before it called `initAck` or `initFail`.
   */
  readonly reason: unknown;
  readonly pid: Pid;
  /** For `startMonitor`: the monitor whose `Down` is in the mailbox. */
  readonly ref: Ref | null;
  constructor(reason: unknown, pid: Pid, ref: Ref | null) {
    super(
      `expected ${pid} to acknowledge its start, got ${printTerm(reason)}`,
      causedBy(reason),
    );
    this.reason = reason;
    this.pid = pid;
    this.ref = ref;
  }
}

/** A stop has failed: the actor has not ended with the reason asked for. */
export class StopError extends Error {
  override readonly name = "StopError";
  /**
   * `"timeout"`, `noproc` when there was no such actor, `noconnection` when the
   * connection to its node is lost, or the other reason it has ended with.
   */
  readonly reason: unknown;
  constructor(target: Pid | string, asked: ExitReason, reason: unknown) {
    super(
      `expected ${printTerm(target)} to end with ${printTerm(asked)}, got ${
        printTerm(reason)
      }`,
      causedBy(reason),
    );
    this.reason = reason;
  }
}

/** Options of `stop`. */
export type StopOptions = {
  /** Default `reasons.shutdown`. */
  readonly reason?: ExitReason;
  /** Longest wait for the end. Default Infinity. */
  readonly timeoutMs?: number;
  /** Ends the wait, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

const stopOptions = new OptionTable<StopOptions>("stop", {
  reason: option.any,
  ...waitRules,
});

/** Makes the behaviour to start; called at once, in the caller's turn. */
type MakeBehaviour<M, R> = (starting: Starting<R>) => Behaviour<M>;

/** Whether the started actor is linked to the caller, or monitored by it. */
type StartMode = "alone" | "linked" | "monitored";

/** What the started actor tells its starter. */
type InitResult = {
  readonly type: "ack" | "nack";
  readonly value: unknown;
};

/**
 * Starts an actor and resolves when it has called `initAck`.
 *
 * Rejects with a `StartError` when the actor has called `initFail`, when it
 * ends without having called either, and after `timeoutMs`, when it is killed.
 * In each case the actor has ended by then, so that its name can be taken
 * again; if the caller traps exits, the actor's `Exit` message has been
 * removed. If the caller ends during the start, the started actor lives on.
 *
 * Throws `UsageError` when the name is taken or the caller is a handler actor.
 *
 * @example
 * ```ts
 * import { type Self, start as startNode } from "hornbeam";
 * import { start, StartError, type Starting } from "hornbeam/std/proc_lib";
 *
 * await using node = await startNode();
 * await node.run(async (self) => {
 *   const store = ({ initAck, initFail }: Starting<number>) =>
 *     async (me: Self<string>) => {
 *       const rows = await Promise.resolve(["a", "b"]);
 *       if (rows.length === 0) initFail("empty");
 *       initAck(rows.length);
 *       for await (const row of me) rows.push(row);
 *     };
 *   const { pid, value } = await start(self, store, { name: "store" });
 *   self.send(pid, "c");
 *   console.log(value); // prints: 2
 *
 *   const error = await start(
 *     self,
 *     ({ initFail }) => () => initFail("no disk"),
 *   ).catch((error: StartError) => error);
 *   console.log(error instanceof StartError && error.reason); // prints: no disk
 * });
 * ```
 */
export async function start<M = unknown, R = void>(
  self: AnySelf,
  make: MakeBehaviour<M, R>,
  options: StartOptions = {},
): Promise<Started<M, R>> {
  const { pid, value } = await startNow(self, make, options, "alone");
  return { pid, value };
}

/**
 * As `start`, with a link from the beginning.
 *
 * A caller that does not trap exits ends with an actor whose start fails with
 * an abnormal exit reason. A timeout and an abort do not end the caller: the
 * link is removed before the kill.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { startLink } from "hornbeam/std/proc_lib";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const { pid, value } = await startLink<string, string>(
 *     self,
 *     ({ initAck }) => async (me) => {
 *       initAck("ready");
 *       await me.receive();
 *     },
 *   );
 *   console.log(value, self.isActorAlive(pid)); // prints: ready true
 * });
 * ```
 */
export async function startLink<M = unknown, R = void>(
  self: AnySelf,
  make: MakeBehaviour<M, R>,
  options: StartOptions = {},
): Promise<Started<M, R>> {
  const { pid, value } = await startNow(self, make, options, "linked");
  return { pid, value };
}

/**
 * As `start`, with a monitor from the beginning, which stays after the start:
 * `ref` is its ref. When the start fails, the `Down` is in the mailbox and the
 * `StartError` has its `ref`.
 *
 * @example
 * ```ts
 * import { Down, start } from "hornbeam";
 * import { startMonitor } from "hornbeam/std/proc_lib";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const { ref } = await startMonitor(self, ({ initAck }) => () => initAck());
 *   const down = await self.receive((m) => m instanceof Down && m.ref === ref);
 *   console.log((down as Down).reason); // prints: Symbol(normal)
 * });
 * ```
 */
export async function startMonitor<M = unknown, R = void>(
  self: AnySelf,
  make: MakeBehaviour<M, R>,
  options: StartOptions = {},
): Promise<Started<M, R> & { readonly ref: Ref }> {
  return await startNow(self, make, options, "monitored");
}

/** The state of a start. */
type Progress = {
  /**
   * `making`: the behaviour is being made and there is no actor yet. `running`:
   * the actor runs. `waiting`: the starter waits for the actor's result.
   */
  phase: "making" | "running" | "waiting";
  /** Where the result is to be sent; null until the starter waits for it. */
  from: ReplyTo | null;
  /** The result, if the actor gave it before the starter waited. */
  early: InitResult | null;
};

/**
 * As `start`, `startLink` and `startMonitor`, but returns no promise if the
 * actor is ready by then. For callers that start actors in great numbers.
 *
 * @internal
 */
export function startNow<M, R>(
  self: AnySelf,
  make: MakeBehaviour<M, R>,
  options: StartOptions,
  mode: StartMode,
):
  | Started<M, R> & { readonly ref: Ref }
  | Promise<Started<M, R> & { readonly ref: Ref }> {
  if ("monitor" in options || "link" in options) {
    throw new UsageError(
      "expected options of a start, got link or monitor; use startLink or " +
        "startMonitor",
    );
  }
  startOptions.check(options);
  options.signal?.throwIfAborted();
  const spawn = spawnPart(options);
  const progress: Progress = { phase: "making", from: null, early: null };
  const behaviour = make(makeStarting(self, progress));
  progress.phase = "running";
  // spawnReady runs the actor's first turn at once, which is too early for a
  // monitor and not possible for a function actor.
  if (mode === "monitored" || typeof behaviour === "function") {
    const pid = mode === "linked"
      ? self.spawnLink(behaviour, spawn)
      : self.spawn(behaviour, spawn);
    const ref = mode === "monitored" ? self.monitor(pid) : NO_REF;
    return awaitInitResult(self, progress, { pid, ref }, options);
  }
  const { pid, hasEnded, reason } = self.spawnReady(
    behaviour,
    mode === "linked" ? { ...spawn, link: true } : spawn,
  );
  const { early } = progress;
  if (early?.type === "ack") {
    return { pid, ref: NO_REF, value: early.value as R };
  }
  if (early === null && !hasEnded) {
    return awaitInitResult(self, progress, { pid, ref: NO_REF }, options);
  }
  return rejectStart(self, pid, early === null ? reason : early.value);
}

/** Rejects the start of a handler whose first state could not be made. */
async function rejectStart(
  self: AnySelf,
  pid: Pid<never>,
  reason: unknown,
): Promise<never> {
  // The actor was linked, and the starter has ended with it.
  if (!self.isAlive) throw new KilledError(reason);
  await awaitEnd(self, pid);
  throw new StartError(reason, pid, null);
}

/** Waits for the result of an actor that is not ready yet. */
async function awaitInitResult<M, R>(
  self: AnySelf,
  progress: Progress,
  { pid, ref }: { readonly pid: Pid<M>; readonly ref: Ref },
  options: StartOptions,
): Promise<Started<M, R> & { readonly ref: Ref }> {
  const { timeoutMs = Infinity, signal } = options;
  const announce = (address: ReplyTo) => {
    progress.from = address;
    progress.phase = "waiting";
  };
  let result: InitResult;
  try {
    result = await self.expectReply<InitResult>(
      pid,
      announce,
      signal === undefined ? { timeoutMs } : { timeoutMs, signal },
    );
  } catch (error) {
    const reason = await abandonStart(self, pid, error);
    throw new StartError(reason, pid, ref);
  }
  if (result.type === "ack") return { pid, ref, value: result.value as R };
  await awaitEnd(self, pid);
  throw new StartError(result.value, pid, ref);
}

/** Stands for a ref where there is none: only `startMonitor` returns a ref. */
const NO_REF = null as never;

/**
 * Resolves with the reason why there was no result, once the actor has ended.
 * Kills the actor after a timeout and an abort; rejects with the error where it
 * is no failure of the start.
 */
async function abandonStart(
  self: AnySelf,
  pid: Pid<never>,
  thrown: unknown,
): Promise<unknown> {
  const error = readableReason(thrown);
  if (!self.isAlive) throw error;
  const isFailure = error instanceof CallError;
  if (isFailure && !self.isActorAlive(pid)) {
    await awaitEnd(self, pid);
    return error.reason;
  }
  // The link goes first; else the kill would end the caller as well.
  self.unlink(pid);
  self.sendExit(pid, reasons.kill);
  // The caller is a handler, which cannot wait, or timeoutMs is no time limit.
  if (error instanceof UsageError) throw error;
  await awaitEnd(self, pid);
  if (isFailure) return "timeout";
  throw error;
}

/** Waits until the actor has ended, and removes its `Exit`. */
async function awaitEnd(self: AnySelf, pid: Pid<never>): Promise<void> {
  if (self.isActorAlive(pid)) {
    const ref = self.monitor(pid);
    await receiveRef(self, ref);
  }
  await flushExit(self, pid);
}

function makeStarting<R>(self: AnySelf, progress: Progress): Starting<R> {
  return {
    initAck: (value) => sendInitResult(self, progress, { type: "ack", value }),
    initFail: (reason, exitReason = reason) => {
      sendInitResult(self, progress, { type: "nack", value: reason });
      throw new ExitError(exitReason);
    },
  };
}

function sendInitResult(
  self: AnySelf,
  progress: Progress,
  result: InitResult,
): void {
  if (progress.phase === "making") {
    throw new UsageError(
      "expected initAck or initFail to be called by the started actor, got " +
        "a call before there is one",
    );
  }
  if (progress.from === null) progress.early ??= result;
  // Sent as the caller, because a reply does not tell which actor has sent it.
  else if (self.isAlive) self.reply(progress.from, result);
}

/**
 * Sends an exit signal, and resolves when the actor has ended with the reason
 * asked for or with `normal`.
 *
 * Rejects with a `StopError` when there is no such actor, when it ends with
 * another reason, and after `timeoutMs`, when it still lives. A link to it is
 * removed first, so that its end does not end the caller.
 *
 * A name is one of this node. An actor that traps exits decides itself whether
 * and when it ends; `reasons.kill` ends it in any case. `reasons.normal` is
 * refused with `UsageError`, because that signal ends no actor that does not
 * trap exits.
 *
 * @example
 * ```ts
 * import { handler, start } from "hornbeam";
 * import { stop, StopError } from "hornbeam/std/proc_lib";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   self.spawn(handler(0, (n: number) => n), { name: "counter" });
 *   await stop(self, "counter", { timeoutMs: 1_000 });
 *   const error = await stop(self, "counter").catch((error) => error);
 *   console.log(error instanceof StopError && error.reason);
 *   // prints: Symbol(noproc)
 * });
 * ```
 */
export async function stop(
  self: AnySelf,
  target: Pid<never> | string,
  options: StopOptions = {},
): Promise<void> {
  stopOptions.check(options);
  const { reason: asked = reasons.shutdown, ...limits } = options;
  mustBeReason(asked);
  const pid = typeof target === "string" ? self.whereis(target) : target;
  if (pid === self.pid || asked === reasons.normal) {
    throw new UsageError(
      pid === self.pid
        ? "expected another actor to stop, got the caller; use self.exit"
        : "expected an exit reason other than normal, which no actor ends by " +
          "that does not trap exits; use shutdown",
    );
  }
  if (pid === null) throw new StopError(target, asked, reasons.noproc);
  const ref = self.monitor(pid);
  self.unlink(pid);
  self.sendExit(pid, asked);
  let down: Down | undefined;
  try {
    down = await receiveRef(self, ref, limits) as Down | undefined;
  } finally {
    if (self.isAlive) self.demonitor(ref, { flush: true });
  }
  const reason = down === undefined ? "timeout" : down.reason;
  // An actor that was killed ends with `killed`.
  const expected = asked === reasons.kill ? reasons.killed : asked;
  if (reason === reasons.normal || termEquals(reason, expected)) {
    return;
  }
  throw new StopError(target, asked, reason);
}
