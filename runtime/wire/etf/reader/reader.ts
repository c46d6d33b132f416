/**
 * Reads terms: makes the JavaScript value of a term of a BEAM node.
 *
 * | BEAM | JavaScript |
 * |---|---|
 * | integer | number when it is a safe one, else bigint |
 * | float | number; with `exact`, `Float` when it is integral |
 * | atom | `Symbol.for(name)`; `true`, `false`, `nil`, `undefined` are `true`,
 * `false`, `null`, `undefined` |
 * | binary | string when it is UTF-8, else `Uint8Array`; always `Uint8Array`
 * with `binaries: "bytes"` |
 * | list, improper list, tuple | array, `ImproperList`, `Tuple` |
 * | map, all keys atoms | plain object |
 * | any other map | `Map` in the order of the bytes |
 * | bitstring, pid, reference, port, external fun | `BitString`, `Pid`, `Ref`,
 * `Port`, `ExternalFun` |
 * | fun | `Closure` |
 *
 * A peer may send anything. So every size is checked against the bytes that are
 * left before memory is reserved for it, and a size that bytes do not bound has a
 * limit of its own. Bytes that break a rule are a `DecodeError` that names the
 * place.
 *
 * The reader calls itself for the first levels of a term, because that is twice
 * as fast, and leaves deeper levels to `deep.ts`.
 */

import { maskLast } from "../../../core/terms/kinds.ts";
import {
  BitString,
  Closure,
  Float,
  ImproperList,
  type PidTable,
  Tuple,
} from "../../../core/terms/terms.ts";
import { BIG_INTEGER_BITS_MAX, OBJECTS_MAX } from "../../shared/limits.ts";
import type { Incarnation } from "../../shared/incarnation.ts";
import { type AtomEntry, unmade } from "../atom_entry.ts";
import { PeerAtoms } from "../atoms.ts";
import { readDeep } from "./deep.ts";
import { readClosureHead, readIdentity } from "./identities.ts";
import { EtfInput } from "./input.ts";
import { CHUNKED_BYTES_MIN, RECURSION_MAX } from "../limits.ts";
import type { Fields } from "../shapes.ts";
import { RecentPids } from "./recent_pids.ts";
import type { EtfReaderServices } from "./services.ts";
import { hasFields, hasKeys, keysProblem, readMap } from "./maps.ts";
import { readBig, readFloat, readOldFloat } from "../numbers.ts";
import { isAtomTag, printTag, tags } from "../tags.ts";
import { TextReader } from "../text.ts";

export type EtfReaderOptions = {
  readonly pids: PidTable;
  /** The node that reads. Without it, any ref may be one of the reader. */
  readonly self?: Incarnation;
  /** The atoms that this peer has sent. By default the table is empty. */
  readonly atoms?: PeerAtoms;
  /** Whether integral floats become `Float`; default false. */
  readonly exact?: boolean;
  /** "text", the default: binaries that are UTF-8 become strings. */
  readonly binaries?: "text" | "bytes";
  /**
   * Whether a binary of 64 KiB and more may be a view of the input, if it is at
   * least half of the input's buffer; default false.
   */
  readonly viewsLargeBinaries?: boolean;
  /** Lists, tuples, maps and other objects in one input; default 2^22. */
  readonly objects?: number;
};

/** Arrays of up to this many items are allocated at once. */
const WHOLE_ITEMS_MAX = 1 << 16;

/** Up to this many bytes a loop is faster than `set`, which needs views. */
const LOOP_BYTES_MAX = 64;

const noAtoms: readonly AtomEntry[] = [];

/** Reads the terms of one peer. */
export class EtfReader extends EtfInput implements EtfReaderServices {
  readonly pids: PidTable;
  readonly self: Incarnation | null;
  readonly atoms: PeerAtoms;
  readonly recentPids: RecentPids;
  /** Whether integral floats become `Float` now: always inside a closure. */
  exact: boolean;
  readonly #texts: TextReader = new TextReader();
  readonly #isExact: boolean;
  readonly #asBytes: boolean;
  readonly #viewsLarge: boolean;
  /** The atoms to which the tag `atomCacheRef` refers. */
  #cachedAtoms: readonly AtomEntry[] = noAtoms;

