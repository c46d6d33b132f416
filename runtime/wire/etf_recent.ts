/**
 * What short byte strings have been made into of late, found by their bytes:
 * names and texts come again and again, and engines are slow to make strings.
 */

/** Longest byte string that is kept. */
const bytesMax = 32;
/** Byte strings that are kept. */
const slotBits = 9;
const slotCount = 2 ** slotBits;

/** Values by byte strings; a newer one takes the place of an older one. */
export class Recent<T> {
  readonly #values: (T | undefined)[] = new Array(slotCount).fill(undefined);
  readonly #lengths: Uint8Array = new Uint8Array(slotCount);
  /** The bytes of slot n begin at n * bytesMax. */
  readonly #bytes: Uint8Array = new Uint8Array(slotCount * bytesMax);
  /** Where the last `find` has looked. */
  #slot = 0;

  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    const length = end - start;
    if (length === 0 || length > bytesMax) return undefined;
    const slot = slotOf(bytes, start, end);
    this.#slot = slot;
    if (this.#lengths[slot] !== length) return undefined;
    const known = this.#bytes;
    let at = start;
    let from = slot * bytesMax;
    // Loops of few rounds are what engines are slow at.
    for (; at + 4 <= end; at += 4, from += 4) {
      if (
        known[from] !== bytes[at] || known[from + 1] !== bytes[at + 1] ||
        known[from + 2] !== bytes[at + 2] || known[from + 3] !== bytes[at + 3]
      ) return undefined;
    }
    for (; at < end; at++, from++) {
      if (known[from] !== bytes[at]) return undefined;
    }
    return this.#values[slot];
  }

  /** Keeps a value for the bytes that `find` was called with just before. */
  add(bytes: Uint8Array, start: number, end: number, value: T): T {
    const length = end - start;
    if (length === 0 || length > bytesMax) return value;
    const slot = this.#slot;
    this.#values[slot] = value;
    this.#lengths[slot] = length;
    for (let at = start, to = slot * bytesMax; at < end; at++, to++) {
      this.#bytes[to] = bytes[at]!;
    }
    return value;
  }
}

/**
 * Looks at twelve of the bytes at most, without a loop, as looking at each
 * costs more than it finds; two texts of one slot are not mistaken for each
 * other.
 */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const middle = start + (length >>> 1);
  let word: number;
  if (length < wordBytes) {
    word = bytes[start]! << 16 ^ bytes[middle]! << 8 ^ bytes[end - 1]!;
  } else {
    word = Math.imul(wordAt(bytes, start) ^ length, mixer) +
        Math.imul(wordAt(bytes, middle - 2), otherMixer) ^
      wordAt(bytes, end - wordBytes);
  }
  return Math.imul(word, mixer) >>> (32 - slotBits);
}

const wordBytes = 4;
/** Odd numbers whose bits are well mixed. */
const mixer = 0x9e3779b1;
const otherMixer = 0x85ebca6b;

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 |
    bytes[at + 3]! << 24;
}
