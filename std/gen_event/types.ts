/** How event handlers are written; see `std/gen_event/mod.ts`. */

import type { ExitReason, Self } from "../../runtime/mod.ts";

/** What the callbacks of a handler work with. One object for its life. */
export interface HandlerContext<S> {
  /** Change it in place or assign another: the next callback sees it. */
  state: S;
  /** The manager's. */
  readonly self: Self<unknown>;
  readonly id: unknown;
  /** Takes this handler out once the callback has returned. */
  remove(): void;
  /** Puts another handler in its place once the callback has returned. */
  swap<E, R, A>(arg: unknown, next: NewHandler<E, R, A>): void;
  /** Gives back memory after this event, before a long wait. */
  hibernate(): void;
}

/** Why a handler's `terminate` is called. */
export type HandlerEnd =
  /** By `deleteHandler`, with its argument. */
  | { readonly type: "deleted"; readonly arg: unknown }
  /** By a swap, with the argument for the old handler. */
  | { readonly type: "swapped"; readonly arg: unknown }
  /** By its own `remove`. */
  | { readonly type: "removed" }
  /** The manager ends, or the actor that has supervised the handler has. */
  | { readonly type: "stop"; readonly reason: ExitReason }
  /** A callback has thrown. */
  | { readonly type: "error"; readonly reason: unknown };

/** A kind of event handler. Every callback may return a promise. */
export type EventHandler<E, R = unknown, A = never> = {
  /**
   * The first state. `previous` is what `terminate` of the handler gave that
   * this one is swapped for, and undefined otherwise.
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
  /** Any other message that the manager gets. */
  readonly handleInfo?: (
    message: unknown,
    handler: HandlerContext<Awaited<R>>,
  ) => unknown;
  /** What it returns is what `deleteHandler` resolves with. */
  readonly terminate?: (
    handler: HandlerContext<Awaited<R>>,
    end: HandlerEnd,
  ) => unknown;
  /** What `sys.getStatus` and reports show as its state. */
  readonly formatStatus?: (state: Awaited<R>) => unknown;
};

/** A handler that is to be put in the place of another. */
export type NewHandler<E, R, A> = {
  readonly id: unknown;
  readonly handler: EventHandler<E, R, A>;
  readonly arg?: A;
};

/**
 * What the actor gets that has added a handler with `addSupHandler`, when the
 * handler is gone. A message of an actor of the same node.
 */
export class GenEventExit {
  readonly type = "gen_event_EXIT";
  /** The handler's id. */
  readonly handler: unknown;
  /**
   * `normal` when it was deleted or has removed itself, `shutdown` when the
   * manager ends, `{swapped, Id, Pid}`, or what a callback has thrown.
   */
  readonly reason: ExitReason;
  constructor(handler: unknown, reason: ExitReason) {
    this.handler = handler;
    this.reason = reason;
  }
}
