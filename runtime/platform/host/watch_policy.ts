/**
 * Whether it pays to watch a ring for a moment before its reader sleeps.
 *
 * Waking a thread costs several times more than all the rest of a message, and
 * while it sleeps its caches go cold. A conversation has the next bytes within
 * some ten microseconds, so whoever watches for them saves the wake-up. But a
 * thread that watches in vain has wasted its core, which on a busy machine may
 * be the very one that the other end waits for. So the decision is made anew
 * from what watching has brought: a few failures in a row and it is left for a
 * while, twice as long each time, until a try succeeds.
 */

/** How long to watch, in ms: longer than a thread takes to wake and answer. */
export const watchMs = 0.1;

/** Failures in a row before watching is left. */
const maxMisses = 4;
/** How often not to watch then, the first time and at most. */
const firstRest = 8;
const longestRest = 64;

export class WatchPolicy {
  readonly #isWorthwhile: boolean;
  #misses = 0;
  /** How often not to watch from now on. */
  #rest = 0;
  #nextRest = firstRest;

  /** `cores`: what the machine has; with one, the other end cannot run. */
  constructor(cores: number) {
    this.#isWorthwhile = cores > 1;
  }

  /** Whether to watch this time. */
  mayWatch(): boolean {
    if (!this.#isWorthwhile) return false;
    if (this.#rest === 0) return true;
    this.#rest--;
    return false;
  }

  /** Something came while it was watched for. */
  hit(): void {
    this.#misses = 0;
    this.#nextRest = firstRest;
  }

  /** Nothing came. */
  miss(): void {
    if (++this.#misses < maxMisses) return;
    this.#rest = this.#nextRest;
    this.#nextRest = Math.min(longestRest, this.#nextRest * 2);
  }
}
