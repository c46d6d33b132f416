/**
 * Servers: an actor with a state that answers calls, takes casts and handles
 * whatever else it is sent, one message at a time. Follows OTP's `gen_server`
 * and Elixir's `GenServer`, also on the wire: Elixir's `GenServer.call` reaches
 * a server of ours, and ours reaches one of Elixir's.
 *
 * A definition is an object literal, and its types are inferred: a client has
 * a method for each call and cast, with their arguments and replies. A request
 * `add` with argument 2 is `{add, 2}` to a BEAM node, one without arguments the
 * atom alone.
 *
 * When not to use it: for a value that several actors share, an `Agent` is
 * less to write; for work that is done once, a `Task`. For a protocol where the
 * next message depends on the last, see `gen_statem`. Code that needs no actor
 * should have none: a server is a queue before a state.
 *
 * Guarantees, weak ones included:
 * - One message at a time, in order of arrival, also while an asynchronous
 *   callback waits. A callback that calls its own server, directly or through
 *   others, waits in vain.
 * - `start` and `startLink` resolve after `init`, and the name is registered
 *   before it. When they reject, the actor has ended and its names are free.
 * - What `continue` was asked for runs before any other message.
 * - A call gets one reply or rejects with a `CallError`: `timeout`, `noproc`,
 *   `noconnection`, `calling_self`, or the reason for which the server ended.
 *   A late reply is dropped and enters no mailbox. After `timeout` and
 *   `noconnection`, the server may have done what was asked.
 * - A cast is sent and forgotten: whether anybody takes it is not known.
 * - `terminate` runs when a callback stops the server or throws, on
 *   `stop` of this module and `sys.terminate`, and, with `trapExits`, on an exit
 *   signal of the actor that linked it at its start. It does not run when the
 *   server is killed, or on an exit signal that is not trapped.
 * - What a callback throws is the reason the server ends with. Reasons other
 *   than `normal`, `shutdown` and `{shutdown, _}` are reported in the log with
 *   the last message and the state, both shortened.
 * - The state is one object and not copied: a callback that throws halfway
 *   leaves what it has changed, which only `terminate` and reports see.
 */

import {
  atom,
  BusyError,
  CallError,
  type CallOptions,
  type CallTarget,
  type ExitReason,
  type Pid,
  type ReplyTo,
  type Self,
} from "../../runtime/mod.ts";
import { stopBySystem, type StopOptions } from "./stop.ts";
import {
  type BoundClient,
  cast as castTo,
  clientClass,
  type ClientSelf,
  requestOf,
} from "./client.ts";
import { type Callback, optionsOf, type Plan, serverLife } from "./running.ts";
import { nullIfIgnored, startedBy } from "./starting.ts";
import {
  type Client,
  type Definition,
  type Handlers,
  Ignore,
  Initial,
  type InitialOptions,
  type NoReply,
  noReply,
  Refuse,
  type ServerArguments,
  type ServerOptions,
  type Started,
} from "./types.ts";
import {
  childId,
  type ChildOptions,
  type ChildSpec,
} from "../internal/child_spec.ts";
import {
  type Launch,
  type ServerName,
  startNamed,
} from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";

export { type NoReply, noReply };
export type {
  Client,
  ClientSelf,
  Definition,
  InitialOptions,
  ServerName,
  ServerOptions,
  StopOptions,
};
export type { Handlers, Server, StateOf } from "./types.ts";

/** What a supervisor is told of a server: `Counter.child(0, { id: "a" })`. */
export type ServerChildOptions = ServerOptions & ChildOptions & {
  readonly id?: unknown;
};

/** What `init` returns for the start to come to nothing, without an error. */
export const ignore: Ignore = new Ignore();

/**
 * What `init` returns for the start to fail while nobody is harmed by a link.
 */
export function refuse(reason: unknown): Refuse {
  return new Refuse(reason);
}

/** What `init` returns to begin with a `continue` or a time limit. */
export function initial<S>(state: S, options: InitialOptions): Initial<S> {
  return new Initial(state, options);
}

/**
 * A kind of server: made by `genServer`, started as often as you like.
 */
