/**
 * Incoming terms: what a term of a BEAM node becomes in JavaScript.
 *
 * | BEAM | JavaScript |
 * |---|---|
 * | integer | number when it is a safe one, else bigint |
 * | float | number; with `exact`, `Float` when it is integral |
 * | atom | `Symbol.for(name)`; `true`, `false`, `nil`, `undefined` are `true`, `false`, `null`, `undefined` |
 * | binary | string when it is UTF-8, else `Uint8Array`; always that with `binaries: "bytes"` |
 * | list, improper list, tuple | array, `ImproperList`, `Tuple` |
 * | map, all keys atoms | plain object |
 * | any other map | `Map` in the order of the bytes |
 * | bitstring, pid, reference, port, external fun | `BitString`, `Pid`, `Ref`, `Port`, `ExternalFun` |
 * | fun | `Closure` |
 *
 * A peer may send anything, so sizes are checked against the bytes that are
 * left before anything is made for them, and what bytes do not bound has a
 * limit of its own. Whatever breaks a rule is a `DecodeError` that says where.
 * Nothing here calls itself per level of a term.
 */

import { termKey } from "../core/term_key.ts";
import { maskLast } from "../core/term_kinds.ts";
import {
  BitString,
  Closure,
  Float,
  ImproperList,
  type PidTable,
  Tuple,
} from "../core/terms.ts";
import {
  bigIntegerBitsMax,
  type Incarnation,
  objectsMax,
} from "./cbor_tags.ts";
import { DecodeError } from "./errors.ts";
import { type AtomEntry, PeerAtoms } from "./etf_atoms.ts";
import { readClosureHead, readIdentity, RecentPids } from "./etf_identities.ts";
import { chunkedBytesMin, keyLevelsMax, termDepthMax } from "./etf_limits.ts";
import { readBig, readFloat, readOldFloat } from "./etf_numbers.ts";
import {
  ReadFrame,
  type ReadFrameKind,
  readFrames,
} from "./etf_read_frames.ts";
import { printTag, tags } from "./etf_tags.ts";
import { readText } from "./etf_text.ts";

export type EtfReaderOptions = {
  readonly pids: PidTable;
  /** The node that reads; without it every ref may be one of its own. */
  readonly self?: Incarnation;
  /** The atoms that this peer has sent; fresh unless told. */
  readonly atoms?: PeerAtoms;
  /** Whether integral floats arrive as `Float`; false unless told. */
  readonly exact?: boolean;
  /** Whether binaries that are UTF-8 arrive as strings; "text" unless told. */
  readonly binaries?: "text" | "bytes";
  /**
   * Whether a binary of 64 KiB and more may be a view of the input when it is
   * most of it; false unless told.
   */
  readonly viewsLargeBinaries?: boolean;
  readonly limits?: {
    /** Tuples, lists, maps and other objects of one input; 2^22 unless told. */
    readonly objects?: number;
  };
};

/** What stands for a term that is not complete yet. */
const more: unique symbol = Symbol("more");

const noAtoms: readonly AtomEntry[] = [];
const noBytes = new Uint8Array(0);

/** Frames that are kept for the next term. */
const keptFramesMax = 256;

/** Reads the terms of one peer. */
export class EtfReader {
  readonly pids: PidTable;
  readonly self: Incarnation | null;
  readonly atoms: PeerAtoms;
  readonly recentPids: RecentPids;
  /** The input, the next byte, and where to stop. */
  bytes: Uint8Array = noBytes;
  at = 0;
  end = 0;
  #exact: boolean;
  readonly #asBytes: boolean;
  readonly #viewsLarge: boolean;
  readonly #objectsMax: number;
  /** Objects that the input may still make. */
  #objects = 0;
  /** What tag `atomCacheRef` refers to. */
  #cachedAtoms: readonly AtomEntry[] = noAtoms;
  readonly #frames: ReadFrame[] = [new ReadFrame()];
  #depth = 0;

  constructor(options: EtfReaderOptions) {
    this.pids = options.pids;
    this.self = options.self ?? null;
    this.atoms = options.atoms ?? new PeerAtoms();
    this.recentPids = new RecentPids(this.pids);
    this.#exact = options.exact ?? false;
    this.#asBytes = options.binaries === "bytes";
    this.#viewsLarge = options.viewsLargeBinaries ?? false;
    this.#objectsMax = options.limits?.objects ?? objectsMax;
  }

