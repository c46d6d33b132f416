/**
 * How many bytes of fragments may be on their way to a Hornbeam node and not
 * acknowledged. Whatever overtakes large messages still waits behind these, so
 * they are as few as keep the way there busy: twice what is acknowledged in the
 * shortest time that an acknowledgement has ever taken. With less, a far node
 * would get a window per round trip and no more; with more, only the buffers in
 * between get fuller. It is BBR's estimate of the bandwidth-delay product
 * (draft-cardwell-iccrg-bbr-congestion-control), without its phases: the
 * window at least doubles each round trip until the way, and not the window,
 * sets the rate, and shrinks again by an eighth for each acknowledgement.
 */

import {
  windowBytesMax,
  windowBytesMin,
} from "../../wire/framing/fragments.ts";

/** Fragments whose acknowledgement is awaited. */
type Sent = {
  /** Bytes that were sent up to the end of these, of all. */
  readonly upTo: number;
  readonly atMs: number;
  /** Bytes of all that had been acknowledged then. */
  readonly acknowledged: number;
};

export class Window {
  readonly #now: () => number;
  #bytes = windowBytesMin;
  #sent = 0;
  #acknowledged = 0;
  #shortestMs = Infinity;
  /** Oldest first: as many as there are fragments under way. */
  #awaited: Sent[] = [];

  /** `now` tells milliseconds of a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Bytes that may be under way. */
  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#sent - this.#acknowledged >= this.#bytes;
  }

  sent(bytes: number): void {
    this.#sent += bytes;
    this.#awaited.push({
      upTo: this.#sent,
      atMs: this.#now(),
      acknowledged: this.#acknowledged,
    });
  }

  /** The peer has so many bytes more; it may well be wrong. */
  acknowledged(bytes: number): void {
    this.#acknowledged = Math.min(this.#sent, this.#acknowledged + bytes);
    const left = this.#awaited.findIndex(({ upTo }) =>
      upTo > this.#acknowledged
    );
    const done = this.#awaited.splice(
      0,
      left < 0 ? this.#awaited.length : left,
    );
    const last = done.at(-1);
    if (last !== undefined) this.#measure(last);
  }

  #measure({ atMs, acknowledged }: Sent): void {
    const tookMs = this.#now() - atMs;
    // Of no length: the clock is too coarse, or time stands still in a test.
    if (tookMs <= 0) return;
    this.#shortestMs = Math.min(this.#shortestMs, tookMs);
    const delivered = this.#acknowledged - acknowledged;
    const wanted = 2 * delivered * this.#shortestMs / tookMs;
    this.#bytes = Math.min(
      windowBytesMax,
      Math.max(windowBytesMin, wanted, this.#bytes * 7 / 8),
    );
  }
}
