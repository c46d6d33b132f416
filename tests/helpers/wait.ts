/**
 * Waiting for a condition with a deadline, so that no test sleeps for a guessed time. It polls, because the condition
 * often depends on another process.
 */

const POLL_MS = 5;
const TICK_MS = 100;

/** Of the time between two ticks no more than this counts. */
const LONGEST_TICK_MS = 250;

/**
 * Calls `action` when `timeoutMs` have passed, and gives what calls it off. A
 * machine that stood still for seconds has used up next to nothing: whom the
 * deadline is for stood still as well.
 */
export function onDeadline(timeoutMs: number, action: () => void): () => void {
  let left = timeoutMs;
  let before = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    left -= Math.min(now - before, LONGEST_TICK_MS);
    before = now;
    if (left > 0) return;
    clearInterval(timer);
    action();
  }, Math.min(timeoutMs, TICK_MS));
  return () => clearInterval(timer);
}

/**
 * Resolves with the first truthy value that `condition` gives, and rejects
 * when there was none for `timeoutMs` (default 10,000). `what` completes the
 * sentence "timed out waiting for ...". An error that `condition` throws is
 * taken for "not yet" and shown if the deadline passes.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly what: string; readonly timeoutMs?: number },
): Promise<NonNullable<T>> {
  const { what, timeoutMs = 10_000 } = options;
  let isLate = false;
  const callOff = onDeadline(timeoutMs, () => isLate = true);
  let last: unknown;
  for (;;) {
    const isLast = isLate;
    try {
      last = await condition();
      if (last) {
        callOff();
        return last as NonNullable<T>;
      }
    } catch (error) {
      last = error;
    }
    if (isLast) {
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