  /**
   * Starts to read an input. `cachedAtoms` are those that its header lists, in
   * order. The input is never written to.
   */
  begin(
    bytes: Uint8Array,
    start: number = 0,
    end: number = bytes.length,
    cachedAtoms: readonly AtomEntry[] = noAtoms,
  ): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.#cachedAtoms = cachedAtoms;
    this.#objects = this.#objectsMax;
  }

  /** Lets go of the input. */
  finish(): void {
    this.bytes = noBytes;
    this.at = 0;
    this.end = 0;
    this.#cachedAtoms = noAtoms;
  }

  /**
   * Reads the next term, without a version byte. Throws a `DecodeError`; then
   * the input is of no more use.
   */
  read(): unknown {
    const exact = this.#exact;
    try {
      for (;;) {
        let value = this.#one();
        while (value !== more) {
          if (this.#depth === 0) return value;
          value = this.#deliver(value);
        }
      }
    } finally {
      this.#exact = exact;
      this.#depth = 0;
      if (this.#frames.length > keptFramesMax) this.#frames.length = 1;
    }
  }

  /** Reads the next term, which has to be a tuple, as an array. */
  readTuple(): unknown[] {
    const start = this.at;
    const tag = this.bytes[start];
    this.at = start + 1;
    if (tag !== tags.smallTuple && tag !== tags.largeTuple) {
      return this.fail("expected a tuple", start);
    }
    const count = tag === tags.smallTuple ? this.u8() : this.u32();
    if (count > this.end - this.at) this.truncated(start);
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.push(this.read());
    return items;
  }

  /** A leaf, or `more` when it is something that holds terms. */
  #one(): unknown {
    const { bytes, at, end } = this;
    const tag = at < end ? bytes[at]! : -1;
    let value: unknown;
    switch (tag) {
      case tags.smallInteger:
        value = bytes[at + 1];
        this.at = at + 2;
        break;
      case tags.integer:
        value = bytes[at + 1]! << 24 | bytes[at + 2]! << 16 |
          bytes[at + 3]! << 8 | bytes[at + 4]!;
        this.at = at + 5;
        break;
      case tags.smallAtomUtf8: {
        const length = bytes[at + 1]!;
        this.at = at + 2 + length;
        if (!(this.at <= end)) break;
        const entry = this.atoms.entry(bytes, at + 2, length);
        return this.atoms.valueOf(entry, at);
      }
      case tags.binary:
        this.at = at + 1;
        return this.#binary(this.u32(), at);
      case tags.smallTuple:
        this.at = at + 2;
        return this.#tuple(bytes[at + 1]!, at);
      case tags.nil:
        this.at = at + 1;
        this.spend(at);
        return [];
      case tags.list:
        this.at = at + 1;
        return this.#list(this.u32(), at);
      case tags.map:
        this.at = at + 1;
        return this.#map(this.u32(), at);
      case tags.newFloat:
        this.at = at + 9;
        if (!(this.at <= end)) break;
        return this.#float(readFloat(bytes, at + 1), at);
      default:
        this.at = at + 1;
        return this.#other(tag, at);
    }
    if (!(this.at <= end)) this.truncated(at);
    return value;
  }

  /** The less frequent tags. */
  #other(tag: number, start: number): unknown {
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
      case tags.largeTuple:
        return this.#tuple(this.u32(), start);
      case tags.bitBinary:
        return this.#bits(start);
      case tags.float: {
        const end = this.skip(31);
        const value = readOldFloat(this.bytes.subarray(end - 31, end));
        if (value === undefined) this.fail("expected a float as text", start);
        return this.#float(value, start);
      }
      case tags.newFun: {
        const { head, free } = readClosureHead(this, start);
        const frame = this.#open(readFrames.closure, free, free, start);
        frame.head = head;
        frame.isExact = this.#exact;
        // Its node gets it back, so that nothing may be lost.
        this.#exact = true;
        return free === 0 ? this.#close(frame) : more;
      }
      case -1:
        return this.truncated(start);
      default:
        this.spend(start);
        return readIdentity(this, tag, start);
    }
  }

  /** Stores a value in its container; the container when that is complete. */
  #deliver(value: unknown): unknown {
    const frame = this.#frames[this.#depth]!;
    switch (frame.kind) {
      case readFrames.tuple:
      case readFrames.closure:
        frame.items[frame.index] = value;
        return ++frame.index < frame.count ? more : this.#close(frame);
      case readFrames.list:
        frame.items[frame.index] = value;
        return ++frame.index < frame.count ? more : this.#listEnd(frame);
      case readFrames.tail:
        frame.key = value;
        return this.#close(frame);
      case readFrames.object:
        setField(frame.object, frame.name, value);
        if (++frame.index === frame.count) return this.#close(frame);
        this.#key(frame);
        return more;
      case readFrames.mapKey:
        frame.key = value;
        frame.kind = readFrames.mapValue;
        return more;
      case readFrames.mapValue:
        frame.map.set(frame.key, value);
        frame.kind = readFrames.mapKey;
        return ++frame.index < frame.count ? more : this.#close(frame);
      default:
        return frame.kind satisfies never;
    }
  }

  /** Begins what holds `terms` terms. */
  #open(
    kind: ReadFrameKind,
    count: number,
    terms: number,
    start: number,
  ): ReadFrame {
    const outer = this.#frames[this.#depth]!;
    const owed = this.#depth === 0 ? 0 : outer.owedBehind;
    // Each term has a byte at least, so this bounds what is made for them.
    if (!(owed + terms <= this.end - this.at)) this.truncated(start);
    this.spend(start);
    const depth = this.#depth + 1;
    if (depth > termDepthMax) {
      this.fail(`expected at most ${termDepthMax} levels`, start);
    }
    const frame = this.#frames[depth] ??= new ReadFrame();
    frame.begin(kind, count, owed, start);
    frame.keyLevel = outer.kind === readFrames.mapKey
      ? outer.keyLevel + 1
      : outer.keyLevel;
    this.#depth = depth;
    return frame;
  }

  /** Ends the innermost frame and returns what has become of it. */
  #close(frame: ReadFrame): unknown {
    this.#depth -= 1;
    let made: unknown;
    switch (frame.kind) {
      case readFrames.tuple:
        made = new Tuple(frame.items);
        break;
      case readFrames.list:
        made = frame.items;
        break;
      case readFrames.tail:
        // An empty list with a tail is that tail.
        made = frame.count === 0
          ? frame.key
          : new ImproperList(frame.items, frame.key);
        break;
      case readFrames.object:
        this.#checkNames(frame);
        made = frame.object;
        break;
      case readFrames.mapKey:
      case readFrames.mapValue:
        this.#checkKeys(frame);
        made = frame.map;
        break;
      case readFrames.closure:
        made = new Closure({ ...frame.head!, free: frame.items });
        this.#exact = frame.isExact;
        break;
      default:
        made = frame.kind satisfies never;
    }
    frame.clear();
    return made;
  }

  #tuple(count: number, start: number): unknown {
    if (count === 0) return new Tuple([]);
    this.#open(readFrames.tuple, count, count, start);
    return more;
  }

  #list(count: number, start: number): unknown {
    const frame = this.#open(readFrames.list, count, count + 1, start);
    return count === 0 ? this.#listEnd(frame) : more;
  }

  /** A tail that is a list itself goes on with the same list. */
  #listEnd(frame: ReadFrame): unknown {
    for (;;) {
      const start = this.at;
      switch (this.bytes[start]) {
        case tags.nil:
          this.skip(1);
          return this.#close(frame);
        case tags.string:
          this.skip(1);
          for (const byte of this.#string(start)) frame.items.push(byte);
          return this.#close(frame);
        case tags.list: {
          this.skip(1);
          const count = this.u32();
          if (!(frame.owed + count + 1 <= this.end - this.at)) {
            this.truncated(start);
          }
          frame.count += count;
          if (count > 0) return more;
          break;
        }
        default:
          frame.kind = readFrames.tail;
          return more;
      }
    }
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

  #map(count: number, start: number): unknown {
    if (count === 0) {
      this.spend(start);
      return {};
    }
    const frame = this.#open(readFrames.object, count, 2 * count, start);
    if (frame.keyLevel > keyLevelsMax) {
      this.fail(
        `expected maps in keys of maps at most ${keyLevelsMax} deep`,
        start,
      );
    }
    this.#key(frame);
    return more;
  }

  /** Reads a key that is an atom; with another one the map becomes a `Map`. */
  #key(frame: ReadFrame): void {
    const start = this.at;
    const tag = this.bytes[start]!;
    if (isAtomTag(tag)) {
      this.at = start + 1;
      frame.name = this.#atom(tag, start).name;
      return;
    }
    this.#checkNames(frame);
    frame.map = new Map();
    for (const name of Object.keys(frame.object)) {
      const atom = this.atoms.valueOf(this.atoms.named(name, start), start);
      frame.map.set(atom, frame.object[name]);
    }
    frame.kind = readFrames.mapKey;
  }

  /** Refuses an object that got a name twice. */
  #checkNames(frame: ReadFrame): void {
    if (Object.keys(frame.object).length !== frame.index) {
      this.fail("expected a map of different keys", frame.start);
    }
  }

  /** Refuses a `Map` that got a key twice. */
  #checkKeys(frame: ReadFrame): void {
    const { map, count } = frame;
    const keys = Array.from(map.keys());
    const isObject = (key: unknown) => typeof key === "object" && key !== null;
    if (
      map.size === count &&
      (!keys.some(isObject) || new Set(keys.map(termKey)).size === count)
    ) return;
    const advice = this.#exact
      ? ""
      : " without `exact`, which tells 1 from 1.0";
    this.fail(`expected a map of different keys${advice}`, frame.start);
  }

  /** The atom behind a tag that is one of an atom. */
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
      ? this.atoms.entry(this.bytes, at, length)
      : this.atoms.latin1Entry(this.bytes, at, length);
  }

  #binary(length: number, start: number): unknown {
    const end = this.skip(length);
    const { bytes } = this;
    const at = end - length;
    if (!this.#asBytes) {
      const text = readText(bytes, at, end);
      if (text !== undefined) return text;
    }
    this.spend(start);
    const isView = this.#viewsLarge && length >= chunkedBytesMin &&
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
    if (!this.#exact || !Number.isInteger(value)) return value;
    this.spend(start);
    return new Float(value);
  }

  #big(count: number, start: number): number | bigint {
    const sign = this.u8();
    const end = this.skip(count);
    const value = readBig(this.bytes, end - count, count, sign !== 0);
    if (value !== undefined) return value;
    return this.fail(
      `expected an integer of at most ${bigIntegerBitsMax} bits`,
      start,
    );
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
    if (end > this.end) this.truncated(at);
    return this.at = end;
  }

  /** The name of the atom that comes next. */
  name(): string {
    const start = this.at;
    const tag = this.u8();
    if (isAtomTag(tag)) return this.#atom(tag, start).name;
    return this.fail(`expected an atom, got ${printTag(tag)}`, start);
  }

  /** The integer that comes next; it must not be below `least`. */
  integer(least: number = Number.MIN_SAFE_INTEGER): number {
    const start = this.at;
    const tag = this.bytes[start];
    const isInteger = tag === tags.smallInteger || tag === tags.integer ||
      tag === tags.smallBig;
    const value = isInteger ? this.#one() : undefined;
    if (typeof value === "number" && value >= least) return value;
    return this.fail("expected a small integer", start);
  }

  /** Counts an object against the limit. */
  spend(start: number): void {
    if (--this.#objects < 0) {
      this.fail(
        `expected at most ${this.#objectsMax} objects in one message`,
        start,
      );
    }
  }

  truncated(start: number): never {
    const tag = start < this.end ? ` of ${printTag(this.bytes[start]!)}` : "";
    return this.fail(`expected more bytes${tag}`, start);
  }

  /** Throws the error for the term whose tag is at `start`. */
  fail(problem: string, start: number): never {
    const tag = start < this.end ? this.bytes[start]! : undefined;
    const where = tag === undefined ? "" : ` in ${printTag(tag)}`;
    throw new DecodeError(problem + where, start);
  }
}

function isAtomTag(tag: number): boolean {
  return tag === tags.smallAtomUtf8 || tag === tags.atomCacheRef ||
    tag === tags.atomUtf8 || tag === tags.atom || tag === tags.smallAtom;
}

/** Never meets the setter that `__proto__` is. */
function setField(
  object: Record<string, unknown>,
  name: string,
  value: unknown,
): void {
  if (name !== "__proto__") object[name] = value;
  else {
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

/** Never a subclass such as `Buffer`, which terms would inherit. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
