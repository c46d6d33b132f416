/**
 * The makers of handler actors: one call per message, state in, state out.
 *
 * `actor/actor.ts` runs the calls (the fast path), and so does
 * `actor/waiting_handler.ts` for handlers that may wait.
 */

import { type ExitReason, reasons } from "../messages/reasons.ts";
import { mustBeReason } from "../messages/reserved_reasons.ts";
import { option, OptionTable } from "../messages/options.ts";
import { Handler, Stop } from "./behaviour.ts";
import type { Self } from "./self.ts";

/**
 * One synchronous call per message; returns the next state, or `stop(reason)`.
 */
export type MessageHandler<S, M> = (
  state: S,
  message: M,
  self: Self<M>,
) => S | Stop;

/** As `MessageHandler`, but the result may be a promise. */
export type AsyncMessageHandler<S, M> = (
  state: S,
  message: M,
  self: Self<M>,
) => S | Stop | Promise<S | Stop>;

/**
 * How a handler actor answers the requests of `sys`, where `sys` should show
 * something else than its state. Each function gets the state of the handler.
 */
export type SystemHooks<S = unknown> = {
  /** What `sys.getState` shows. */
  readonly getState?: (state: S) => unknown;
  /** The handler's next state, of which `getState` will show `shown`. */
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
  /** Name of the behaviour in logs and `info`. Default: the function's name. */
  readonly name?: string;
};

const handlerOptions = new OptionTable<HandlerOptions>("asyncHandler", {
  system: option.object,
  name: option.text,
});

const systemHooks = new OptionTable<SystemHooks>("system", {
  getState: option.callback,
  replaceState: option.callback,
  formatStatus: option.callback,
  terminate: option.callback,
});

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
 * As `handler`, but `init` and `handle` may be asynchronous. While their promise
 * is pending, the actor takes no other message, so messages are not interleaved.
 * They can await `self.receive` and `self.call` as a function actor can. If
 * nothing is awaited, no promise is made, and it is as fast as `handler`.
 *
 * A promise that `handle` starts but neither returns nor awaits belongs to no
 * actor: its rejection is reported, and ends none.
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
  handlerOptions.check(options as HandlerOptions);
  systemHooks.check(options.system as SystemHooks | undefined);
  const make = typeof init === "function"
    ? init as (self: Self<M>) => S
    : () => init;
  return new Handler<M>(make, handle, true, options as HandlerOptions);
}

/** Ends a handler actor: `return stop(reason)`; reason `normal` by default. */
export function stop(reason: ExitReason = reasons.normal): Stop {
  mustBeReason(reason);
  return new Stop(reason);
}
