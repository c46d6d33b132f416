/**
 * How often a process or worker that ends unexpectedly is restarted, and after
 * which pause: a number of times within a minute, and the pause doubles each
 * time.
 */

const WINDOW_MS = 60_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/** The pause before the `count`th restart in a row, counted from 1. */
export function backoffMs(count: number): number {
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (count - 1));
}

export class Restarts {
  readonly #max: number;
  /** The times of the restarts within the last minute. */
  #times: number[] = [];

  /** Allows `max` restarts within a minute; 0 allows none. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The pause before the next restart in ms; null when it is not allowed. */
  next(): number | null {
    const now = performance.now();
    this.#times = this.#times.filter((at) => at > now - WINDOW_MS);
    if (this.#times.length >= this.#max) return null;
    this.#times.push(now);
    return backoffMs(this.#times.length);
  }

  /** A note for the error message when no further restart is allowed. */
  get complaint(): string {
    return this.#max === 0
      ? ""
      : "; restarted as often as --max-restarts allows, " +
        `${this.#times.length} within a minute`;
  }
}
