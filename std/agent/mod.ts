/**
 * Agents: a value that several actors share, behind an actor. Follows Elixir's
 * `Agent`.
 *
 * What is to be done with the value is a function, which runs in the agent: one
 * at a time, in order of arrival, each with what the one before has left.
 *
 * When not to use it: for more than a value. A server (`std/gen_server/mod.ts`)
 * has names for its requests, handles other messages, and can be called from
 * other nodes, where functions cannot go. For values by key that many read, see
 * `std/registry/mod.ts`. Work that takes long belongs into a `Task`, because
 * the agent is busy with it and everybody else waits.
 *
 * Guarantees, weak ones included:
 * - A function may be asynchronous; the next one waits for it.
 * - A function that throws ends the agent, and rejects its call with a
 *   `CallError` whose `reason` is what was thrown.
 * - Values are passed by reference, like all messages within a node: what `get`
 *   gives must not be changed.
 * - What a client rejects with otherwise is in the head of
 *   `std/gen_server/mod.ts`; after a time-out the function may run
 *   nevertheless.
 */

import {
  type CallOptions,
  type CallTarget,
  type ExitReason,
  type Pid,
  printTerm,
  Shared,
  UsageError,
} from "../../runtime/mod.ts";
import {
  genServer,
  type ServerName,
  type ServerOptions,
  stop,
  type StopOptions,
} from "../gen_server/mod.ts";
import { mustBeHere } from "../internal/targets.ts";
import type { AnySelf } from "../internal/wait.ts";

export type { AnySelf, ServerName, ServerOptions, StopOptions };

type Fn = (value: unknown) => unknown;

const Holder = genServer({
  name: "Agent",
  init: async (_self, first: Shared<() => unknown>) => ({
    value: await first.value(),
  }),
  calls: {
    get: ({ state }, fn: Shared<Fn>) => fn.value(state.value),
    update: ({ state }, fn: Shared<Fn>) => set(state, fn.value(state.value)),
    getAndUpdate: ({ state }, fn: Shared<Fn>) => {
      const made = fn.value(state.value);
      return made instanceof Promise
        ? made.then((pair) => replace(state, pair))
        : replace(state, made);
    },
  },
  casts: {
    castUpdate: ({ state }, fn: Shared<Fn>) =>
      set(state, fn.value(state.value)),
  },
});

type State = { value: unknown };

function set(state: State, made: unknown): void | Promise<void> {
  if (made instanceof Promise) {
    return made.then((value) => void (state.value = value));
  }
  state.value = made;
}

function replace(state: State, pair: unknown): unknown {
  const [reply, value] = pair as readonly [unknown, unknown];
  state.value = value;
  return reply;
}

/**
 * An agent, in the hands of the actor that uses it.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { Agent } from "hornbeam/std/agent";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const stock = await Agent.startLink(self, () => new Map([["nuts", 3]]));
 *   await stock.update((items) => items.set("bolts", 5));
 *   const taken = await stock.getAndUpdate((items) => {
 *     const left = new Map(items).set("nuts", 0);
 *     return [items.get("nuts"), left];
 *   });
 *   console.log(taken); // prints: 3
 *   console.log(await stock.get((items) => [...items.values()].join()));
 *   // prints: 0,5
 *   await stock.stop();
 * });
 * ```
 */
export class Agent<S> {
  readonly self: AnySelf;
  readonly target: CallTarget;
  readonly #options: CallOptions;

  private constructor(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions,
  ) {
    this.self = self;
    this.target = target;
    this.#options = options;
  }

  /**
   * Starts an agent that is linked to the caller, with the value that the
   * function gives, which runs in the agent. Rejects with a `StartError`.
   */
  static async startLink<S>(
    self: AnySelf,
    first: () => S | Promise<S>,
    options: ServerOptions = {},
  ): Promise<Agent<S>> {
    const { pid } = await Holder.startLink(self, new Shared(first), options);
    return new Agent<S>(self, pid, {});
  }

  /** As `startLink`, without a link. */
  static async start<S>(
    self: AnySelf,
    first: () => S | Promise<S>,
    options: ServerOptions = {},
  ): Promise<Agent<S>> {
    const { pid } = await Holder.start(self, new Shared(first), options);
    return new Agent<S>(self, pid, {});
  }

  /**
   * One that runs already, by pid or name. What its value is, is taken on
   * trust: `Agent.at<number>(self, "counter")`.
   */
  static at<S>(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions = {},
  ): Agent<S> {
    return new Agent<S>(self, target, options);
  }

  /** Who it is now. Throws `UsageError` when nobody has the name. */
  get pid(): Pid<never> {
    const { pid } = this.#client();
    if (pid !== null) return pid;
    throw new UsageError(
      `expected somebody to have the name ${printTerm(this.target)}, but ` +
        "nobody has",
    );
  }

  /** The same agent, with other limits of its calls. */
  with(options: CallOptions): Agent<S> {
    const both = { ...this.#options, ...options };
    return new Agent<S>(this.self, this.target, both);
  }

  /** What the function makes of the value, which stays. */
  async get<T>(fn: (value: S) => T | Promise<T>): Promise<T> {
    return await this.#client().get(this.#shared(fn)) as T;
  }

  /** Puts what the function gives in the value's place. */
  async update(fn: (value: S) => S | Promise<S>): Promise<void> {
    await this.#client().update(this.#shared(fn));
  }

  /** The function gives a pair: what this resolves with, and the next value. */
  async getAndUpdate<T>(
    fn: (value: S) => readonly [T, S] | Promise<readonly [T, S]>,
  ): Promise<T> {
    return await this.#client().getAndUpdate(this.#shared(fn)) as T;
  }

  /** As `update`, without waiting for it and without news of a failure. */
  cast(fn: (value: S) => S | Promise<S>): void {
    const shared = this.#shared(fn);
    this.#client().castUpdate(shared);
  }

  /** Ends the agent. Rejects with a `StopError`; see `stop` of `gen_server`. */
  stop(reason?: ExitReason, options: StopOptions = {}): Promise<void> {
    return stop(this.self, this.target, reason, options);
  }

  #client() {
    return Holder.at(this.self, this.target, this.#options);
  }

  /** Throws `UsageError` for an agent of another node. */
  #shared(fn: unknown): Shared<Fn> {
    mustBeHere(this.self, this.target, "an agent");
    return new Shared(fn as Fn);
  }
}
