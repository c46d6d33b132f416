/**
 * The calling side of erpc for one call. `erpc.ts` describes the protocol.
 */

import { callOptions } from "../../core/contract/option_tables.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { CallOptions, Self } from "../../core/contract/self.ts";
import { Call } from "../../core/messages/requests.ts";
import { splitCalled } from "../../core/node/functions.ts";
import {
  CallError,
  SpawnError,
  UsageError,
} from "../../core/messages/errors.ts";
import { Down } from "../../core/messages/runtime_messages.ts";
import { reasons } from "../../core/messages/reasons.ts";
import {
  atom,
  type Pid,
  printTerm,
  type Ref,
  Tuple,
} from "../../core/terms/terms.ts";
import { ErpcError } from "./error.ts";

/** The calling actor's `self`; the messages that it accepts do not matter. */
export type AnySelf =
  & Pick<Self, "isAlive" | "spawn" | "call" | "sendExit">
  & { readonly pid: Pid<never> };

const names = {
  return: atom("return"),
  throw: atom("throw"),
  exit: atom("exit"),
  erpc: atom("erpc"),
} as const;

export const EXECUTE_CALL = "erpc:execute_call";
export const EXECUTE_CAST = "erpc:execute_cast";

/** The waiting actor's reply to the caller. */
export type Result =
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "error"; readonly error: unknown };

/**
 * Calls a function on a node, this one included, and resolves with what it
 * returns. `called` is `module:function`; a module of Elixir begins with
 * `Elixir.`.
 *
 * Rejects with an `ErpcError`; after `timeoutMs` (default 5,000; Infinity waits
 * for ever) with one of class `erpc` and reason `timeout`. Rejects with an
 * `EncodeError` for arguments that cannot leave the node, and with the signal's
 * reason when it is aborted. Must be called by a function actor.
 *
 * @example
 * ```ts
 * import { erpc, start } from "hornbeam";
 *
 * await using node = await start({
 *   functions: { "math:add/2": (a: number, b: number) => a + b },
 * });
 * const sum = await node.run((self) =>
 *   erpc.call(self, self.node, "math:add", [1, 2])
 * );
 * console.log(sum); // prints: 3
 * ```
 */
export async function erpcCall<R = unknown>(
  self: AnySelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
  options: CallOptions = {},
): Promise<R> {
  const parts = checked(called, args);
  callOptions.check(options, "erpc.call");
  const title = titleOf(node, called, args);
  const waiter = self.spawn(
    (me: Self<Call | Down>) => wait(me, node, parts, title),
    { label: "erpc" },
  );
  let result: Result;
  try {
    result = await self.call<Result>(waiter, null, options);
  } catch (error) {
    self.sendExit(waiter, reasons.kill);
    if (!(error instanceof CallError)) throw error;
    const { reason } = error;
    throw erpcFailure(title, reason === "timeout" ? atom(reason) : reason);
  }
  if (result.type === "error") throw result.error;
  return result.value as R;
}

/** The waiting actor of one call: it ends with its result or its caller. */
async function wait(
  me: Self<Call | Down>,
  node: string,
  parts: readonly unknown[],
  title: string,
): Promise<void> {
  const { from } = await me.receive((m): m is Call => m instanceof Call);
  const result = await perform(me, from.pid, { node, parts, title });
  if (result === null) return;
  try {
    me.reply(from, result);
  } catch (error) {
    // On a node that copies messages, a value that cannot be copied.
    me.reply(from, { type: "error", error });
  }
}

/** One checked call that is ready to be sent. */
export type Request = {
  readonly node: string;
  /** Module, function and arguments. */
  readonly parts: readonly unknown[];
  /** How error messages name the call. */
  readonly title: string;
};

/**
 * Makes a call on behalf of a caller; `me` is an actor for this call alone.
 * Resolves with null when the caller has ended, since it then needs no result.
 */
export async function perform(
  me: Self<Call | Down>,
  caller: Pid<never>,
  { node, parts, title }: Request,
): Promise<Result | null> {
  me.monitor(caller as Pid);
  const ref = me.makeRef();
  try {
    const child = await me.spawnOn(node, EXECUTE_CALL, [ref, ...parts], {
      monitor: true,
    });
    const down = await me.receive((m): m is Down => m instanceof Down);
    // Otherwise it is the monitor of the caller.
    if (down.ref !== child.ref) return null;
    return valueOf(ref, down.reason, title);
  } catch (error) {
    return {
      type: "error",
      error: error instanceof SpawnError
        ? erpcFailure(title, atom(spawnReason(error.reason)))
        : error,
    };
  }
}

/** A node that does not know erpc has no `erpc:execute_call`. */
function spawnReason(reason: string): string {
  return reason === "undef" ? "notsup" : reason;
}

export function erpcFailure(title: string, reason: unknown): ErpcError {
  return new ErpcError(title, { class: "erpc", reason });
}

function valueOf(ref: Ref, reason: unknown, title: string): Result {
  const items = reason instanceof Tuple ? reason.items : [];
  if (!ref.equals(items[0])) {
    const error = reason === reasons.noconnection
      ? erpcFailure(title, reason)
      : new ErpcError(title, { class: "exit", reason, isSignal: true });
    return { type: "error", error };
  }
  const [, kind, value, stack] = items;
  switch (kind) {
    case names.return:
      return { type: "value", value };
    case names.throw:
    case names.exit:
      return {
        type: "error",
        error: new ErpcError(title, {
          class: kind === names.exit ? "exit" : "throw",
          reason: value,
        }),
      };
    default:
      return { type: "error", error: errorOf(value, stack, title) };
  }
}

function errorOf(reason: unknown, stack: unknown, title: string): ErpcError {
  const isCallItself = stack === undefined && reason instanceof Tuple &&
    reason.items[0] === names.erpc;
  return isCallItself
    ? erpcFailure(title, reason.items[1])
    : new ErpcError(title, {
      class: "error",
      reason,
      remoteStack: Array.isArray(stack) ? stack : [],
    });
}

/**
 * Asks a node to call a function, without a result: an unknown node or function
 * is no error. Throws an `EncodeError` for arguments that cannot leave the
 * node, and `BusyError` as `self.send` does.
 */
export function erpcCast(
  self: AnySelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
): void {
  const parts = checked(called, args);
  const actor = self as AnySelf & LocalActor;
  if (!actor.isAlive) return;
  actor.owner.spawns.requestOnly(actor, node, EXECUTE_CAST, parts);
}

/** How error messages name a call. */
export function titleOf(
  node: string,
  called: string,
  args: readonly unknown[],
): string {
  return `${called}/${args.length} on ${node}`;
}

/** Module, function and arguments as they are sent. Throws `UsageError`. */
export function checked(called: string, args: readonly unknown[]): unknown[] {
  const { module, name } = splitCalled(String(called));
  if (
    typeof called !== "string" || module === "" || name === "" ||
    !called.includes(":") || name.includes(":")
  ) {
    throw new UsageError(
      `expected "module:function" to call, got ${printTerm(called)}`,
    );
  }
  if (!Array.isArray(args)) {
    throw new UsageError(
      `expected an array of arguments for ${called}, got ${printTerm(args)}`,
    );
  }
  return [atom(module), atom(name), args];
}
