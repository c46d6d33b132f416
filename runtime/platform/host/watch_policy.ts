/**
 * Decides whether a reader polls for a moment before it sleeps ("watches"), for
 * rings of shared memory and for sockets.
 *
 * Waking a thread costs several times as much as the rest of a message, and its
 * caches go cold while it sleeps. In a conversation the next bytes arrive
 * within some ten microseconds, so a reader that watches for them saves the
 * wake-up. But watching in vain wastes a core, and on a busy machine the other
 * end may be waiting for that core. So the decision depends on earlier results:
 * after a few failures in a row the reader does not watch for a while, twice as
 * long each time, until watching succeeds again.
 */

/** How long to watch, in ms: longer than a thread needs to wake and answer. */
export const WATCH_MS = 0.1;

/** Failures in a row after which the reader does not watch for a while. */
const MAX_MISSES = 4;
/** How often it does not watch then: the first time, and at most. */
const FIRST_REST = 8;
const LONGEST_REST = 64;

export class WatchPolicy {
  readonly #isWorthwhile: boolean;
  /** Failures in a row; the count goes on while above `MAX_MISSES`. */
  #misses = 0;
  /** How often `mayWatch` will still say no. */
  #rest = 0;
  /** The next value of `#rest`; at most `LONGEST_REST`. */
  #nextRest = FIRST_REST;

  /** `cores`: those of the machine. With one, watching would only block it. */
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

  /** Bytes have arrived while the reader watched. */
  hit(): void {
    this.#misses = 0;
    this.#nextRest = FIRST_REST;
  }

  /** No bytes have arrived while the reader watched. */
  miss(): void {
    if (++this.#misses < MAX_MISSES) return;
    this.#rest = this.#nextRest;
    this.#nextRest = Math.min(LONGEST_REST, this.#nextRest * 2);
  }
}
