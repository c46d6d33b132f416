/**
 * Event managers: an actor that calls any number of handlers for each event.
 * Handlers are added, replaced and removed while it runs. Follows OTP's
 * `gen_event`, also on the wire: a BEAM node's `gen_event:notify`,
 * `sync_notify`, `call`, `delete_handler` and `which_handlers` reach a manager
 * of ours, and our methods reach a manager of a BEAM node.
 *
 * **To define a handler:** `eventHandler` takes an object literal with `init`,
 * `handleEvent` and further callbacks, and infers its types.
 *
 * **To start a manager and add handlers:** `GenEvent.startLink`, then
 * `addHandler` under an id of your choice.
 *
 * **To send an event:** `notify`, or `syncNotify` to wait until every handler
 * has handled it.
 *
 * **To tie a handler to an actor:** `addSupHandler` removes the handler when
 * the actor ends, and notifies the actor when the handler is removed.
 *
 * When not to use it: all handlers run in the manager, one after the other, so
 * a slow one delays all others. For subscribers that are actors of their own,
 * see `std/pubsub/mod.ts`, or the groups of `pg`; for a single recipient, a
 * cast. It is worth it for handlers that are too small to be actors, such as
 * the outputs of a log.
 *
 * Guarantees, weak ones included:
 * - The manager handles one event at a time, and calls the handlers in the
 *   order in which they were added (OTP: the last one first). A callback may be
 *   asynchronous: the next handler and the next event wait.
 * - A handler that throws is removed and reported in the log, and its
 *   `terminate` runs. The other handlers and the manager go on.
 * - `notify` does not wait and does not fail. `syncNotify` resolves when every
 *   handler is done, also if one has failed.
 * - A handler of `addSupHandler` is removed when the actor that has added it
 *   ends. The actor gets a `GenEventExit` message when the handler is removed
 *   first. Actor and manager are linked: if the manager is killed, the actor
 *   gets an exit signal.
 * - The manager traps exits. When it ends, `terminate` of every handler runs,
 *   unless the manager is killed.
 * - Handlers are functions, which cannot be sent to another node: adding one to
 *   a manager there throws `UsageError`.
 */

