/**
 * The input of a reader, read from front to back: numbers, bounds, heads of
 * containers, and errors that name the place. It makes no terms.
 */

import { DecodeError } from "../../shared/errors.ts";
import { KEY_LEVELS_MAX } from "../limits.ts";
import { printTag, tags } from "../tags.ts";

const noBytes = new Uint8Array(0);

export class EtfInput {
  /** The input, the position of the next byte, and the end. */
  bytes: Uint8Array = noBytes;
  at = 0;
  end = 0;
  /** Position of the tag of the term that is being read. */
  start = 0;
  /**
   * Terms that were promised by a container and not read yet. Each takes at
   * least a byte, so this bounds the memory that a container may reserve.
   */
  owed = 0;
  /** How many keys of maps the current term is nested in. */
  keyLevel = 0;
  readonly #objectsMax: number;
  /** Objects that may still be made from the input. */
  #objects = 0;

  constructor(objectsMax: number) {
    this.#objectsMax = objectsMax;
  }

  /** Sets the input. The bytes are never written to. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.at = start;
    this.end = end;
    this.owed = 0;
    this.keyLevel = 0;
    this.#objects = this.#objectsMax;
  }

  u8(): number {
    const end = this.skip(1);
    return this.bytes[end - 1]!;
  }

  u16(): number {
    const { bytes } = this;
    const end = this.skip(2);
    return bytes[end - 2]! << 8 | bytes[end - 1]!;
  }

  u32(): number {
    const { bytes } = this;
    const end = this.skip(4);
    return (bytes[end - 4]! << 24 | bytes[end - 3]! << 16 |
      bytes[end - 2]! << 8 | bytes[end - 1]!) >>> 0;
  }

  /** Skips bytes and returns the position behind them. */
  skip(bytes: number): number {
    const { at } = this;
    const end = at + bytes;
    if (end > this.end) this.truncated(this.start);
    return this.at = end;
  }

  /** Notes that this many more terms have to come. */
  promise(terms: number, start: number): void {
    this.owed += terms;
    if (this.owed > this.end - this.at) this.truncated(start);
  }

  /** Reads the number of items of a tuple, and promises the items. */
  tupleHead(): number {
    const start = this.at;
    const count = this.u8() === tags.smallTuple ? this.u8() : this.u32();
    this.spend(start);
    this.promise(count, start);
    return count;
  }

  /** Reads the number of items of a list; promises the items and a tail. */
  listHead(): number {
    const start = this.at;
    this.skip(1);
    const count = this.u32();
    this.spend(start);
    this.promise(count + 1, start);
    return count;
  }

  /** Reads the number of entries of a map; promises keys and values. */
  mapHead(): number {
    const start = this.at;
    this.skip(1);
    const count = this.u32();
    this.spend(start);
    this.promise(2 * count, start);
    if (this.keyLevel > KEY_LEVELS_MAX) {
      this.fail(
        `expected maps in keys of maps at most ${KEY_LEVELS_MAX} deep`,
        start,
      );
    }
    return count;
  }

  /** Counts an object against the limit. */
  spend(start: number): void {
    if (--this.#objects >= 0) return;
    this.fail(
      `expected at most ${this.#objectsMax} lists, tuples and other objects`,
      start,
    );
  }

  truncated(start: number): never {
    return this.fail("expected more bytes", start);
  }

  /** Throws a `DecodeError` for the term whose tag is at `start`. */
  fail(problem: string, start: number): never {
    const where = start < this.end
      ? ` in a term of ${printTag(this.bytes[start]!)}`
      : " where the input ends";
    throw new DecodeError(problem + where, start);
  }
}
