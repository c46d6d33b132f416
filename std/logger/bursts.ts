/**
 * A limit on how many events a handler gets in a window of time. Beyond it,
 * events are only counted, so that a burst of them costs little.
 */

import type { Host } from "../../runtime/mod.ts";

/** At most `limit` events in a window of `windowMs`. */
export type BurstLimit = {
  readonly limit: number;
  readonly windowMs: number;
};

export const defaultBurst: BurstLimit = { limit: 500, windowMs: 1_000 };

export class Bursts {
  readonly #limit: BurstLimit;
  readonly #host: Host;
  /** Called at the end of a window in which events were dropped. */
  readonly #report: (dropped: number) => void;
  #windowEnd = -Infinity;
  #taken = 0;
  #dropped = 0;
  #timer: unknown = null;

  constructor(
    limit: BurstLimit,
    host: Host,
    report: (dropped: number) => void,
  ) {
    this.#limit = limit;
    this.#host = host;
    this.#report = report;
  }

  /** Whether the handler may get one more event. If not, it is counted. */
  admit(): boolean {
    const now = this.#host.now();
    if (now >= this.#windowEnd) {
      this.flush();
      this.#windowEnd = now + this.#limit.windowMs;
      this.#taken = 0;
    }
    if (this.#taken < this.#limit.limit) {
      this.#taken++;
      return true;
    }
    this.#dropped++;
    this.#timer ??= this.#host.setTimer(
      () => this.flush(),
      Math.max(1, Math.ceil(this.#windowEnd - now)),
    );
    return false;
  }

  /** Reports the number of events that were dropped since the last report. */
  flush(): void {
    if (this.#timer !== null) this.#host.clearTimer(this.#timer);
    this.#timer = null;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#report(dropped);
  }
}
