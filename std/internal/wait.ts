/**
 * Waiting for the message that carries a ref, with both limits optional.
 *
 * `self.receive(ref)` in the form that modules of std need: Infinity is no
 * limit, and what the caller accepts otherwise is no matter.
 */

import {
  Exit,
  type Pid,
  type ReceiveOptions,
  type Ref,
  type Self,
} from "../../runtime/mod.ts";

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

/**
 * Takes a link back, and removes the `Exit` that may have come over it. After
 * unlink no further one comes, so what is there is all there is.
 */
export async function flushExit(self: AnySelf, pid: Pid<never>): Promise<void> {
  self.unlink(pid);
  if (!self.trapExits) return;
  const isOfIt = (message: unknown) =>
    message instanceof Exit && message.from === pid;
  await self.receive(isOfIt, { timeoutMs: 0 });
}
