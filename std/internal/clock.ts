/**
 * A clock made from an actor's timer: a timer that fires far in the future, and
 * how long it still has to run.
 *
 * It follows the clock of the actor's node, which is virtual in a simulator. It
 * measures spans only and knows no time of day.
 */

import type { Ref, Self } from "../../runtime/mod.ts";

/** As much of `self` as a clock needs. */
export type Timekeeper = Pick<
  Self<never>,
  "startTimer" | "readTimer" | "cancelTimer"
>;

/**
 * 34 years; after that the clock stands still. It is not longer, because its
 * sum with the node's time has to hold fractions of a microsecond.
 */
const HORIZON_MS = 2 ** 40;

export class Clock implements Disposable {
  readonly #self: Timekeeper;
  readonly #ref: Ref;

  constructor(self: Timekeeper) {
    this.#self = self;
    this.#ref = self.startTimer(HORIZON_MS, null);
  }

  /** Milliseconds since the clock was made, with a fraction. */
  get elapsedMs(): number {
    return HORIZON_MS - (this.#self.readTimer(this.#ref) ?? 0);
  }

  [Symbol.dispose](): void {
    this.#self.cancelTimer(this.#ref);
  }
}
