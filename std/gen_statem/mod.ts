/**
 * State machines: an actor whose callbacks depend on its state as well as on
 * the event. Follows OTP's `gen_statem`, also on the wire: a BEAM node's
 * `gen_statem:call` reaches a machine of ours, and our `call` reaches a machine
 * of a BEAM node.
 *
 * **To define a machine:** `genStatem` takes an object literal in one of two
 * styles. With `states`, there is a function for each state, and states are
 * strings. With `handleEvent`, there is one function for all states, and a
 * state may be any term. Both styles get an event and the machine, and return
 * the result: a next state, the same state, or a stop.
 *
 * **To declare calls and casts:** `takes`, so that clients and events have
 * types.
 *
 * **To handle an event in a later state:** the action `postpone`.
 *
 * **To limit a time:** the actions `timeout` (until the next event),
 * `stateTimeout` (until the state changes) and `genericTimeout` (by name).
 *
 * **To start, call and end it:** as a server; see `std/gen_server/mod.ts`.
 *
 * When not to use it: a server is simpler where every request can be answered
 * at any time. A machine is worth it for postponed events, for time-outs that
 * belong to a state, and for a table of states that can be read.
 *
 * Guarantees, weak ones included:
 * - The machine handles one event at a time, also while an asynchronous
 *   callback waits. Order: events inserted by `nextEvent`, in their order; then
 *   postponed events after a change of the state, the oldest first; then
 *   time-outs of 0 ms, in the order of their start; then the mailbox.
 * - Postponed events are handled again only after a change to a state that is
 *   another by `termEquals`, and then all of them. Repeating a state is no
 *   change.
 * - An event time-out is cancelled by any event, a state time-out by a change
 *   of the state, a generic time-out only by its name. A cancelled time-out
 *   does not come, even if its timer had fired already. If one result, with the
 *   enter call after it, names a time-out more than once, only the last one
 *   counts.
 * - Replies are sent at once, before the enter call of the next state and
 *   before `terminate`. Time-outs start after the enter call.
 * - An enter call must not change the state, postpone or insert events: that
 *   ends the machine with OTP's exit reasons, as does a result of another type.
 * - Start, calls, names, `terminate`, reports and `sys` are those of
 *   `std/gen_server/mod.ts`. Events that are queued or postponed when the
 *   machine ends are lost; their callers are notified of the end.
 */

import { atom, UsageError } from "../../runtime/mod.ts";
import type { ClientSelf } from "../gen_server/client.ts";
import { ServerKind } from "../gen_server/kind.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import type {
  Client,
  ServerOptions,
  StartArguments,
} from "../gen_server/types.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import {
  type Callback,
  machineLifecycle,
  optionsOf,
  type Plan,
} from "./running.ts";
import {
  type Action,
  type HandlerDefinition,
  InitialState,
  type StatemBase,
  type StatesDefinition,
} from "./types.ts";

export { call, cast, ignore, refuse, reply, stop } from "../gen_server/mod.ts";
export type {
  Action,
  CallEvent,
  CastEvent,
  DataOf,
  EnterAction,
  From,
  HandlerDefinition,
  InitialState,
  Machine,
  QueuedEvent,
  ReplyAction,
  Result,
  StateFunction,
  StatemBase,
  StatemEvent,
  StatemResult,
  StateOf,
  StatesDefinition,
  TimeoutAction,
  TimeoutEvent,
} from "./types.ts";
export type { Client, ClientSelf, ServerName, ServerOptions, StopOptions };

/**
 * What `init` returns: the first state, the data, and the actions before any
 * message, such as time-outs and `nextEvent`.
 */
export function initial<const S, D>(
  state: S,
  data: D,
  actions: readonly Action<never, never>[] = [],
): InitialState<S, D> {
  return new InitialState(state, data, actions);
}

/**
 * Declares the arguments and the reply of a call, or the arguments of a cast:
 * `calls: { press: takes<(digit: number) => boolean>() }`. What it returns is
 * never called; see `genStatem` for an example.
 */
export function takes<F extends (...args: never[]) => unknown>(): (
  machine: never,
  ...args: Parameters<F>
) => ReturnType<F> {
  return () => {
    throw new UsageError(
      "expected takes() only as a declaration, got a call of what it returns",
    );
  };
}