import {
  atom,
  CallError,
  type CallOptions,
  type CallTarget,
  type ExitReason,
  type Pid,
  printTerm,
  reasons,
  Shared,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";
import { BoundClient, requestOf } from "../gen_server/client.ts";
import { stopBySystem, type StopOptions } from "../gen_server/stop.ts";
import { mustBeHere, mustHavePid, resolveTarget } from "../internal/targets.ts";
import type { AnySelf } from "../internal/wait.ts";
import {
  type NamedStartOptions,
  type ServerName,
  startNamed,
} from "../proc_lib/naming.ts";
import { managerHandler } from "./running.ts";
import type { EventHandler, NewHandler } from "./types.ts";

export { GenEventExit } from "./types.ts";
export type {
  EventHandler,
  HandlerContext,
  HandlerEnd,
  NewHandler,
} from "./types.ts";
export type { ServerName, StopOptions };

/** Options of a manager's start. */
export type GenEventOptions = NamedStartOptions;

/** The argument of a handler's `init`, if it has one. */
type InitArguments<A> = unknown extends A ? [arg?: undefined] : [arg: A];

/**
 * Defines a kind of handler: returns its argument, with the types inferred. The
 * type of the events is the one that `handleEvent` declares. See `GenEvent` for
 * an example.
 */
export function eventHandler<E, R, A>(
  definition: EventHandler<E, R, A>,
): EventHandler<E, R, A> {
  return definition;
}

/**
 * An event manager, as the actor `self` uses it.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { eventHandler, GenEvent } from "hornbeam/std/gen_event";
 *
 * const Sum = eventHandler({
 *   init: (_self, first: number) => first,
 *   handleEvent: (n: number, handler) => void (handler.state += n),
 *   handleCall: (_request, { state }) => state,
 *   terminate: ({ state }) => `ends with ${state}`,
 * });
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const events = await GenEvent.startLink<number>(self);
 *   await events.addHandler("sum", Sum, 40);
 *   events.notify(1);
 *   await events.syncNotify(1);
 *   console.log(await events.call("sum", "get")); // prints: 42
 *   console.log(await events.deleteHandler("sum")); // prints: ends with 42
 *   console.log((await events.whichHandlers()).length); // prints: 0
 * });
 * ```
 */
export class GenEvent<E> extends BoundClient<AnySelf> {
  private constructor(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions,
  ) {
    super(self, target, options);
  }

  /**
   * Starts a manager that is linked to the caller. Rejects with a `StartError`.
   */
  static async startLink<E = unknown>(
    self: AnySelf,
    options: GenEventOptions = {},
  ): Promise<GenEvent<E>> {
    const pid = await startNamed(self, "linked", managerHandler, options);
    return new GenEvent<E>(self, pid, {});
  }

  /** As `startLink`, without a link. */
  static async start<E = unknown>(
    self: AnySelf,
    options: GenEventOptions = {},
  ): Promise<GenEvent<E>> {
    const pid = await startNamed(self, "alone", managerHandler, options);
    return new GenEvent<E>(self, pid, {});
  }

  /** A manager that runs already, here or on another node. */
  static at<E = unknown>(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions = {},
  ): GenEvent<E> {
    return new GenEvent<E>(self, target, options);
  }

  /** The actor that uses the manager. */
  get self(): AnySelf {
    return BoundClient.selfOf(this);
  }

  /**
   * The manager's pid now. Throws `UsageError` when no actor has the name, and
   * for a name on another node.
   */
  override get pid(): Pid<never> {
    return mustHavePid(this.self, this.target);
  }

  /** Sends an event to every handler, without waiting. Never fails. */
  notify(event: E): void {
    const { self, target } = this;
    const found = resolveTarget(self, target);
    if (found === null) return;
    self.send(found as Pid<unknown>, tuple(atom("notify"), event));
  }

  /** As `notify`, and resolves when every handler has handled the event. */
  async syncNotify(event: E): Promise<void> {
    await this.#request("sync_notify", event);
  }

  /**
   * Adds a handler under an id, which may be any term. Rejects with a
   * `CallError`: of what its `init` throws, or `{already_added, Id}`.
   */
  addHandler<R, A>(
    id: unknown,
    handler: EventHandler<E, R, A>,
    ...[arg]: InitArguments<A>
  ): Promise<void> {
    return this.#add("add_handler", { id, handler, arg: arg as A });
  }

  /** As `addHandler`, and ties the handler to the calling actor. */
  addSupHandler<R, A>(
    id: unknown,
    handler: EventHandler<E, R, A>,
    ...[arg]: InitArguments<A>
  ): Promise<void> {
    return this.#add("add_sup_handler", { id, handler, arg: arg as A });
  }

  async #add<R, A>(name: string, next: NewHandler<E, R, A>): Promise<void> {
    mustBeHere(this.self, this.target, "an event manager");
    await this.#request(name, next.id, new Shared(next));
  }

  /**
   * Removes a handler, and resolves with what its `terminate` returns. Rejects
   * with a `CallError` of `module_not_found` when no handler has that id.
   */
  deleteHandler(id: unknown, arg?: unknown): Promise<unknown> {
    return this.#request("delete_handler", id, arg);
  }

  /**
   * Replaces a handler. The `terminate` of the old one gets `old.arg`, and what
   * it returns is `previous` for the `init` of the new one; the atom `error`
   * when there was no old one. The new handler is tied to the actor that the
   * old one was tied to, if any.
   */
  swapHandler<R, A>(
    old: { readonly id: unknown; readonly arg?: unknown },
    next: NewHandler<E, R, A>,
  ): Promise<void> {
    return this.#swap("swap_handler", old, next);
  }

  /** As `swapHandler`, and ties the new handler to the calling actor. */
  swapSupHandler<R, A>(
    old: { readonly id: unknown; readonly arg?: unknown },
    next: NewHandler<E, R, A>,
  ): Promise<void> {
    return this.#swap("swap_sup_handler", old, next);
  }

  async #swap<R, A>(
    name: string,
    old: { readonly id: unknown; readonly arg?: unknown },
    next: NewHandler<E, R, A>,
  ): Promise<void> {
    mustBeHere(this.self, this.target, "an event manager");
    await this.#request(name, old.id, old.arg, new Shared(next));
  }

  /**
   * Calls one handler. Rejects with a `CallError`: `bad_module` when there is
   * no such handler or it takes no calls, what the handler has thrown, or as
   * calls of servers do.
   */
  async call<T = unknown>(id: unknown, request: unknown): Promise<T> {
    return await this.#request("call", id, request) as T;
  }

  /** The ids of the handlers, in the order in which they are called. */
  async whichHandlers(): Promise<readonly unknown[]> {
    return await this.#request("which_handlers") as readonly unknown[];
  }

  /**
   * Ends the manager. Rejects with a `StopError`; see `stop` of `gen_server`.
   */
  stop(
    reason: ExitReason = reasons.normal,
    options: StopOptions = {},
  ): Promise<void> {
    return stopBySystem(this.self, this.target, reason, options);
  }

  async #request(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const request = requestOf(atom(name), args);
    const reply = await BoundClient.call(this, request);
    const failure = failureOf(reply);
    if (failure === null) return reply;
    throw new CallError(printTerm(this.target), request, failure.reason);
  }
}

/**
 * Reads `{error, {'EXIT', Reason}}`, and what OTP replies where there is no such
 * handler. Null for any other reply.
 */
function failureOf(reply: unknown): { readonly reason: ExitReason } | null {
  if (!(reply instanceof Tuple) || reply.items.length !== 2) return null;
  const [error, reason] = reply.items;
  if (error !== atom("error")) return null;
  if (reason === atom("bad_module") || reason === atom("module_not_found")) {
    return { reason };
  }
  const [exit, thrown] = reason instanceof Tuple ? reason.items : [];
  return exit === atom("EXIT") ? { reason: thrown } : null;
}
