/**
 * Servers: an actor with a state that answers calls, takes casts and handles
 * all its other messages, one at a time. Follows OTP's `gen_server` and
 * Elixir's `GenServer`, also on the wire: Elixir's `GenServer.call` reaches a
 * server of ours, and our `call` reaches a server of Elixir.
 *
 * **To define a server:** `genServer` takes an object literal with `init`,
 * `calls`, `casts` and further callbacks. All types are inferred from it.
 *
 * **To start one:** `startLink` or `start` of the definition, or `child` for a
 * supervisor. A start resolves with a client.
 *
 * **To call it:** a client has a method for each call and cast, with their
 * arguments and replies. `at` makes a client of a server that runs already. The
 * request `add` with the argument 2 is sent as `{add, 2}`, a request without
 * arguments as the atom alone. Without a definition: `call` and `cast`; for
 * servers on several nodes: `multiCall` and `abcast`.
 *
 * **To reply later:** keep `server.from`, return `noReply`, and call
 * `server.reply` or `reply`.
 *
 * **To end it:** `server.stop()` in a callback, `stop` from another actor.
 *
 * When not to use it: for a value that several actors share, an `Agent` is
 * less to write; for work that is done once, a `Task`. For a protocol where the
 * next message depends on the last, see `gen_statem`. Code that needs no actor
 * should have none: a server is a queue before a state.
 *
 * Guarantees, weak ones included:
 * - The server handles one message at a time, in order of arrival, also while
 *   an asynchronous callback waits. A callback that calls its own server,
 *   directly or through other actors, waits until the call times out.
 * - `start` and `startLink` resolve after `init`, and the name is registered
 *   before it. When they reject, the actor has ended and its names are free.
 * - `continue` runs before any other message.
 * - A call gets one reply, or rejects with a `CallError`: `timeout`, `noproc`,
 *   `noconnection`, `calling_self`, or the reason the server has ended with.
 *   A late reply is dropped and enters no mailbox. After `timeout` and
 *   `noconnection`, the server may have carried out the request.
 * - A cast is sent without waiting. The caller is not told whether a server
 *   takes it.
 * - `terminate` runs when a callback stops the server or throws, on `stop` of
 *   this module and `sys.terminate`, and, with `trapExits`, on an exit signal
 *   of the actor that linked it at its start. It does not run when the server
 *   is killed, or ended by an exit signal that it does not trap.
 * - A server whose callback throws ends with what was thrown as its reason.
 *   Reasons other than `normal`, `shutdown` and `{shutdown, _}` are reported in
 *   the log with the last message and the state, both shortened.
 * - The state is one object and is not copied: a callback that throws halfway
 *   leaves its changes, which only `terminate` and reports see.
 */

import { callOptions } from "../internal/options.ts";
import {
  atom,
  BusyError,
  CallError,
  type CallOptions,
  type CallTarget,
  type ExitReason,
  printTerm,
  type ReplyTo,
  type Self,
  UsageError,
} from "../../runtime/mod.ts";
import { childId, type ChildSpec } from "../internal/child_spec.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import { cast as castTo, type ClientSelf } from "./client.ts";
import { ServerKind } from "./kind.ts";
import {
  childOptions,
  definitionOptions,
  initialOptions,
  type ServerChildOptions,
} from "./options.ts";
import {
  type Callback,
  optionsOf,
  type Plan,
  serverLifecycle,
} from "./running.ts";
import { stopBySystem, type StopOptions } from "./stop.ts";
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
} from "./types.ts";

export { type NoReply, noReply };
export type { ServerChildOptions };
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

/** What `init` returns to start nothing, without an error. */
export const ignore: Ignore = new Ignore();

