/**
 * Waiting for the message that carries a ref, with both limits optional.
 *
 * It is `self.receive(ref)` as the modules of std need it: Infinity means no
 * limit, and the type of the messages that the caller accepts does not matter.
 */

import {
  Exit,
  type Pid,
  type ReceiveOptions,
  type Ref,
  type Self,
} from "../../runtime/mod.ts";

/** The `self` of any actor, where the type of its messages does not matter. */
export type AnySelf =
  & Omit<Self<never>, "receive" | typeof Symbol.asyncIterator>
  & Waiter;

/** As much of `self` as a wait needs. */
export interface Waiter {
  receive(ref: Ref, options: ReceiveOptions): Promise<unknown>;
  receive(
    match: (message: unknown) => boolean,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<unknown>;
}

/** Resolves with undefined after `timeoutMs`; see `self.receive`. */
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
 * Removes a link, and the `Exit` that may have come over it. No further `Exit`
 * of it comes after `unlink`, so one look into the mailbox is enough.
 */
export async function flushExit(self: AnySelf, pid: Pid<never>): Promise<void> {
  self.unlink(pid);
  if (!self.trapExits) return;
  const isOfPid = (message: unknown) =>
    message instanceof Exit && message.from === pid;
  await self.receive(isOfPid, { timeoutMs: 0 });
}
