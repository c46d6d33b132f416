/**
 * Bytes that came in, read from front to back: numbers, bounds, how much a
 * container holds, and errors that say where. Makes no terms.
 */

import { DecodeError } from "../../shared/errors.ts";
import { KEY_LEVELS_MAX } from "../limits.ts";
import { printTag, tags } from "../tags.ts";

const noBytes = new Uint8Array(0);

export class EtfInput {
  /** The input, the next byte of it, and where to stop. */
  bytes: Uint8Array = noBytes;
  at = 0;
  end = 0;
  /** Where the tag of the term is that is being read. */
  start = 0;
  /**
   * Terms that have been promised and have not come yet. Each has a byte at
   * least, which bounds what is made for them before they come.
   */
  owed = 0;
  /** Keys of maps that the current term is in, one inside the other. */
  keyLevel = 0;
  readonly #objectsMax: number;
  /** Objects that the input may still make, which bytes bound too loosely. */
  #objects = 0;

  constructor(objectsMax: number) {
    this.#objectsMax = objectsMax;
  }

  /** Starts to read bytes; they are never written to. */
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

  /** Steps over that many bytes and returns where they end. */
  skip(bytes: number): number {
    const { at } = this;
    const end = at + bytes;
    if (end > this.end) this.truncated(this.start);
    return this.at = end;
  }

  /** Notes that so many terms more have to come. */
  promise(terms: number, start: number): void {
    this.owed += terms;
    if (this.owed > this.end - this.at) this.truncated(start);
  }

  /** The number of a tuple's items, which are promised then. */
  tupleHead(): number {
    const start = this.at;
    const count = this.u8() === tags.smallTuple ? this.u8() : this.u32();
    this.spend(start);
    this.promise(count, start);
    return count;
  }

  /** The number of a list's items; these and a tail are promised then. */
  listHead(): number {
    const start = this.at;
    this.skip(1);
    const count = this.u32();
    this.spend(start);
    this.promise(count + 1, start);
    return count;
  }

  /** The number of a map's entries, which are promised then. */
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
      `expected at most ${this.#objectsMax} lists, tuples and the like`,
      start,
    );
  }

  truncated(start: number): never {
    return this.fail("expected more bytes", start);
  }

  /** Throws the error for the term whose tag is at `start`. */
  fail(problem: string, start: number): never {
    const where = start < this.end
      ? ` in a term of ${printTag(this.bytes[start]!)}`
      : " where the input ends";
    throw new DecodeError(problem + where, start);
  }
}
