/** Exit reasons as OTP's behaviours read them. */

import {
  atom,
  type ExitReason,
  reasons,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";

/**
 * Whether it is an end in good order, of which no report is made: `normal`,
 * `shutdown` or `{shutdown, _}`.
 */
export function isOrderly(reason: ExitReason): boolean {
  return reason === reasons.normal || reason === reasons.shutdown ||
    (reason instanceof Tuple && reason.items.length === 2 &&
      reason.items[0] === reasons.shutdown);
}

/** What a start is refused with when the name has a holder. */
export function alreadyStarted(holder: unknown): Tuple {
  return tuple(atom("already_started"), holder);
}
