/** How event handlers are written; see `std/gen_event/mod.ts`. */

import type { ExitReason, Self } from "../../runtime/mod.ts";

/** What a handler's callbacks work with. One object for the handler's life. */
export interface HandlerContext<S> {
  /** Change it in place or assign another: the next callback sees it. */
  state: S;
  /** The `self` of the manager. */
  readonly self: Self<unknown>;
  readonly id: unknown;
  /** Removes this handler once the callback has returned. */
  remove(): void;
  /** Replaces this handler once the callback has returned. */
  swap<E, R, A>(arg: unknown, next: NewHandler<E, R, A>): void;
  /** Frees memory after this event, before a long wait. */
  hibernate(): void;
}

/** Why a handler's `terminate` is called. */
export type HandlerEnd =
  /** `deleteHandler` was called, with this argument. */
  | { readonly type: "deleted"; readonly arg: unknown }
  /** The handler is replaced; the argument is the one for the old handler. */
  | { readonly type: "swapped"; readonly arg: unknown }
  /** The handler has called `remove`. */
  | { readonly type: "removed" }
  /** The manager ends, or the actor that the handler is tied to has ended. */
  | { readonly type: "stop"; readonly reason: ExitReason }
  /** A callback has thrown. */
  | { readonly type: "error"; readonly reason: unknown };

/** A kind of event handler. Every callback may return a promise. */
export type EventHandler<E, R = unknown, A = never> = {
  /**
   * Returns the first state. `previous` is what `terminate` of the replaced
   * handler has returned; undefined where no handler is replaced.
   */
  readonly init: (self: Self<unknown>, arg: A, previous: unknown) => R;
  readonly handleEvent: (
    event: E,
    handler: HandlerContext<Awaited<R>>,
  ) => unknown;
  /** Returns the reply. */
  readonly handleCall?: (
    request: unknown,
    handler: HandlerContext<Awaited<R>>,
  ) => unknown;
  /** Takes any other message to the manager. */
  readonly handleInfo?: (
    message: unknown,
    handler: HandlerContext<Awaited<R>>,
  ) => unknown;
  /** Returns what `deleteHandler` resolves with. */
  readonly terminate?: (
    handler: HandlerContext<Awaited<R>>,
    end: HandlerEnd,
  ) => unknown;
  /** What `sys.getStatus` and reports show as its state. */
  readonly formatStatus?: (state: Awaited<R>) => unknown;
};

/** A handler that is to be added, or to replace another one. */
export type NewHandler<E, R, A> = {
  readonly id: unknown;
  readonly handler: EventHandler<E, R, A>;
  readonly arg?: A;
};

/**
 * The message to an actor that has added a handler with `addSupHandler`: the
 * handler was removed. Manager and actor are on the same node.
 */
export class GenEventExit {
  readonly type = "gen_event_EXIT";
  /** The handler's id. */
  readonly handler: unknown;
  /**
   * `normal` when the handler was deleted or has removed itself, `shutdown`
   * when the manager ends, `{swapped, Id, Pid}` when it was replaced, or what a
   * callback has thrown.
   */
  readonly reason: ExitReason;
  constructor(handler: unknown, reason: ExitReason) {
    this.handler = handler;
    this.reason = reason;
  }
}
