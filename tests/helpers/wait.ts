/**
 * Waiting for a condition with a deadline, so that no test sleeps for a time
 * that somebody guessed. It polls: what is waited for is often in another
 * process.
 */

const POLL_MS = 5;

/**
 * Resolves with the first truthy value that `condition` gives, and rejects
 * when there was none for `timeoutMs` (default 5000). `what` completes the
 * sentence "timed out waiting for ...". An error that `condition` throws is
 * taken for "not yet" and shown if the deadline passes.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly what: string; readonly timeoutMs?: number },
): Promise<NonNullable<T>> {
  const { what, timeoutMs = 5_000 } = options;
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      last = await condition();
      if (last) return last as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      throw new Error(
        `timed out waiting for ${what}: not within ${timeoutMs} ms; ` +
          `the condition last gave ${describe(last)}`,
        last instanceof Error ? { cause: last } : undefined,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function describe(value: unknown): string {
  if (value instanceof Error) return `the error "${value.message}"`;
  return String(value);
}
