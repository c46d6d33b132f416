/** Exit reasons as OTP's behaviours read them. */

import {
  atom,
  type ExitReason,
  reasons,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";

/**
 * Whether an actor with this reason has ended in good order, which is not
 * reported: `normal`, `shutdown` or `{shutdown, _}`.
 */
export function isOrderly(reason: ExitReason): boolean {
  return reason === reasons.normal || reason === reasons.shutdown ||
    (reason instanceof Tuple && reason.items.length === 2 &&
      reason.items[0] === reasons.shutdown);
}

/** Why a start is refused under a name that another actor has. */
export function alreadyStarted(holder: unknown): Tuple {
  return tuple(atom("already_started"), holder);
}
