/** The check of exit reasons that an actor gives. */

import { UsageError } from "./errors.ts";
import { type ExitReason, reasons } from "./reasons.ts";

/**
 * Throws `UsageError` for a text that is the name of one of `reasons`: it would
 * be another reason, which ends links, calls `terminate` and is logged, or does
 * not kill.
 */
export function mustBeReason(reason: ExitReason): void {
  if (typeof reason !== "string" || !Object.hasOwn(reasons, reason)) return;
  throw new UsageError(
    `expected another exit reason than the text "${reason}", which is not ` +
      `the reason of that name; write: reasons.${reason}`,
  );
}
