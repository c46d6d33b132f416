/**
 * How handler actors are written: one call per message, state in, state out.
 *
 * Types and makers; how the calls are run is in `actor.ts` (the fast path) and
 * `waiting_handler.ts`.
 */

import { reasons } from "../messages/messages.ts";
import type { Self } from "./self.ts";
import type { ExitReason } from "../host/signal.ts";

/**
 * One synchronous call per message; returns the next state, or `stop(reason)`.
 */
export type MessageHandler<S, M> = (
  state: S,
  message: M,
  self: Self<M>,
) => S | Stop;

/** As `MessageHandler`, but what it returns may be a promise. */
export type AsyncMessageHandler<S, M> = (
  state: S,
  message: M,
  self: Self<M>,
) => S | Stop | Promise<S | Stop>;

/** What a handler returns to end its actor. */
export class Stop {
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    this.reason = reason;
  }
}

/**
 * What a handler actor does about the requests of `sys`, where its state is
 * not what is to be shown. Each gets the state of the handler.
 */
export type SystemHooks<S = unknown> = {
  /** What `sys.getState` shows. */
  readonly getState?: (state: S) => unknown;
  /** The handler's state, once `shown` is to be what `getState` shows. */
  readonly replaceState?: (state: S, shown: unknown) => S;
  /** What `sys.getStatus` shows as the state. */
  readonly formatStatus?: (state: S) => unknown;
  /** Runs before `sys.terminate` ends the actor; may return a promise. */
  readonly terminate?: (
    state: S,
    reason: ExitReason,
    self: Self<never>,
  ) => unknown;
};

/** Options of `asyncHandler`. */
export type HandlerOptions<S = unknown> = {
  readonly system?: SystemHooks<S>;
  /** What logs and `info` call the behaviour. Default: the function's name. */
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
  readonly system: SystemHooks<unknown> | null;
  /** @internal */
  readonly name: string;
  constructor(
    init: (self: never) => unknown,
    handle: (state: never, message: never, self: never) => unknown,
    mayWait = false,
    options: HandlerOptions<unknown> = {},
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

/**
 * A handler actor: `handle` is called once per message, synchronously, and
 * returns the next state or `stop(reason)`. The fast path.
 *
 * `init` is the first state, or a function that makes it from `self`.
 *
 * @example
 * ```ts
 * import { handler, type Pid, start } from "hornbeam";
 *
 * type Count = { add: number } | { ask: Pid<number> };
 * await using node = await start();
 * const counter = node.spawn(
 *   handler(0, (total, message: Count, self) => {
 *     if ("add" in message) return total + message.add;
 *     self.send(message.ask, total);
 *     return total;
 *   }),
 * );
 * console.log(
 *   await node.run<number, number>(async (self) => {
 *     self.send(counter, { add: 2 });
 *     self.send(counter, { ask: self.pid });
 *     return await self.receive();
 *   }),
 * ); // prints: 2
 * ```
 */
export function handler<S, M>(
  init: S | ((self: Self<M>) => S),
  handle: MessageHandler<S, M>,
): Handler<M> {
  const make = typeof init === "function"
    ? init as (self: Self<M>) => S
    : () => init;
  return new Handler<M>(make, handle);
}

/**
 * As `handler`, but `init` and `handle` may be asynchronous. While a promise is
 * out, the actor takes no other message: there is no interleaving, and inside
 * `self.receive` and `self.call` can be awaited as in a function actor. Where
 * nothing is awaited, no promise is made and it is as fast as `handler`.
 *
 * A promise that `handle` starts but does not return or await is nobody's: its
 * rejection is reported, and ends no actor.
 *
 * @example
 * ```ts
 * import { asyncHandler, start } from "hornbeam";
 *
 * await using node = await start();
 * const log: string[] = [];
 * const slow = node.spawn(
 *   asyncHandler(0, async (count, word: string) => {
 *     await Promise.resolve();
 *     log.push(`${word} ${count}`);
 *     return count + 1;
 *   }),
 * );
 * node.send(slow, "first");
 * node.send(slow, "second");
 * await node.run(async (self) => {
 *   const ref = self.monitor(slow);
 *   self.sendExit(slow, "enough");
 *   await self.receive(ref);
 * });
 * ```
 */
export function asyncHandler<S, M>(
  init: S | ((self: Self<M>) => S | Promise<S>),
  handle: AsyncMessageHandler<S, M>,
  options: HandlerOptions<S> = {},
): Handler<M> {
  const make = typeof init === "function"
    ? init as (self: Self<M>) => S
    : () => init;
  return new Handler<M>(make, handle, true, options as HandlerOptions);
}

/** Ends a handler actor: `return stop(reason)`; reason `normal` by default. */
export function stop(reason: ExitReason = reasons.normal): Stop {
  return new Stop(reason);
}
