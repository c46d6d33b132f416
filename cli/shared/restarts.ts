/**
 * How often what dies unexpectedly is started again, and after what pause: a
 * number of times within a minute, each after twice the pause of the one
 * before.
 */

const WINDOW_MS = 60_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/** How long to wait before the `count`th restart in a row, counted from 1. */
export function backoffMs(count: number): number {
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (count - 1));
}

export class Restarts {
  readonly #most: number;
  /** When there was one, in the last minute. */
  #times: number[] = [];

  /** At most so many within a minute; 0 for none. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The pause before the next one in ms, or null when that is one too many. */
  next(): number | null {
    const now = performance.now();
    this.#times = this.#times.filter((at) => at > now - WINDOW_MS);
    if (this.#times.length >= this.#most) return null;
    this.#times.push(now);
    return backoffMs(this.#times.length);
  }

  /** What to add to how it died, when it is not started again any more. */
  get complaint(): string {
    return this.#most === 0
      ? ""
      : "; restarted as often as --max-restarts allows, " +
        `${this.#times.length} within a minute`;
  }
}
