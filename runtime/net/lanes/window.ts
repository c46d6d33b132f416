/**
 * The window of a connection between Hornbeam nodes: how many bytes of
 * fragments may be sent and not yet acknowledged.
 *
 * A signal that overtakes large messages still waits behind these bytes, so
 * the window is as small as keeps the connection busy: twice the bytes that are
 * acknowledged in the shortest time that an acknowledgement has ever taken.
 * With a smaller window, a distant node would get only one window per round
 * trip; with a larger one, only the buffers of the network would get fuller.
 * This is BBR's estimate of the bandwidth-delay product
 * (draft-cardwell-iccrg-bbr-congestion-control), without its phases: the window
 * at least doubles each round trip until the network, and not the window, sets
 * the rate; it shrinks by at most an eighth with each acknowledgement.
 */

import {
  WINDOW_BYTES_MAX,
  WINDOW_BYTES_MIN,
} from "../../wire/framing/fragments.ts";

/** One fragment that was sent and is not acknowledged. */
type Sent = {
  /** Bytes sent over the connection up to the end of this fragment. */
  readonly upTo: number;
  /** When it was sent. */
  readonly atMs: number;
  /** Bytes that had been acknowledged when it was sent. */
  readonly acknowledged: number;
};

export class Window {
  readonly #now: () => number;
  /** The size of the window, from `WINDOW_BYTES_MIN` to `WINDOW_BYTES_MAX`. */
  #bytes = WINDOW_BYTES_MIN;
  /** Bytes of all fragments ever sent. Never decreases. */
  #sent = 0;
  /** Bytes ever acknowledged. Never decreases, never above `#sent`. */
  #acknowledged = 0;
  /** Shortest time between a fragment and its acknowledgement; above 0. */
  #shortestMs = Infinity;
  /** Fragments that are not acknowledged in full, oldest first. */
  #awaited: Sent[] = [];

  /** `now`: a clock in ms that never goes backwards. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The size of the window in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#sent - this.#acknowledged >= this.#bytes;
  }

  /** A fragment of so many bytes was sent. */
  sent(bytes: number): void {
    this.#sent += bytes;
    this.#awaited.push({
      upTo: this.#sent,
      atMs: this.#now(),
      acknowledged: this.#acknowledged,
    });
  }

  /** The peer acknowledges so many more bytes. Its number may be wrong. */
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
    // No time has passed: the clock is too coarse, or a test has stopped it.
    if (tookMs <= 0) return;
    this.#shortestMs = Math.min(this.#shortestMs, tookMs);
    const delivered = this.#acknowledged - acknowledged;
    const wanted = 2 * delivered * this.#shortestMs / tookMs;
    this.#bytes = Math.min(
      WINDOW_BYTES_MAX,
      Math.max(WINDOW_BYTES_MIN, wanted, this.#bytes * 7 / 8),
    );
  }
}
