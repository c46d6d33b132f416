/**
 * What is sent in place of a signal that cannot be encoded.
 *
 * What a user sends raises at the sender. An exit reason that cannot be encoded
 * must not keep its receiver from learning of the end.
 */

import type { Signal } from "../../core/host/signal.ts";

/** What remains of an exit reason that cannot be sent as it is. */
const maxReasonLength = 1_000;

/**
 * The signal with a reason in words: those of an error that was the reason, or
 * why it could not be encoded. Null for a signal that has no reason.
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
      const text = reason instanceof Error ? String(reason.message) : "";
      const why = problem instanceof Error ? problem.message : "unencodable";
      const shown = text === "" ? why : text;
      return {
        ...signal,
        reason: shown.slice(0, maxReasonLength).toWellFormed(),
      };
    }
    default:
      return null;
  }
}
