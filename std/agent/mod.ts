/**
 * Agents: a value that several actors share, behind an actor. Follows Elixir's
 * `Agent`.
 *
 * **To share a value:** `Agent.startLink(self, () => value)`, under a name if
 * actors are to find it with `Agent.at`.
 *
 * **To read it:** `get` with a function of the value.
 *
 * **To change it:** `update` with a function from the old value to the new one;
 * `getAndUpdate` to read and change in one step; `cast` to change it without
 * waiting. All these functions run in the agent.
 *
 * When not to use it: for more than a value. A server (`std/gen_server/mod.ts`)
 * has names for its requests, handles other messages, and can be called from
 * other nodes, where functions cannot be sent. For values by key that many
 * actors read, see `std/registry/mod.ts`. Work that takes long belongs into a
 * `Task`, because all other callers wait while the agent does it.
 *
 * Guarantees, weak ones included:
 * - Functions run one at a time, in order of arrival, each with the value that
 *   the one before has left. A function may be asynchronous; the next one waits
 *   for it.
 * - A function that throws ends the agent, and rejects its call with a
 *   `CallError` whose `reason` is what was thrown.
 * - Values are passed by reference, like all messages within a node: do not
 *   change what `get` returns.
 * - Calls reject otherwise as the head of `std/gen_server/mod.ts` says. After a
 *   time-out, the function may still run.
 */

import {
  type Atom,
  atom,
  type CallOptions,
  type CallTarget,
  type ExitReason,
  type Pid,
  Shared,
  type Tuple,
  tuple,
} from "../../runtime/mod.ts";
import { BoundClient } from "../gen_server/client.ts";
import {
  genServer,
  type ServerName,
  type ServerOptions,
  stop,
  type StopOptions,
} from "../gen_server/mod.ts";
import { mustBeHere, mustHavePid } from "../internal/targets.ts";
import type { AnySelf } from "../internal/wait.ts";

export type { AnySelf, ServerName, ServerOptions, StopOptions };

type ValueFunction = (value: unknown) => unknown;

const AgentServer = genServer({
  name: "Agent",
  init: async (_self, first: Shared<() => unknown>) => ({
    value: await first.value(),
  }),
  calls: {
    get: ({ state }, fn: Shared<ValueFunction>) => fn.value(state.value),
    update: ({ state }, fn: Shared<ValueFunction>) =>
      setValue(state, fn.value(state.value)),
    getAndUpdate: ({ state }, fn: Shared<ValueFunction>) => {
      const pair = fn.value(state.value);
      return pair instanceof Promise
        ? pair.then((pair) => setValueAndReply(state, pair))
        : setValueAndReply(state, pair);
    },
  },
  casts: {
    castUpdate: ({ state }, fn: Shared<ValueFunction>) =>
      setValue(state, fn.value(state.value)),
  },
});

type State = { value: unknown };

const GET = atom("get");
const UPDATE = atom("update");
const GET_AND_UPDATE = atom("getAndUpdate");
const CAST_UPDATE = atom("castUpdate");

function setValue(state: State, next: unknown): void | Promise<void> {
  if (next instanceof Promise) {
    return next.then((value) => void (state.value = value));
  }
  state.value = next;
}

function setValueAndReply(state: State, pair: unknown): unknown {
  const [reply, value] = pair as readonly [unknown, unknown];
  state.value = value;
  return reply;
}

/**
 * An agent, as the actor `self` uses it.
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
export class Agent<S> extends BoundClient<AnySelf> {
  private constructor(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions,
  ) {
    super(self, target, options);
  }

  /**
   * Starts an agent that is linked to the caller. The function returns the
   * first value, and runs in the agent. Rejects with a `StartError`.
   */
  static async startLink<S>(
    self: AnySelf,
    first: () => S | Promise<S>,
    options: ServerOptions = {},
  ): Promise<Agent<S>> {
    const { pid } = await AgentServer.startLink(
      self,
      new Shared(first),
      options,
    );
    return new Agent<S>(self, pid, {});
  }

  /** As `startLink`, without a link. */
  static async start<S>(
    self: AnySelf,
    first: () => S | Promise<S>,
    options: ServerOptions = {},
  ): Promise<Agent<S>> {
    const { pid } = await AgentServer.start(self, new Shared(first), options);
    return new Agent<S>(self, pid, {});
  }

  /**
   * An agent that runs already, by pid or name. The type of its value is not
   * checked: `Agent.at<number>(self, "counter")`.
   */
  static at<S>(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions = {},
  ): Agent<S> {
    return new Agent<S>(self, target, options);
  }

  /** The actor that uses the agent. */
  get self(): AnySelf {
    return BoundClient.selfOf(this);
  }

  /**
   * The agent's pid now. Throws `UsageError` when no actor has the name, and
   * for a name on another node.
   */
  override get pid(): Pid<never> {
    return mustHavePid(this.self, this.target);
  }

  /** Resolves with what the function returns for the value, which is kept. */
  async get<T>(fn: (value: S) => T | Promise<T>): Promise<T> {
    return await BoundClient.call(this, this.#request(GET, fn)) as T;
  }

  /** Replaces the value by what the function returns for it. */
  async update(fn: (value: S) => S | Promise<S>): Promise<void> {
    await BoundClient.call(this, this.#request(UPDATE, fn));
  }

  /**
   * The function returns a pair: what this resolves with, and the next value.
   */
  async getAndUpdate<T>(
    fn: (value: S) => readonly [T, S] | Promise<readonly [T, S]>,
  ): Promise<T> {
    return await BoundClient.call(this, this.#request(GET_AND_UPDATE, fn)) as T;
  }

  /** As `update`, without waiting and without notice of a failure. */
  cast(fn: (value: S) => S | Promise<S>): void {
    BoundClient.cast(this, this.#request(CAST_UPDATE, fn));
  }

  /** Ends the agent. Rejects with a `StopError`; see `stop` of `gen_server`. */
  stop(reason?: ExitReason, options: StopOptions = {}): Promise<void> {
    return stop(this.self, this.target, reason, options);
  }

  /** Throws `UsageError` for an agent of another node. */
  #request(name: Atom, fn: unknown): Tuple {
    mustBeHere(this.self, this.target, "an agent");
    return tuple(name, new Shared(fn));
  }
}
