/**
 * Event managers: an actor that gives each event to any number of handlers,
 * which can be added, replaced and taken out while it runs. Follows OTP's
 * `gen_event`, also on the wire: a BEAM node's `gen_event:notify`,
 * `sync_notify`, `call`, `delete_handler` and `which_handlers` reach a manager
 * of ours, and ours reach one of theirs.
 *
 * When not to use it: all handlers run in the manager, one after the other, so
 * a slow one delays everybody. For subscribers that are actors of their own,
 * see `std/pubsub/mod.ts`, or the groups of `pg`; for a single recipient, a
 * cast. What is worth it here: handlers that are too small to be actors, such
 * as those of a log.
 *
 * Guarantees, weak ones included:
 * - One event at a time, to the handlers in the order in which they were added
 *   (OTP: the last one first). A callback may be asynchronous: the next handler
 *   and the next event wait.
 * - A handler that throws is taken out, which the log is told; the others and
 *   the manager go on. Its `terminate` runs.
 * - `notify` is sent and forgotten. `syncNotify` resolves when every handler is
 *   done, whether or not one has failed.
 * - A handler of `addSupHandler` goes with the actor that has added it, which
 *   gets a `GenEventExit` message when the handler goes first. They are linked:
 *   if the manager is killed, the actor is told by an exit signal.
 * - The manager traps exits. At its end every handler's `terminate` runs,
 *   unless it is killed.
 * - Handlers are functions, which cannot go to another node: what adds one is
 *   refused for a manager there.
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
  UsageError,
} from "../../runtime/mod.ts";
import { behaviourOf } from "./running.ts";
import type { EventHandler, NewHandler } from "./types.ts";
import { stopBySystem, type StopOptions } from "../gen_server/stop.ts";
import { mustBeHere, pidOf, resolved } from "../internal/targets.ts";
import {
  type NamedStartOptions,
  type ServerName,
  startNamed,
} from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";

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
 * type of the events is the one that `handleEvent` declares.
 */
export function eventHandler<E, R, A>(
  definition: EventHandler<E, R, A>,
): EventHandler<E, R, A> {
  return definition;
}

