/**
 * A cache of the values that short byte strings were recently decoded to, found
 * by their bytes. Names and texts come again and again, and an engine is slow to
 * make strings.
 */

/** Longest byte string that is kept, in bytes. */
const BYTES_MAX = 32;
/** Byte strings that are kept: a power of two. */
const SLOT_COUNT = 512;

/** Values by byte strings. A newer value may replace an older one. */
export class Recent<T> {
  readonly #values: (T | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
  readonly #hashes: Int32Array = new Int32Array(SLOT_COUNT);
  readonly #lengths: Uint8Array = new Uint8Array(SLOT_COUNT);
  /** The bytes of slot n begin at n * BYTES_MAX. */
  readonly #bytes: Uint8Array = new Uint8Array(SLOT_COUNT * BYTES_MAX);
  /** The hash of the bytes of the last `find`. */
  #hash = 0;

  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    const length = end - start;
    if (length > BYTES_MAX) return undefined;
    let hash = length;
    for (let at = start; at < end; at++) {
      hash = Math.imul(hash, 33) + bytes[at]! | 0;
    }
    this.#hash = hash;
    const slot = slotOf(hash);
    if (this.#hashes[slot] !== hash || this.#lengths[slot] !== length) {
      return undefined;
    }
    const known = this.#bytes;
    let at = start;
    let from = slot * BYTES_MAX;
    while (at < end && known[from] === bytes[at]) {
      at++;
      from++;
    }
    return at === end ? this.#values[slot] : undefined;
  }

  /** Keeps a value for the bytes that `find` was called with just before. */
  add(bytes: Uint8Array, start: number, end: number, value: T): T {
    const length = end - start;
    if (length > BYTES_MAX) return value;
    const slot = slotOf(this.#hash);
    this.#values[slot] = value;
    this.#hashes[slot] = this.#hash;
    this.#lengths[slot] = length;
    for (let at = start, to = slot * BYTES_MAX; at < end; at++, to++) {
      this.#bytes[to] = bytes[at]!;
    }
    return value;
  }
}

function slotOf(hash: number): number {
  return (hash ^ hash >>> 9 ^ hash >>> 18) & (SLOT_COUNT - 1);
}