export class GenServer<R, A, C, K> {
  /** The definition's name. */
  readonly name: string;
  readonly #plan: Plan;
  readonly #Client: typeof BoundClient;

  /** @internal Made by `genServer`. */
  constructor(definition: Definition<R, A, C, K>) {
    const { calls = {}, casts = {} } = definition;
    this.#plan = planOf(definition as never);
    this.name = this.#plan.name;
    this.#Client = clientClass(Object.keys(calls), Object.keys(casts));
  }

  /**
   * Starts a server that is linked to the caller, and resolves with a client of
   * it once `init` is done; with null when that returned `ignore`.
   *
   * Rejects with a `StartError`. Its `reason` is what `init` gave to `stop` or
   * `refuse` or has thrown, `{already_started, Pid}` when the name has a
   * holder, or `"timeout"`. As in OTP, a caller that does not trap exits goes
   * with a server whose `init` throws or stops abnormally.
   */
  startLink(
    self: AnySelf,
    ...[arg, options]: ServerArguments<A, ServerOptions>
  ): Promise<Started<R, C, K>> {
    return this.#start(self, "linked", arg, options);
  }

  /** As `startLink`, without a link. */
  start(
    self: AnySelf,
    ...[arg, options]: ServerArguments<A, ServerOptions>
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
        startedBy(this.#plan, serverLife, arg, launch);
      const pid = await startNamed(self, how, make, options);
      return this.at(self, pid) as Started<R, C, K>;
    } catch (error) {
      return nullIfIgnored(error) as Started<R, C, K>;
    }
  }

  /**
   * What tells a supervisor to start such a server: the options of a start and
   * of a child in one. `id` is the name, or else the definition's, unless told.
   */
  child(
    ...[arg, options]: ServerArguments<A, ServerChildOptions>
  ): ChildSpec {
    const { id, restart, shutdown, type, significant, ...more } = options ?? {};
    return {
      id: id ?? childId(more.name, this.name),
      start: (self) => this.#startChild(self, arg, more),
      ...(restart === undefined ? {} : { restart }),
      ...(shutdown === undefined ? {} : { shutdown }),
      ...(type === undefined ? {} : { type }),
      ...(significant === undefined ? {} : { significant }),
    };
  }

  /** Without a promise and a client, where the start needs none. */
  #startChild(
    self: AnySelf,
    arg: unknown,
    options: ServerOptions,
  ): Pid<never> | null | Promise<Pid<never> | null> {
    const make = (launch: Launch) =>
      startedBy(this.#plan, serverLife, arg, launch);
    const started = startNamed(self, "linked", make, options);
    return started instanceof Promise ? started.catch(nullIfIgnored) : started;
  }

  /**
   * A client of a server that runs already, here or on another node: of a pid,
   * a local name, `{ name, node }`, or `{ via: global, name }`. It is not asked
   * whether the server is of this kind.
   */
  at(
    self: ClientSelf,
    target: CallTarget,
    options: CallOptions = {},
  ): Client<C, K> {
    return new this.#Client(self, target, options) as unknown as Client<C, K>;
  }

  /**
   * The request of a call or cast as it is sent, for `multiCall`, `abcast` and
   * BEAM's sake.
   */
  request<N extends keyof (C & K) & string>(
    name: N,
    ...args: (C & K)[N] extends (server: never, ...args: infer P) => unknown ? P
      : never
  ): unknown {
    return requestOf(atom(name), args);
  }
}

/**
 * Defines a kind of server.
 *
 * Throws `UsageError` when a name is both a call and a cast, one of those that
 * a client needs for itself (`pid`, `target`, `with`, `then`), or one that
 * every object has, such as `toString`.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genServer } from "hornbeam/std/gen_server";
 *
 * const Counter = genServer({
 *   init: (_self, first: number) => first,
 *   calls: {
 *     add: (server, n: number) => server.state += n,
 *     get: ({ state }) => state,
 *   },
 *   casts: { reset: (server) => void (server.state = 0) },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const counter = await Counter.startLink(self, 40);
 *   console.log(await counter.add(2)); // prints: 42
 *   counter.reset();
 *   console.log(await counter.get()); // prints: 0
 * });
 * ```
 */
