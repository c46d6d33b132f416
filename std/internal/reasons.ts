/** Exit reasons as OTP's behaviours read them. */

import {
  atom,
  errorStack,
  type ExitReason,
  isError,
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

/** Options of an error with `reason` as its cause, where that is an error. */
export function causedBy(reason: ExitReason): { readonly cause?: Error } {
  return isError(reason) ? { cause: reason } : {};
}

/** The field `stack` of a report about `reason`, where that has a stack. */
export function stackField(reason: ExitReason): { readonly stack?: string } {
  const stack = errorStack(reason);
  return stack === null ? {} : { stack };
}