  constructor(options: EtfReaderOptions) {
    super(options.objects ?? OBJECTS_MAX);
    this.pids = options.pids;
    this.self = options.self ?? null;
    this.atoms = options.atoms ?? new PeerAtoms();
    this.recentPids = new RecentPids(this.pids);
    this.#isExact = options.exact ?? false;
    this.exact = this.#isExact;
    this.#asBytes = options.binaries === "bytes";
    this.#viewsLarge = options.viewsLargeBinaries ?? false;
  }

  /**
   * Sets the input. `cachedAtoms` are the atoms that its header lists, in order.
   * The input is never written to, and is held until the next call.
   */
  beginInput(
    bytes: Uint8Array,
    start: number = 0,
    end: number = bytes.length,
    cachedAtoms: readonly AtomEntry[] = noAtoms,
  ): void {
    this.open(bytes, start, end);
    this.#cachedAtoms = cachedAtoms;
    this.exact = this.#isExact;
  }

  /**
   * Reads the next term, without a version byte. After a `DecodeError` the rest
   * of the input cannot be read.
   */
  read(): unknown {
    this.owed += 1;
    return this.term(0);
  }

  /** Reads the next term, which was promised; see `owed`. */
  term(level: number): unknown {
    const { bytes, at, end } = this;
    this.start = at;
    this.owed -= 1;
    let value: number;
    switch (at < end ? bytes[at]! : -1) {
      case tags.smallInteger:
        this.at = at + 2;
        value = bytes[at + 1]!;
        break;
      case tags.integer:
        this.at = at + 5;
        value = bytes[at + 1]! << 24 | bytes[at + 2]! << 16 |
          bytes[at + 3]! << 8 | bytes[at + 4]!;
        break;
      case tags.smallAtomUtf8: {
        const length = at + 1 < end ? bytes[at + 1]! : end;
        this.at = at + 2 + length;
        if (this.at > end) return this.truncated(at);
        const entry = this.atoms.entry(bytes, at + 2, length, at);
        const { value } = entry;
        return value === unmade ? this.atoms.valueOf(entry, at) : value;
      }
      case tags.binary:
        this.at = at + 1;
        return this.#binary(this.u32(), at);
      case tags.smallTuple:
      case tags.largeTuple:
        if (level === RECURSION_MAX) return this.#deep();
        return new Tuple(this.#items(this.tupleHead(), level + 1));
      case tags.nil:
        this.at = at + 1;
        this.spend(at);
        return [];
      case tags.list:
        return level === RECURSION_MAX ? this.#deep() : this.#list(level + 1);
      case tags.map:
        return level === RECURSION_MAX
          ? this.#deep()
          : readMap(this, level + 1);
      case tags.newFloat: {
        this.at = at + 9;
        if (this.at > end) return this.truncated(at);
        return this.#float(readFloat(bytes, at + 1), at);
      }
      default:
        return this.#other(level, at);
    }
    if (this.at > end) this.truncated(at);
    return value;
  }

  /** Reads a term with one of the less frequent tags. */
  #other(level: number, start: number): unknown {
    if (start >= this.end) return this.truncated(start);
    const tag = this.u8();
    switch (tag) {
      case tags.string:
        return this.#string(start);
      case tags.atomUtf8:
      case tags.atom:
      case tags.smallAtom:
      case tags.atomCacheRef:
        return this.atoms.valueOf(this.#atom(tag, start), start);
      case tags.smallBig:
        return this.#big(this.u8(), start);
      case tags.largeBig:
        return this.#big(this.u32(), start);
      case tags.bitBinary:
        return this.#bits(start);
      case tags.float: {
        const end = this.skip(31);
        const value = readOldFloat(this.bytes.subarray(end - 31, end));
        if (value === undefined) this.fail("expected a float as text", start);
        return this.#float(value, start);
      }
      case tags.newFun:
        this.at = start;
        return level === RECURSION_MAX
          ? this.#deep()
          : this.#closure(level + 1);
      default:
        this.spend(start);
        return readIdentity(this, tag, start);
    }
  }

  #deep(): unknown {
    this.owed += 1;
    return readDeep(this);
  }

