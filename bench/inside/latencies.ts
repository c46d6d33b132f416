/** The latencies of a timed part, and their percentiles. */

import type { Extra } from "../row.ts";

export class Latencies {
  /** In microseconds; the first `#count` are valid. */
  readonly #all: Float64Array;
  #count = 0;

  /** `max` is the highest number of latencies of one part. */
  constructor(max: number) {
    this.#all = new Float64Array(max);
  }

  /** Removes the latencies of the warm-up. */
  clear(): void {
    this.#count = 0;
  }

  add(elapsedMs: number): void {
    this.#all[this.#count++] = elapsedMs * 1_000;
  }

  figures(): Extra {
    const sorted = this.#all.subarray(0, this.#count).sort();
    const at = (share: number) => sorted[Math.ceil(share * this.#count) - 1];
    return {
      latencyUsP50: at(0.5) ?? 0,
      latencyUsP90: at(0.9) ?? 0,
      latencyUsP99: at(0.99) ?? 0,
      latencyUsP999: at(0.999) ?? 0,
    };
  }
}
