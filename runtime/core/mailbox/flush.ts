/** Removes messages from any place of a mailbox. */

import type { Receiver } from "./patterns.ts";

/** Removes the oldest messages that match, at most `most` of them. */
export function flush(
  receiver: Receiver,
  match: (message: unknown) => boolean,
  most: number = Infinity,
): void {
  const mailbox = receiver.mailbox;
  let left = most;
  for (let i = 0; i < mailbox.length && left > 0;) {
    if (!match(mailbox.at(i))) {
      i++;
      continue;
    }
    mailbox.removeAt(i);
    left--;
    // A pending receive may have passed the removed message already.
    if (receiver.scanned > i) receiver.scanned--;
  }
}
