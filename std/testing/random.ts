/**
 * Random numbers from a seed: equal seeds give equal numbers on every engine.
 *
 * Integer arithmetic only. The generator is sfc32 by Chris Doty-Humphrey
 * (public domain, passes PractRand); it is not fit for secrets.
 */

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e37_79b9 | 0;
    // Skipped, because the first numbers of similar seeds are similar.
    for (let i = 0; i < 15; i++) this.u32();
  }

  /** A random unsigned 32-bit integer, uniformly distributed. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** A random integer from 0 to `count` - 1, uniformly distributed. */
  below(count: number): number {
    return Math.floor(this.u32() / 0x1_0000_0000 * count);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.u32() < p * 0x1_0000_0000;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("expected items to pick from");
    return items[this.below(items.length)] as T;
  }
}
