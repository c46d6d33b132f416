/**
 * erpc: calling functions that other nodes offer, and serving such calls.
 *
 * The protocol is that of OTP's module `erpc` (OTP 23 and later): a spawn
 * request for `erpc:execute_call` with a monitor, and the result is the reason
 * for which the new actor ends. That actor is all there is of a call on the
 * other side, and what it may call is in `core/functions.ts`.
 *
 * On this side an actor of its own waits for the result, so that a late one is
 * never seen by the caller, and a caller that gives up or ends leaves nothing
 * behind. Whether a call that timed out has run is not known, nor is it
 * stopped.
 */

import type { LocalActor } from "../core/local_actor.ts";
import type { Node } from "../core/node.ts";
import type { AnyBehaviour, Self } from "../core/self.ts";
import { Call, type CallOptions } from "../core/calls.ts";
import { type Functions, splitCalled } from "../core/functions.ts";
import {
  CallError,
  Down,
  reasons,
  SpawnError,
  UsageError,
} from "../core/messages.ts";
import { atom, printTerm, type Ref, Tuple } from "../core/terms.ts";
import { ErpcError } from "./erpc_error.ts";
import { type Called, callOffered, type Outcome, uncaught } from "./outcome.ts";

/** The actor that calls; the messages that it accepts do not matter. */
export type AnySelf = Pick<Self, "isAlive" | "spawn" | "call" | "sendExit">;

const names = {
  return: atom("return"),
  throw: atom("throw"),
  exit: atom("exit"),
  error: atom("error"),
  erpc: atom("erpc"),
} as const;

const executeCall = "erpc:execute_call";
const executeCast = "erpc:execute_cast";

// -- Serving

/** Lets others call what this node offers. */
export function serveErpc(node: Node): void {
  const { functions, internals } = node;
  internals.set(
    `${executeCall}/4`,
    (ref, module, name, args): AnyBehaviour => async (self: Self) => {
      const outcome = await callOffered(functions, { module, name, args });
      self.exit(resultOf(ref, outcome));
    },
  );
  internals.set(
    `${executeCast}/3`,
    (module, name, args) => applied(functions, { module, name, args }),
  );
  internals.set(
    "erlang:apply/3",
    (module, name, args) => applied(functions, { module, name, args }),
  );
}

/** An actor that calls a function and ends as that does. */
function applied(functions: Functions, called: Called): AnyBehaviour {
  return async () => {
    const outcome = await callOffered(functions, called);
    if (outcome.class !== "return") throw uncaught(outcome);
  };
}

function resultOf(ref: unknown, outcome: Outcome): Tuple {
  switch (outcome.class) {
    case "return":
    case "throw":
      return new Tuple([ref, names[outcome.class], outcome.value]);
    case "exit":
      return new Tuple([ref, names.exit, outcome.reason]);
    case "error":
      return new Tuple([ref, names.error, outcome.reason, outcome.stack]);
    default:
      return outcome satisfies never;
  }
}

// -- Calling

/** What the waiting actor tells the caller. */
type Result =
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
async function erpcCall(
  self: AnySelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
  options: CallOptions = {},
): Promise<unknown> {
  const parts = checked(called, args);
  const title = `${called}/${args.length} on ${node}`;
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
  return result.value;
}

/** The actor that makes one call: it ends with its result or its caller. */
async function wait(
  me: Self<Call | Down>,
  node: string,
  parts: readonly unknown[],
  title: string,
): Promise<void> {
  const { from } = await me.receive((m): m is Call => m instanceof Call);
  me.monitor(from.pid);
  const ref = me.makeRef();
  try {
    const child = await me.spawnOn(node, executeCall, [ref, ...parts], {
      monitor: true,
    });
    const down = await me.receive((m): m is Down => m instanceof Down);
    // The other monitor is the caller's, who then waits for nothing.
    if (down.ref !== child.ref) return;
    me.reply(from, valueOf(ref, down.reason, title));
  } catch (error) {
    me.reply(from, {
      type: "error",
      error: error instanceof SpawnError
        ? erpcFailure(title, atom(spawnReason(error.reason)))
        : error,
    });
  }
}

/** A node that does not know erpc has no such function. */
function spawnReason(reason: string): string {
  return reason === "undef" ? "notsup" : reason;
}

function erpcFailure(title: string, reason: unknown): ErpcError {
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
  const [, how, what, stack] = items;
  switch (how) {
    case names.return:
      return { type: "value", value: what };
    case names.throw:
    case names.exit:
      return {
        type: "error",
        error: new ErpcError(title, {
          class: how === names.exit ? "exit" : "throw",
          reason: what,
        }),
      };
    default:
      return { type: "error", error: errorOf(what, stack, title) };
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
 * Has a function called, without learning whether it was or how it went: a bad
 * node or an unknown function is no error. Throws an `EncodeError` for
 * arguments that cannot leave the node, and `BusyError` as `self.send` does.
 */
function erpcCast(
  self: AnySelf,
  node: string,
  called: string,
  args: readonly unknown[] = [],
): void {
  const parts = checked(called, args);
  const actor = self as AnySelf & LocalActor;
  if (!actor.isAlive) return;
  actor.owner.spawns.requestOnly(actor, node, executeCast, parts);
}

/** Module, function and arguments as they are sent. */
function checked(called: string, args: readonly unknown[]): unknown[] {
  const { module, name } = splitCalled(String(called));
  if (
    typeof called !== "string" || module === "" || name === "" ||
    !called.includes(":")
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

/** Calls of functions on other nodes; see the two functions. */
export const erpc: {
  readonly call: typeof erpcCall;
  readonly cast: typeof erpcCast;
} = { call: erpcCall, cast: erpcCast };