export function genServer<
  R,
  A = undefined,
  // deno-lint-ignore ban-types
  C extends Handlers<never> = {},
  // deno-lint-ignore ban-types
  K extends Handlers<never> = {},
>(definition: Definition<R, A, C, K>): GenServer<R, A, C, K> {
  return new GenServer(definition);
}

function planOf(
  definition: Definition<unknown, never, unknown, unknown>,
): Plan {
  const { name = "GenServer", calls, casts, trapExits = false } = definition;
  return {
    name,
    trapExits,
    init: definition.init,
    calls: byAtom(calls),
    casts: byAtom(casts),
    handleCall: definition.handleCall as Callback | undefined,
    handleCast: definition.handleCast as Callback | undefined,
    info: definition.info as Callback | undefined,
    continue: definition.continue as Callback | undefined,
    timeout: definition.timeout as Callback | undefined,
    terminate: definition.terminate as Callback | undefined,
    formatStatus: definition.formatStatus as Plan["formatStatus"],
    options: optionsOf(name),
  };
}

function byAtom(callbacks: unknown): ReadonlyMap<unknown, Callback> {
  const entries = Object.entries(callbacks as Record<string, Callback> ?? {});
  return new Map(entries.map(([name, callback]) => [atom(name), callback]));
}

/**
 * Calls a server by hand, with any request; see `self.call`. The plain form of
 * a client's methods.
 */
export function call<R = unknown>(
  self: ClientSelf,
  target: CallTarget,
  request: unknown,
  options: CallOptions = {},
): Promise<R> {
  return self.call<R>(target, request, options);
}

/** Casts by hand. Never fails, whoever is there or is not. */
export function cast(
  self: ClientSelf,
  target: CallTarget,
  request: unknown,
): void {
  castTo(self, target, request);
}

/** Replies to a call in the name of any actor. */
export function reply(
  self: Pick<Self<never>, "reply">,
  to: ReplyTo,
  value: unknown,
): void {
  self.reply(to, value);
}

/** What `multiCall` resolves with. */
export type MultiReplies<R> = {
  /** By node, in the order of the nodes asked. */
  readonly replies: ReadonlyMap<string, R>;
  /** Nodes that gave no reply in time, or have no such server. */
  readonly badNodes: readonly string[];
};

/**
 * Calls the servers of one name on several nodes. Never rejects for the sake of
 * a node, but with an `EncodeError` for a request that can go to none. Replies
 * that come too late are dropped.
 */
export async function multiCall<R = unknown>(
  self: ClientSelf,
  nodes: readonly string[],
  name: string,
  request: unknown,
  options: CallOptions = {},
): Promise<MultiReplies<R>> {
  const outcomes = await Promise.allSettled(
    nodes.map(async (node) =>
      await self.call<R>({ name, node }, request, options)
    ),
  );
  options.signal?.throwIfAborted();
  const replies = new Map<string, R>();
  const badNodes: string[] = [];
  for (const [i, outcome] of outcomes.entries()) {
    const node = nodes[i] as string;
    if (outcome.status === "fulfilled") {
      replies.set(node, outcome.value);
      continue;
    }
    const { reason } = outcome;
    const isOfNode = reason instanceof CallError || reason instanceof BusyError;
    if (!isOfNode) throw reason;
    badNodes.push(node);
  }
  return { replies, badNodes };
}

/** Casts to the servers of one name on several nodes. */
export function abcast(
  self: ClientSelf,
  nodes: readonly string[],
  name: string,
  request: unknown,
): void {
  for (const node of nodes) castTo(self, { name, node }, request);
}

/**
 * Ends a server in good order, `terminate` included, once it has handled what
 * came before, and resolves when it has ended.
 *
 * Rejects with a `StopError` when it was not there, when it ends with another
 * reason, and after `timeoutMs`; the server then lives on until it comes to the
 * request, which cannot be taken back. Default reason `normal`, default time
 * limit none.
 */
export function stop(
  self: AnySelf,
  target: CallTarget,
  reason?: ExitReason,
  options: StopOptions = {},
): Promise<void> {
  return stopBySystem(self, target, reason, options);
}