/**
 * A kind of state machine: made by `genStatem`, and started any number of times
 * with `start` and `startLink`.
 */
export class GenStatem<R, A, C, K>
  extends ServerKind<StartArguments<A, ServerOptions>, R, C, K> {
  /** @internal Made by `genStatem`. */
  constructor(plan: Plan) {
    super(
      plan as never,
      machineLifecycle as never,
      [...plan.calls.values()],
      [...plan.casts.values()],
    );
  }
}

/**
 * Defines a kind of state machine, with a function for each state.
 *
 * Throws `UsageError` when a name is both a call and a cast, or one of those
 * that a client needs for itself: `pid`, `target`, `with`, `then`.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genStatem, initial, takes } from "hornbeam/std/gen_statem";
 *
 * const Turnstile = genStatem({
 *   calls: { push: takes<() => string>(), coin: takes<() => number>() },
 *   init: () => initial("locked", { coins: 0 }),
 *   states: {
 *     locked: (event, machine) => {
 *       if (event.type === "call" && event.name === "coin") {
 *         machine.reply(event.from, ++machine.data.coins);
 *         return machine.nextState("open", machine.data, [
 *           { type: "stateTimeout", timeoutMs: 1_000 },
 *         ]);
 *       }
 *       // A push before the coin waits until the gate is open.
 *       return machine.keepStateAndData([{ type: "postpone" }]);
 *     },
 *     open: (event, machine) => {
 *       if (event.type === "call" && event.name === "push") {
 *         machine.reply(event.from, "welcome");
 *       }
 *       return machine.nextState("locked");
 *     },
 *   },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const gate = await Turnstile.startLink(self);
 *   const pushed = gate.push();
 *   console.log(await gate.coin()); // prints: 1
 *   console.log(await pushed); // prints: welcome
 * });
 * ```
 */
export function genStatem<
  R,
  A,
  const N extends string,
  // deno-lint-ignore ban-types
  C = {},
  // deno-lint-ignore ban-types
  K = {},
>(definition: StatesDefinition<R, A, C, K, N>): GenStatem<R, A, C, K>;
/**
 * Defines a kind of state machine with one function for all states.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genStatem, initial, takes } from "hornbeam/std/gen_statem";
 *
 * const Lamp = genStatem({
 *   calls: { press: takes<() => boolean>() },
 *   init: () => initial({ isOn: false as boolean }, null),
 *   handleEvent: (event, machine) => {
 *     if (event.type !== "call" || event.name !== "press") return;
 *     const isOn = !machine.state.isOn;
 *     machine.reply(event.from, isOn);
 *     return machine.nextState({ isOn });
 *   },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const lamp = await Lamp.startLink(self);
 *   console.log(await lamp.press(), await lamp.press()); // prints: true false
 * });
 * ```
 */
export function genStatem<
  R,
  A,
  // deno-lint-ignore ban-types
  C = {},
  // deno-lint-ignore ban-types
  K = {},
>(definition: HandlerDefinition<R, A, C, K>): GenStatem<R, A, C, K>;
export function genStatem(definition: unknown): unknown {
  return new GenStatem(planOf(definition as AnyDefinition));
}

/** A definition of either style. */
type AnyDefinition = StatemBase<unknown, never, unknown, unknown, never> & {
  readonly states?: Readonly<Record<string, Callback>>;
  readonly handleEvent?: Callback;
};

function planOf(definition: AnyDefinition): Plan {
  const { name = "GenStatem", trapExits = false, stateEnter = false } =
    definition;
  const { states, handleEvent, calls, casts } = definition;
  if ((states === undefined) === (handleEvent === undefined)) {
    throw new UsageError(
      "expected either states or handleEvent in the definition of a state " +
        `machine, got ${states === undefined ? "neither" : "both"}`,
    );
  }
  return {
    name,
    trapExits,
    stateEnter,
    init: definition.init,
    calls: byAtom(calls),
    casts: byAtom(casts),
    states: states === undefined ? null : new Map(Object.entries(states)),
    handleEvent: handleEvent ?? null,
    terminate: definition.terminate as Plan["terminate"],
    formatStatus: definition.formatStatus as Plan["formatStatus"],
    options: optionsOf(name),
  };
}

function byAtom(declared: object = {}): ReadonlyMap<unknown, string> {
  return new Map(Object.keys(declared).map((name) => [atom(name), name]));
}
