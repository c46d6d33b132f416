/**
 * The longest pause of a 5 ms interval timer: how long code that waits for a
 * timer or a socket of the same thread is delayed.
 *
 * The measurement begins and ends when the timer fires, so a part during which
 * no timer fires shows its whole length.
 */

import type { GapMeter } from "../row.ts";

const INTERVAL_MS = 5;

export class TimerGap implements GapMeter {
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastAt = 0;
  #longestMs = 0;
  /** Called when the timer fires next; unset when that is not awaited. */
  #onFiring: (() => void) | undefined;

  async begin(): Promise<void> {
    this.#timer = setInterval(() => this.#fire(), INTERVAL_MS);
    await this.#firing();
    this.#longestMs = 0;
  }

  async end(): Promise<number> {
    await this.#firing();
    clearInterval(this.#timer);
    return this.#longestMs;
  }

  #fire(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt);
    this.#lastAt = now;
    this.#onFiring?.();
    this.#onFiring = undefined;
  }

  #firing(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFiring = resolve;
    });
  }
}
