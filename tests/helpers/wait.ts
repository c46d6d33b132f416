/**
 * Waiting for a condition with a deadline, so that no test sleeps for a guessed time. It polls, because the condition
 * often depends on another process.
 */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";

const POLL_MS = 5;
const TICK_MS = 100;

/** Of the time between two ticks no more than this counts. */
const LONGEST_TICK_MS = 250;

/**
 * The largest factor by which a busy machine extends a deadline. What hangs
 * fails after this many times its deadline at the latest.
 */
const MAX_SLOWDOWN = 6;

/**
 * By how much other work slows a process down: the number of tasks that are
 * ready to run, divided by the number of cores, from 1 to 6. `loadavg` is the
 * text of `/proc/loadavg`; its fourth field is `READY/ALL`.
 */
export function slowdownOf(loadavg: string, cores: number): number {
  const ready = Number(/^\S+ \S+ \S+ (\d+)\//.exec(loadavg)?.[1] ?? 0);
  return Math.min(MAX_SLOWDOWN, Math.max(1, ready / cores));
}

/** The slowdown of this machine now; 1 where the system does not tell. */
function currentSlowdown(): number {
  if (process.platform !== "linux") return 1;
  try {
    return slowdownOf(
      readFileSync("/proc/loadavg", "utf8"),
      availableParallelism(),
    );
  } catch {
    return 1;
  }
}

/**
 * Calls `action` when `timeoutMs` have passed, and returns a function that
 * cancels it. Only the time counts in which the processes of the test could
 * work. A machine that stood still for seconds has used up next to nothing, and
 * while four tasks share each core, a quarter of the time counts.
 */
export function onDeadline(
  timeoutMs: number,
  action: () => void,
  slowdown: () => number = currentSlowdown,
): () => void {
  let left = timeoutMs;
  let before = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    left -= Math.min(now - before, LONGEST_TICK_MS) / slowdown();
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
