/**
 * State machines: an actor whose next step depends on a state as well as on
 * what it is sent. Follows OTP's `gen_statem`, also on the wire: a BEAM node's
 * `gen_statem:call` reaches a machine of ours, and ours reaches one of theirs.
 *
 * A definition is an object literal in one of two styles: with a function for
 * each state, where states are strings, or with one function for all, where a
 * state may be any term. Both get an event and the machine, and return what
 * comes next. Types are inferred; what clients may call and cast is declared
 * with `takes`.
 *
 * When not to use it: a server (`std/gen_server/mod.ts`) is simpler where every
 * request can be answered at any time. What is worth it here: postponing what
 * does not fit the state, time-outs that belong to a state, and a table of
 * states that can be read.
 *
 * Guarantees, weak ones included:
 * - One event at a time, also while an asynchronous callback waits. Order:
 *   events inserted by `nextEvent`, in their order; then postponed events that a
 *   change of the state has freed, the oldest first; then time-outs of 0 ms, in
 *   the order of their start; then the mailbox.
 * - Postponed events are handled again only after a change to a state that is
 *   another by `termEquals`, and then all of them. Repeating a state is no
 *   change.
 * - An event time-out is cancelled by any event, a state time-out by a change
 *   of the state, a generic one only by its name. What was cancelled does not
 *   come, even if its timer had fired already. If one result, with the enter
 *   call after it, names a time-out more than once, only the last time counts.
 * - Replies are sent at once, before the enter call of the next state and
 *   before `terminate`. Time-outs start after the enter call.
 * - An enter call may not change the state, postpone or insert events: that
 *   ends the machine, as does a result that is none, with OTP's exit reasons.
 * - Start, calls, names, `terminate`, reports and `sys` are those of
 *   `std/gen_server/mod.ts`. Events that are queued or postponed at the end are
 *   lost, and their callers are told of the end.
 */

import {
  atom,
  type CallOptions,
  type CallTarget,
  UsageError,
} from "../../runtime/mod.ts";
import {
  type BoundClient,
  clientClass,
  type ClientSelf,
  requestOf,
} from "../gen_server/client.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import type {
  Client,
  ServerOptions,
  StartArguments,
  Started,
} from "../gen_server/types.ts";
import { nullIfIgnored, startedBy } from "../gen_server/starting.ts";
import { type Callback, machineLife, optionsOf, type Plan } from "./running.ts";
import {
  type Action,
  type HandlerDefinition,
  InitialState,
  type StatemBase,
  type StatesDefinition,
} from "./types.ts";
import {
  type Launch,
  type ServerName,
  startNamed,
} from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";

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
 * What `init` returns: the first state, the data, and what is to be done before
 * any message, such as time-outs and `nextEvent`.
 */
export function initial<const S, D>(
  state: S,
  data: D,
  actions: readonly Action<never, never>[] = [],
): InitialState<S, D> {
  return new InitialState(state, data, actions);
}

/**
 * Declares what a call or cast takes and what is replied:
 * `calls: { press: takes<(digit: number) => boolean>() }`.
 */
export function takes<F extends (...args: never[]) => unknown>(): (
  machine: never,
  ...args: Parameters<F>
) => ReturnType<F> {
  return () => {
    throw new UsageError(
      "expected a declaration to be left alone, got a call of it",
    );
  };
}

/**
 * A kind of state machine: made by `genStatem`, started as often as you like.
 */
export class GenStatem<R, A, C, K> {
  /** The definition's name. */
  readonly name: string;
  readonly #plan: Plan;
  readonly #Client: typeof BoundClient;

  /** @internal Made by `genStatem`. */
  constructor(plan: Plan) {
    this.name = plan.name;
    this.#plan = plan;
    this.#Client = clientClass(
      [...plan.calls.values()],
      [...plan.casts.values()],
    );
  }

  /**
   * Starts a machine that is linked to the caller, and resolves with a client
   * of it once `init` is done; with null when that returned `ignore`. Rejects
   * with a `StartError`, as `startLink` of a server does.
   */
  startLink(
    self: AnySelf,
    ...[arg, options]: StartArguments<A, ServerOptions>
  ): Promise<Started<R, C, K>> {
    return this.#start(self, "linked", arg, options);
  }

  /** As `startLink`, without a link. */
  start(
    self: AnySelf,
    ...[arg, options]: StartArguments<A, ServerOptions>
  ): Promise<Started<R, C, K>> {
    return this.#start(self, "alone", arg, options);
  }

  async #start(
    self: AnySelf,
    how: "linked" | "alone",
    arg: unknown,
    options: ServerOptions = {},
  ): Promise<Started<R, C, K>> {
    try {
      const make = (launch: Launch) =>
        startedBy(this.#plan, machineLife, arg, launch);
      const pid = await startNamed(self, how, make, options);
      return this.at(self, pid) as Started<R, C, K>;
    } catch (error) {
      return nullIfIgnored(error) as Started<R, C, K>;
    }
  }

  /**
   * A client of a machine that runs already, here or on another node. It is not
   * asked whether it is of this kind.
   */
  at(
    self: ClientSelf,
    target: CallTarget,
    options: CallOptions = {},
  ): Client<C, K> {
    return new this.#Client(self, target, options) as unknown as Client<C, K>;
  }

  /** The request of a call or cast as it is sent. */
  request<N extends keyof (C & K) & string>(
    name: N,
    ...args: (C & K)[N] extends (machine: never, ...args: infer P) => unknown
      ? P
      : never
  ): unknown {
    return requestOf(atom(name), args);
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
 *       // Who pushes too early waits for somebody's coin.
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
/** Defines a kind of state machine with one function for all states. */
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

/** Of either style. */
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
