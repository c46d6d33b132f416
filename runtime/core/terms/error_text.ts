/**
 * The text of an error, for messages and logs.
 */

/**
 * The message of an error; of anything else that was thrown, what `show` makes
 * of it.
 */
export function errorText(
  error: unknown,
  show: (thrown: unknown) => string = String,
): string {
  return error instanceof Error ? error.message : show(error);
}
