/**
 * The replacement for a signal that cannot be encoded.
 *
 * A message that cannot be encoded is an error of its sender. But an exit
 * signal or a `DOWN` message must arrive also when its exit reason cannot be
 * encoded, so its reason is replaced by a text.
 */

import type { Signal } from "../../core/host/signal.ts";
import { errorText, isError } from "../../core/terms/error_text.ts";

/** Longest text that replaces an exit reason, in characters. */
const MAX_REASON_LENGTH = 1_000;

/**
 * The signal with a text as its reason: the message of the error that was the
 * reason, or else why the reason could not be encoded. Null for a signal that
 * has no reason.
 */
export function withReasonInWords(
  signal: Signal,
  problem: unknown,
): Signal | null {
  switch (signal.type) {
    case "linkExit":
    case "exit":
    case "down": {
      const { reason } = signal;
      const text = isError(reason) ? errorText(reason) : "";
      const why = isError(problem) ? errorText(problem) : "unencodable";
      const shown = text === "" ? why : text;
      return {
        ...signal,
        reason: shown.slice(0, MAX_REASON_LENGTH).toWellFormed(),
      };
    }
    default:
      return null;
  }
}
