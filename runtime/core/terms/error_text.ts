/**
 * What can be learnt of a value that was thrown, or that is an exit reason,
 * for messages and logs.
 *
 * Such a value may be hostile: a getter of it may throw, it may be a revoked
 * proxy, its message may be an object that `String` cannot convert. A report
 * must not fail for that, and must not prevent notifications. So no function
 * here throws.
 */

/** Text in place of what throws when it is read. */
const UNPRINTABLE = "(unprintable)";

/** Whether a value is an error; false for a value that cannot be examined. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/**
 * The message of an error; of anything else that was thrown, what `show` makes
 * of it. "(unprintable)" where that throws.
 */
export function errorText(
  error: unknown,
  show: (thrown: unknown) => string = String,
): string {
  try {
    return String(error instanceof Error ? error.message : show(error));
  } catch {
    return UNPRINTABLE;
  }
}

/** The stack of an error; null for anything that has none. */
export function errorStack(error: unknown): string | null {
  try {
    if (!(error instanceof Error)) return null;
    const { stack } = error;
    return typeof stack === "string" ? stack : null;
  } catch {
    return null;
  }
}