  /** Reads the items of a tuple or list. */
  #items(count: number, level: number): unknown[] {
    if (count > WHOLE_ITEMS_MAX) return this.#addItems([], count, level);
    const items = new Array<unknown>(count);
    for (let i = 0; i < count; i++) items[i] = this.term(level);
    return items;
  }

  #addItems(items: unknown[], count: number, level: number): unknown[] {
    for (let i = 0; i < count; i++) items.push(this.term(level));
    return items;
  }

  #list(level: number): unknown {
    let count = this.listHead();
    const items = this.#items(count, level);
    while ((count = this.listTail(items)) > 0) {
      this.#addItems(items, count, level);
    }
    if (count === 0) return items;
    const tail = this.term(level);
    // An empty list with a tail is that tail.
    return items.length === 0 ? tail : new ImproperList(items, tail);
  }

  /** A closure may be sent back to its node, so it is read exactly. */
  #closure(level: number): unknown {
    const { head, free } = readClosureHead(this);
    const wasExact = this.exact;
    this.exact = true;
    const items = this.#items(free, level);
    this.exact = wasExact;
    return new Closure({ ...head, free: items });
  }

  /**
   * Reads the tail of a list. Returns 0 when the list ends, and -1 when the tail
   * is another term. A tail that is a list continues this list: then it returns
   * the number of items that follow.
   */
  listTail(items: unknown[]): number {
    for (;;) {
      const start = this.at;
      const tag = start < this.end ? this.bytes[start] : -1;
      if (tag === tags.nil) {
        this.owed -= 1;
        this.at = start + 1;
        return 0;
      }
      if (tag === tags.string) {
        this.start = start;
        this.owed -= 1;
        this.at = start + 1;
        for (const byte of this.#string(start)) items.push(byte);
        return 0;
      }
      if (tag !== tags.list) return -1;
      this.start = start;
      this.owed -= 1;
      const count = this.listHead();
      if (count > 0) return count;
    }
  }

  /** Reads the next term if it is this atom; returns whether it was. */
  isNext(atom: AtomEntry): boolean {
    const { bytes, at } = this;
    const tag = bytes[at];
    let end = at + 2;
    if (tag === tags.smallAtomUtf8) {
      const length = bytes[at + 1]!;
      if (!atom.isAt(bytes, end, length)) return false;
      end += length;
    } else if (tag !== tags.atomCacheRef) return false;
    else if (this.#cachedAtoms[bytes[at + 1]!] !== atom) return false;
    if (end > this.end) return false;
    this.start = at;
    this.at = end;
    this.owed -= 1;
    return true;
  }

  /** Reads the next key if it is an atom; null if not. */
  keyAfter(previous: AtomEntry): AtomEntry | null {
    const { bytes, at, end } = this;
    const tag = at < end ? bytes[at]! : -1;
    if (tag === tags.smallAtomUtf8 && at + 1 < end) {
      const length = bytes[at + 1]!;
      this.start = at;
      this.at = at + 2 + length;
      if (this.at > end) return this.truncated(at);
      this.owed -= 1;
      return this.atoms.keyAfter(previous, bytes, at + 2, length);
    }
    return isAtomTag(tag) ? this.#atomTerm() : null;
  }

  /** Reads the next term if it is an atom: its name; undefined if not. */
  atomKey(): string | undefined {
    const tag = this.at < this.end ? this.bytes[this.at]! : -1;
    return isAtomTag(tag) ? this.#atomTerm().name : undefined;
  }

  /** Reads the next term, which is an atom. */
  #atomTerm(): AtomEntry {
    this.start = this.at;
    this.owed -= 1;
    return this.#atom(this.u8(), this.start);
  }

  /** The fields; throws when a field came twice. */
  checkedFields(fields: Fields, count: number, start: number): Fields {
    if (hasFields(fields, count)) return fields;
    return this.fail(keysProblem(true), start);
  }

  /** The map; throws when a key came twice. */
  checkedMap(
    map: ReadonlyMap<unknown, unknown>,
    count: number,
    start: number,
  ): ReadonlyMap<unknown, unknown> {
    if (hasKeys(map, count)) return map;
    return this.fail(keysProblem(this.exact), start);
  }

  #string(start: number): number[] {
    const count = this.u16();
    const end = this.skip(count);
    this.spend(start);
    const items = new Array<number>(count);
    for (let i = 0, at = end - count; i < count; i++) {
      items[i] = this.bytes[at + i]!;
    }
    return items;
  }

  /** Reads an atom behind its tag. */
  #atom(tag: number, start: number): AtomEntry {
    if (tag === tags.atomCacheRef) {
      const index = this.u8();
      const entry = this.#cachedAtoms[index];
      if (entry !== undefined) return entry;
      return this.fail(`expected an atom of the header, got ${index}`, start);
    }
    const isShort = tag === tags.smallAtomUtf8 || tag === tags.smallAtom;
    const length = isShort ? this.u8() : this.u16();
    const at = this.skip(length) - length;
    return tag === tags.smallAtomUtf8 || tag === tags.atomUtf8
      ? this.atoms.entry(this.bytes, at, length, start)
      : this.atoms.latin1Entry(this.bytes, at, length, start);
  }

  #binary(length: number, start: number): unknown {
    const end = this.skip(length);
    const { bytes } = this;
    const at = end - length;
    if (!this.#asBytes) {
      const text = this.#texts.read(bytes, at, end);
      if (text !== undefined) return text;
    }
    this.spend(start);
    const isView = this.#viewsLarge && length >= CHUNKED_BYTES_MIN &&
      2 * length >= bytes.buffer.byteLength;
    return isView
      ? new Uint8Array(bytes.buffer, bytes.byteOffset + at, length)
      : copyOf(bytes, at, end);
  }

  #bits(start: number): unknown {
    const length = this.u32();
    const lastBits = this.u8();
    if (length === 0 ? lastBits > 0 : lastBits < 1 || lastBits > 8) {
      this.fail(
        `expected 1 to 8 bits of the last byte, got ${lastBits}`,
        start,
      );
    }
    if (lastBits === 8 || length === 0) return this.#binary(length, start);
    const end = this.skip(length);
    this.spend(start);
    const bits = copyOf(this.bytes, end - length, end);
    bits[length - 1] = maskLast(bits[length - 1]!, lastBits);
    return new BitString(bits, lastBits);
  }

  #float(value: number, start: number): unknown {
    // Also true for NaN.
    if (value - value !== 0) {
      this.fail(`expected a finite float, got ${value}`, start);
    }
    if (!this.exact || !Number.isInteger(value)) return value;
    this.spend(start);
    return new Float(value);
  }

  #big(count: number, start: number): number | bigint {
    const sign = this.u8();
    const end = this.skip(count);
    const value = readBig(this.bytes, end - count, count, sign !== 0);
    if (value !== undefined) return value;
    return this.fail(
      `expected an integer of at most ${BIG_INTEGER_BITS_MAX} bits`,
      start,
    );
  }

  /** Reads the name of the next term, which must be an atom. */
  name(): string {
    const start = this.at;
    const tag = this.u8();
    if (isAtomTag(tag)) return this.#atom(tag, start).name;
    return this.fail(`expected an atom, got ${printTag(tag)}`, start);
  }

  /** Reads the next term, which must be a safe integer of at least `least`. */
  integer(least: number = Number.MIN_SAFE_INTEGER): number {
    const start = this.at;
    const tag = start < this.end ? this.bytes[start] : -1;
    const isInteger = tag === tags.smallInteger || tag === tags.integer ||
      tag === tags.smallBig;
    this.owed += 1;
    const value = isInteger ? this.term(0) : undefined;
    if (typeof value === "number" && value >= least) return value;
    return this.fail("expected a small integer", start);
  }
}

/** A copy that is never a subclass of `Uint8Array`, such as `Buffer`. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  const copy = new Uint8Array(length);
  if (length > LOOP_BYTES_MAX) copy.set(bytes.subarray(start, end));
  else for (let i = 0; i < length; i++) copy[i] = bytes[start + i]!;
  return copy;
}
