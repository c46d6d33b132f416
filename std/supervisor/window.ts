/** The sliding window in which a supervisor counts its restarts. */

import { Clock, type Timekeeper } from "../internal/clock.ts";
import type { RestartLimits } from "./types.ts";

/**
 * The times of the restarts in the window. The clock is made at the first
 * restart, since most supervisors never restart a child.
 */
export class RestartWindow {
  readonly #self: Timekeeper;
  readonly #maxRestarts: number;
  readonly #withinMs: number;
  #clock: Clock | null = null;
  /** Times of restarts in whole ms, the oldest first. */
  #times: number[] = [];

  constructor(self: Timekeeper, limits: RestartLimits) {
    this.#self = self;
    this.#maxRestarts = limits.maxRestarts ?? 3;
    this.#withinMs = limits.withinMs ?? 5_000;
  }

  /** Counts a restart that is due now. Returns whether it is one too many. */
  isOneTooMany(): boolean {
    if (this.#maxRestarts === Infinity) return false;
    this.#clock ??= new Clock(this.#self);
    const now = Math.round(this.#clock.elapsedMs);
    const since = now - this.#withinMs;
    const times = this.#times;
    times.push(now);
    let gone = 0;
    while ((times[gone] as number) < since) gone++;
    if (gone > 0) times.splice(0, gone);
    return times.length > this.#maxRestarts;
  }
}