/**
 * What `init` returns to fail the start with a `StartError`. The actor then
 * ends with `normal`, which ends no linked actor.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genServer, ignore, refuse } from "hornbeam/std/gen_server";
 * import type { StartError } from "hornbeam/std/proc_lib";
 *
 * const Disk = genServer({
 *   init: (_self, sizeMb: number) => {
 *     if (sizeMb === 0) return ignore;
 *     return sizeMb < 0 ? refuse("too small") : { sizeMb };
 *   },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   console.log(await Disk.startLink(self, 0)); // prints: null
 *   await Disk.startLink(self, -1).catch((error: StartError) => {
 *     console.log(error.reason); // prints: too small
 *   });
 * });
 * ```
 */
export function refuse(reason: unknown): Refuse {
  return new Refuse(reason);
}

/**
 * What `init` returns for a first state with a `continue` or a time limit.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genServer, initial } from "hornbeam/std/gen_server";
 *
 * const Cache = genServer({
 *   init: () => initial(new Map<string, number>(), { continue: "load" }),
 *   continue: ({ state }, term) => void state.set(String(term), 1),
 *   calls: { keys: ({ state }) => [...state.keys()].join() },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const cache = await Cache.startLink(self);
 *   console.log(await cache.keys()); // prints: load
 * });
 * ```
 */
export function initial<S>(state: S, options: InitialOptions): Initial<S> {
  initialOptions.check(options);
  return new Initial(state, options);
}

/**
 * A kind of server: made by `genServer`, and started any number of times with
 * `start`, `startLink` or, below a supervisor, `child`.
 */
