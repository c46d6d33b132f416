/**
 * Behaviours as the runtime holds them, without the types of their messages.
 *
 * `handler.ts` has the makers of handlers, `self.ts` the types that programs
 * write behaviours with.
 */

import type { ExitReason } from "../messages/reasons.ts";

/** What a handler returns to end its actor. */
export class Stop {
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    this.reason = reason;
  }
}

/** `SystemHooks` of any handler. */
export type AnySystemHooks = {
  readonly getState?: (state: unknown) => unknown;
  readonly replaceState?: (state: unknown, shown: unknown) => unknown;
  readonly formatStatus?: (state: unknown) => unknown;
  readonly terminate?: (
    state: unknown,
    reason: ExitReason,
    self: never,
  ) => unknown;
};

/** `HandlerOptions` of any handler. */
export type AnyHandlerOptions = {
  readonly system?: AnySystemHooks;
  readonly name?: string;
};

/** A handler actor's behaviour; made by `handler` or `asyncHandler`. */
export class Handler<in M = never> {
  /** Never set: it gives the type its variance. */
  declare readonly handles?: (message: M) => void;
  /** @internal Called once, before the first message. */
  readonly init: (self: never) => unknown;
  /** @internal Typed by `handler`, which is the only maker. */
  readonly handle: (state: unknown, message: unknown, self: unknown) => unknown;
  /** @internal Whether `init` and `handle` may return promises. */
  readonly mayWait: boolean;
  /** @internal */
  readonly system: AnySystemHooks | null;
  /** @internal */
  readonly name: string;
  constructor(
    init: (self: never) => unknown,
    handle: (state: never, message: never, self: never) => unknown,
    mayWait = false,
    options: AnyHandlerOptions = {},
  ) {
    this.init = init;
    this.handle = handle as (
      state: unknown,
      message: unknown,
      self: unknown,
    ) => unknown;
    this.mayWait = mayWait;
    this.system = options.system ?? null;
    this.name = options.name ?? handle.name;
  }
}

/** A behaviour of any message type. */
export type AnyBehaviour =
  | ((self: never) => Promise<void> | void)
  | Handler<never>;

/**
 * An export of a node, which other nodes can spawn: it gets the arguments of the
 * request, 255 at most, and returns the behaviour of the new actor. Check the
 * arguments: they come from another node.
 * (Declared as a method, so that parameters may be narrower than `unknown`.)
 */
export type ExportedBehaviour = {
  make(...args: unknown[]): AnyBehaviour;
}["make"];
