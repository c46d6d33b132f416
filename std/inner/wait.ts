/**
 * Waiting for the message that carries a ref, with both limits optional.
 *
 * `self.receive(ref)` in the form that modules of std need: Infinity is no
 * limit, and what the caller accepts otherwise is no matter.
 */

import type { ReceiveOptions, Ref, Self } from "../../runtime/mod.ts";

/** Any actor's `self`, where the messages that it accepts do not matter. */
export type AnySelf =
  & Omit<Self<never>, "receive" | typeof Symbol.asyncIterator>
  & Waiter;

/** As much of it as a wait needs. */
export interface Waiter {
  receive(ref: Ref, options: ReceiveOptions): Promise<unknown>;
  receive(
    match: (message: unknown) => boolean,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<unknown>;
}

/** Resolves with undefined when the time is over; see `self.receive`. */
export function receiveRef(
  self: Waiter,
  ref: Ref,
  options: ReceiveOptions = {},
): Promise<unknown> {
  const { timeoutMs = Infinity, signal } = options;
  return self.receive(ref, {
    ...(timeoutMs === Infinity ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  });
}