export class GenServer<R, A, C, K>
  extends ServerKind<ServerArguments<A, ServerOptions>, R, C, K> {
  /** @internal Made by `genServer`. */
  constructor(definition: Definition<R, A, C, K>) {
    const { calls = {}, casts = {} } = definition;
    super(
      planOf(definition as never) as never,
      serverLifecycle as never,
      Object.keys(calls),
      Object.keys(casts),
    );
  }

  /**
   * The specification of such a server below a supervisor, with the options of
   * a start and of a child in one. Default `id`: the name, or else the
   * definition's name.
   */
  child(
    ...[arg, options]: ServerArguments<A, ServerChildOptions>
  ): ChildSpec {
    childOptions.check(options);
    const { id, restart, shutdown, type, significant, ...more } = options ?? {};
    return {
      id: id ?? childId(more.name, this.name),
      start: (self) => this.startChild(self, arg, more),
      ...(restart === undefined ? {} : { restart }),
      ...(shutdown === undefined ? {} : { shutdown }),
      ...(type === undefined ? {} : { type }),
      ...(significant === undefined ? {} : { significant }),
    };
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
  definitionOptions.check(definition);
  if (typeof definition.init !== "function") {
    throw new UsageError(
      "expected genServer to be given init, a function that makes the first " +
        `state, got ${printTerm(definition.init)}`,
    );
  }
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
 * Calls a server with any request, without a client; see `self.call`.
 *
 * @example
 * ```ts
 * import { atom, start, tuple } from "hornbeam";
 * import { call, cast, genServer } from "hornbeam/std/gen_server";
 *
 * const Counter = genServer({
 *   init: () => 0,
 *   calls: { add: (server, n: number) => server.state += n },
 *   casts: { reset: (server) => void (server.state = 0) },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   await Counter.startLink(self, undefined, { name: "counter" });
 *   console.log(await call(self, "counter", tuple(atom("add"), 2))); // prints: 2
 *   cast(self, "counter", atom("reset"));
 *   console.log(await call(self, "counter", tuple(atom("add"), 1))); // prints: 1
 * });
 * ```
 */
export function call<R = unknown>(
  self: ClientSelf,
  target: CallTarget,
  request: unknown,
  options: CallOptions = {},
): Promise<R> {
  return self.call<R>(target, request, options);
}

/**
 * Casts a request without a client. Never fails, also when there is no such
 * actor. See `call` for an example.
 */
export function cast(
  self: ClientSelf,
  target: CallTarget,
  request: unknown,
): void {
  castTo(self, target, request);
}

/**
 * Replies to a call, from any actor.
 *
 * @example
 * ```ts
 * import { type ReplyTo, start } from "hornbeam";
 * import { genServer, noReply, reply } from "hornbeam/std/gen_server";
 *
 * const Door = genServer({
 *   init: () => [] as ReplyTo[],
 *   calls: {
 *     enter: ({ from, state }) => {
 *       state.push(from);
 *       return noReply;
 *     },
 *     waiting: ({ state }) => state,
 *   },
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const door = await Door.startLink(self);
 *   const entered = door.enter();
 *   for (const from of await door.waiting()) reply(self, from, "welcome");
 *   console.log(await entered); // prints: welcome
 * });
 * ```
 */
export function reply(
  self: Pick<Self<never>, "reply">,
  to: ReplyTo,
  value: unknown,
): void {
  self.reply(to, value);
}

/** What `multiCall` resolves with. */
export type MultiReplies<R> = {
  /** By node, in the order of the nodes given. */
  readonly replies: ReadonlyMap<string, R>;
  /** Nodes without a reply in time, or without such a server. */
  readonly badNodes: readonly string[];
};

/**
 * Calls the servers of one name on several nodes. Does not reject when a node
 * fails, but with an `EncodeError` when the request cannot be sent to any node.
 * Late replies are dropped.
 *
 * @example
 * ```ts
 * import { atom, start } from "hornbeam";
 * import { genServer, multiCall } from "hornbeam/std/gen_server";
 *
 * const Clock = genServer({ init: () => 0, calls: { now: () => 12 } });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   await Clock.startLink(self, undefined, { name: "clock" });
 *   const { replies, badNodes } = await multiCall(
 *     self,
 *     [self.node],
 *     "clock",
 *     atom("now"),
 *   );
 *   console.log([...replies.values()], badNodes); // prints: [ 12 ] []
 * });
 * ```
 */
export async function multiCall<R = unknown>(
  self: ClientSelf,
  nodes: readonly string[],
  name: string,
  request: unknown,
  options: CallOptions = {},
): Promise<MultiReplies<R>> {
  callOptions.check(options, "multiCall");
  const results = await Promise.allSettled(
    nodes.map(async (node) =>
      await self.call<R>({ name, node }, request, options)
    ),
  );
  options.signal?.throwIfAborted();
  const replies = new Map<string, R>();
  const badNodes: string[] = [];
  for (const [i, result] of results.entries()) {
    const node = nodes[i] as string;
    if (result.status === "fulfilled") {
      replies.set(node, result.value);
      continue;
    }
    const { reason } = result;
    const isOfNode = reason instanceof CallError || reason instanceof BusyError;
    if (!isOfNode) throw reason;
    badNodes.push(node);
  }
  return { replies, badNodes };
}

/**
 * Casts to the servers of one name on several nodes. Never fails. It takes the
 * same nodes, name and request as `multiCall`.
 */
export function abcast(
  self: ClientSelf,
  nodes: readonly string[],
  name: string,
  request: unknown,
): void {
  for (const node of nodes) castTo(self, { name, node }, request);
}

/**
 * Ends a server once it has handled the messages before this request. Its
 * `terminate` runs, and the stop resolves when the server has ended.
 *
 * Rejects with a `StopError` when there is no such server, when it ends with
 * another reason, and after `timeoutMs`: the server then ends when it comes to
 * the request, which cannot be taken back. Default reason `normal`, default
 * time limit none.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { genServer, stop } from "hornbeam/std/gen_server";
 *
 * const Store = genServer({
 *   init: () => "data",
 *   terminate: ({ state }) => console.log("saves", state),
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const { pid } = await Store.startLink(self);
 *   await stop(self, pid); // prints: saves data
 *   console.log(self.isActorAlive(pid)); // prints: false
 * });
 * ```
 */
export function stop(
  self: AnySelf,
  target: CallTarget,
  reason?: ExitReason,
  options: StopOptions = {},
): Promise<void> {
  return stopBySystem(self, target, reason, options);
}