/**
 * A manager of events, in the hands of the actor that uses it.
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
export class GenEvent<E> {
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
   * Starts a manager that is linked to the caller. Rejects with a `StartError`.
   */
  static async startLink<E = unknown>(
    self: AnySelf,
    options: GenEventOptions = {},
  ): Promise<GenEvent<E>> {
    const pid = await startNamed(self, "linked", behaviourOf, options);
    return new GenEvent<E>(self, pid, {});
  }

  /** As `startLink`, without a link. */
  static async start<E = unknown>(
    self: AnySelf,
    options: GenEventOptions = {},
  ): Promise<GenEvent<E>> {
    const pid = await startNamed(self, "alone", behaviourOf, options);
    return new GenEvent<E>(self, pid, {});
  }

  /** One that runs already, here or on another node. */
  static at<E = unknown>(
    self: AnySelf,
    target: CallTarget,
    options: CallOptions = {},
  ): GenEvent<E> {
    return new GenEvent<E>(self, target, options);
  }

  /** Who it is now. Throws `UsageError` when nobody here has the name. */
  get pid(): Pid<never> {
    const { self, target } = this;
    const pid = pidOf(self, target);
    if (pid !== null) return pid;
    throw new UsageError(
      `expected somebody of this node to have the name ${printTerm(target)}, ` +
        "but nobody has",
    );
  }

  /** The same manager, with other limits of its calls. */
  with(options: CallOptions): GenEvent<E> {
    const both = { ...this.#options, ...options };
    return new GenEvent<E>(this.self, this.target, both);
  }

  /** Gives an event to every handler, some time. Never fails. */
  notify(event: E): void {
    const { self, target } = this;
    const found = resolved(self, target);
    if (found === null) return;
    self.send(found as Pid<unknown>, tuple(atom("notify"), event));
  }

  /** As `notify`, and resolves when every handler has handled it. */
  async syncNotify(event: E): Promise<void> {
    await this.#ask("sync_notify", event);
  }

  /**
   * Adds a handler under an id, which may be any term. Rejects with a
   * `CallError` when its `init` throws, and with `{already_added, Id}`.
   */
  addHandler<R, A>(
    id: unknown,
    handler: EventHandler<E, R, A>,
    ...[arg]: InitArguments<A>
  ): Promise<void> {
    return this.#add("add_handler", { id, handler, arg: arg as A });
  }

  /** As `addHandler`, and ties the handler to the caller; see the module. */
  addSupHandler<R, A>(
    id: unknown,
    handler: EventHandler<E, R, A>,
    ...[arg]: InitArguments<A>
  ): Promise<void> {
    return this.#add("add_sup_handler", { id, handler, arg: arg as A });
  }

  async #add<R, A>(how: string, next: NewHandler<E, R, A>): Promise<void> {
    mustBeHere(this.self, this.target, "an event manager");
    await this.#ask(how, next.id, new Shared(next));
  }

  /**
   * Takes a handler out, and resolves with what its `terminate` gives. Rejects
   * with a `CallError` of `module_not_found` when there is none of that id.
   */
  deleteHandler(id: unknown, arg?: unknown): Promise<unknown> {
    return this.#ask("delete_handler", id, arg);
  }

  /**
   * Puts a handler in the place of another, whose `terminate` gets `old.arg`
   * and gives what the `init` of the new one gets as `previous`; the atom
   * `error` when there was none. It is supervised by whom the old one was.
   */
  swapHandler<R, A>(
    old: { readonly id: unknown; readonly arg?: unknown },
    next: NewHandler<E, R, A>,
  ): Promise<void> {
    return this.#swap("swap_handler", old, next);
  }

  /** As `swapHandler`, and ties the new one to the caller. */
  swapSupHandler<R, A>(
    old: { readonly id: unknown; readonly arg?: unknown },
    next: NewHandler<E, R, A>,
  ): Promise<void> {
    return this.#swap("swap_sup_handler", old, next);
  }

  async #swap<R, A>(
    how: string,
    old: { readonly id: unknown; readonly arg?: unknown },
    next: NewHandler<E, R, A>,
  ): Promise<void> {
    mustBeHere(this.self, this.target, "an event manager");
    await this.#ask(how, old.id, old.arg, new Shared(next));
  }

  /**
   * Asks one handler. Rejects with a `CallError`: `bad_module` when there is
   * none that takes calls, what it has thrown, or as calls of servers do.
   */
  async call<T = unknown>(id: unknown, request: unknown): Promise<T> {
    return await this.#ask("call", id, request) as T;
  }

  /** The ids of the handlers, in the order in which they are called. */
  async whichHandlers(): Promise<readonly unknown[]> {
    return await this.#ask("which_handlers") as readonly unknown[];
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

  async #ask(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const { self, target } = this;
    const request = args.length === 0
      ? atom(name)
      : new Tuple([atom(name), ...args]);
    const answer = await self.call(target, request, this.#options);
    const failure = failureOf(answer);
    if (failure === null) return answer;
    throw new CallError(printTerm(target), request, failure.reason);
  }
}

/**
 * `{error, {'EXIT', Reason}}` and what OTP says of handlers that are not there.
 */
function failureOf(answer: unknown): { readonly reason: ExitReason } | null {
  if (!(answer instanceof Tuple) || answer.items.length !== 2) return null;
  const [error, reason] = answer.items;
  if (error !== atom("error")) return null;
  if (reason === atom("bad_module") || reason === atom("module_not_found")) {
    return { reason };
  }
  const [exit, thrown] = reason instanceof Tuple ? reason.items : [];
  return exit === atom("EXIT") ? { reason: thrown } : null;
}
