/**
 * Outgoing terms: what a JavaScript value becomes on a BEAM node.
 *
 * | JavaScript | BEAM |
 * |---|---|
 * | number that is a safe integer, bigint | integer |
 * | any other number, -0, `Float` | float; NaN and the infinities are refused |
 * | string | binary, its UTF-8; refused with a lone surrogate |
 * | `Uint8Array`, `ArrayBuffer`, `DataView` | binary |
 * | `Symbol.for(name)` | atom; other symbols are refused |
 * | `true`, `false`, `null`, `undefined` | `true`, `false`, `nil`, `undefined` |
 * | array | list, holes as `undefined` |
 * | `Tuple`, `ImproperList`, `BitString` | tuple, improper list, bitstring |
 * | plain object | map with atoms as keys |
 * | `Map` | map |
 * | `Set` | map from each item to `[]`, as `sets` of version 2 has it |
 * | `Pid`, `Ref`, `Port`, `ExternalFun`, `Closure` | what they are |
 * | error of any class | `{js_error, Name, Message, Stack}`, three binaries |
 * | function, `Date`, other typed arrays, other classes | refused |
 *
 * What becomes of a value is decided by its prototype; instances of other
 * classes are refused rather than sent as plain objects, because the receiver
 * would get something without methods. `toJSON` is never called.
 *
 * A refusal is an `EncodeError` that names the way to the value. Nothing here
 * calls itself per level of a term, so depth costs no stack.
 */

import {
  exportPid,
  Pid,
  type PidTable,
  printTerm,
  Tuple,
} from "../core/terms.ts";
import { type Incarnation, isU32 } from "./cbor_tags.ts";
import { EncodeError } from "./errors.ts";
import { atomBytes, KeyAtoms } from "./etf_atoms.ts";
import { KeyLists, orderedKeys } from "./etf_keys.ts";
import {
  Frame,
  type FrameKind,
  frames,
  framesPath,
  keyStep,
} from "./etf_frames.ts";
import { chunkedBytesMin, termBytesMax, termDepthMax } from "./etf_limits.ts";
import { writeBigInt, writeNumber } from "./etf_numbers.ts";
import { Output, outputFull, type OutputMark, setU32 } from "./etf_output.ts";
import { writeSpecial } from "./etf_special.ts";
import { stringItemsMax, tags } from "./etf_tags.ts";
import { encodeText, writeText } from "./etf_text.ts";

export type EtfWriterOptions = {
  readonly pids: PidTable;
  /** The node that writes; without it every ref counts as its own. */
  readonly self?: Incarnation;
  /** What keys of objects have become atoms at the peer. */
  readonly keyAtoms?: KeyAtoms;
  /** Bytes of one term at most; `termBytesMax` unless told. */
  readonly termBytes?: number;
  /**
   * Classes that are no terms, by their prototypes: a function that returns
   * the term to write for an instance.
   */
  readonly counterparts?: Counterparts;
};

export type Counterparts = ReadonlyMap<object, (value: object) => unknown>;

/** Atoms whose bytes are kept; then all are forgotten. */
const keptAtomsMax = 4096;

/** Depth from which on to look whether a message contains itself. */
const checkedDepth = 512;

/** Frames that are kept for the next term. */
const keptFramesMax = 256;

/** Bytes in front of a binary. */
const binaryHeadBytes = 5;

const trueAtom = atomBytes("true")!;
const falseAtom = atomBytes("false")!;
const nilAtom = atomBytes("nil")!;
const undefinedAtom = atomBytes("undefined")!;

/** Writes the terms for one peer. */
export class EtfWriter {
  readonly self: Incarnation | null;
  readonly pids: PidTable;
  /** Where the term goes that is being written. */
  out: Output = new Output();
  readonly counterparts: Counterparts;
  readonly #keyLists: KeyLists;
  readonly #termBytesMax: number;
  readonly #atoms: Map<symbol, Uint8Array> = new Map();
  readonly #names: Map<string, Uint8Array> = new Map();
  /** The node of the last pid, and its bytes as an atom. */
  #node = "";
  #nodeAtom: Uint8Array = new Uint8Array(0);
  /** What the path of a refused value starts with. */
  #root = "message";
  /** What is around the current value, from index 1 on. */
  readonly #frames: Frame[] = [new Frame()];
  #depth = 0;
  /** A term is being written, and getters of its values may run. */
  #isWriting = false;

  constructor(options: EtfWriterOptions) {
    this.self = options.self ?? null;
    this.pids = options.pids;
    this.#keyLists = new KeyLists(options.keyAtoms ?? new KeyAtoms());
    this.counterparts = options.counterparts ?? new Map();
    this.#termBytesMax = options.termBytes ?? termBytesMax;
  }

  /** Whether a term is being written: then `write` throws. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /**
   * Appends a term, without the version byte. Throws an `EncodeError`, whose
   * path starts with `root`; then nothing was appended.
   */
  write(term: unknown, out: Output, root: string = "message"): void {
    if (this.#isWriting) {
      throw new EncodeError(
        root,
        "it was sent by a getter of the message that is being encoded",
      );
    }
    this.#isWriting = true;
    const { lengthMax } = out;
    let mark: OutputMark | null = null;
    try {
      mark = out.mark();
      out.lengthMax = Math.min(lengthMax, out.length + this.#termBytesMax);
      this.out = out;
      this.#root = root;
      this.#run(term);
    } catch (error) {
      const refusal = this.#refusalOf(error);
      if (mark !== null) out.rollback(mark);
      throw refusal;
    } finally {
      out.lengthMax = lengthMax;
      this.#depth = 0;
      if (this.#frames.length > keptFramesMax) this.#frames.length = 1;
      this.#isWriting = false;
    }
  }

  #run(term: unknown): void {
    let value = term;
    for (;;) {
      this.value(value);
      let frame = this.#frames[this.#depth]!;
      while (frame.index === frame.count) {
        if (this.#depth === 0) return;
        frame = this.#close(frame);
      }
      const index = frame.index++;
      const item = frame.items[index];
      if (frame.kind === frames.object) {
        this.out.writeBytes(frame.atoms[index]!);
        value = (frame.container as Readonly<Record<string, unknown>>)[
          item as string
        ];
      } else value = item;
    }
  }

  /**
   * Writes a value, or the beginning of one: what it holds is written when the
   * caller has returned.
   */
  value(value: unknown): void {
    switch (typeof value) {
      case "number":
        if (!writeNumber(value, this.out)) {
          this.refuse(`expected a number that the BEAM has, got ${value}`);
        }
        return;
      case "string":
        return this.text(value);
      case "object":
        if (value === null) this.out.writeBytes(nilAtom);
        else this.#object(value);
        return;
      case "symbol":
        return this.#atom(value);
      case "boolean":
        return this.out.writeBytes(value ? trueAtom : falseAtom);
      case "undefined":
        return this.out.writeBytes(undefinedAtom);
      case "bigint":
        if (!writeBigInt(value, this.out)) {
          this.refuse("expected an integer of at most 1048576 bits");
        }
        return;
      default:
        this.refuse("a function cannot leave its node; send data");
    }
  }

  text(text: string): void {
    if (text.length >= chunkedBytesMin) return this.#longText(text);
    const { out } = this;
    out.reserve(binaryHeadBytes);
    const bytes = writeText(text, out);
    if (bytes < 0) this.#refuseText();
    // Only now, because the buffer may have moved.
    const head = out.position - bytes - binaryHeadBytes;
    out.buffer[head] = tags.binary;
    setU32(out.buffer, head + 1, bytes);
  }

  #longText(text: string): void {
    if (!text.isWellFormed()) this.#refuseText();
    this.bytes(encodeText(text));
  }

  #refuseText(): never {
    this.refuse("it has a lone surrogate, which UTF-8 cannot express");
  }

  /** A binary. */
  bytes(value: Uint8Array): void {
    const { buffer, byteLength } = value;
    if (byteLength === 0 && buffer instanceof ArrayBuffer && buffer.detached) {
      this.refuse("its buffer was transferred and holds nothing any more");
    }
    const { out } = this;
    out.writeByte(tags.binary);
    out.writeU32(byteLength);
    if (
      byteLength >= chunkedBytesMin && buffer instanceof ArrayBuffer &&
      // Others can change its contents or size before it is written.
      !buffer.resizable
    ) out.attach(new Uint8Array(buffer, value.byteOffset, byteLength));
    else out.writeBytes(value);
  }

  /** An atom by its name, as in pids. */
  name(name: string): void {
    let bytes = this.#names.get(name);
    if (bytes === undefined) {
      bytes = atomBytes(name);
      if (bytes === undefined) return this.#refuseAtom();
      if (this.#names.size >= keptAtomsMax) this.#names.clear();
      this.#names.set(name, bytes);
    }
    this.out.writeBytes(bytes);
  }

  /** Begins what has items; `frames` says what kinds there are. */
  open(kind: FrameKind, container: object, items: readonly unknown[]): Frame {
    const depth = this.#depth + 1;
    let frame = this.#frames[depth];
    if (frame === undefined) frame = this.#frames[depth] = new Frame();
    frame.kind = kind;
    frame.container = container;
    frame.items = items;
    frame.index = 0;
    // Read once: a getter cannot make it grow meanwhile.
    frame.count = items.length;
    this.#depth = depth;
    if (depth >= checkedDepth) this.#checkDepth();
    return frame;
  }

  /** Ends the innermost frame; returns the one around it. */
  #close(frame: Frame): Frame {
    if (frame.kind === frames.list) this.out.writeByte(tags.nil);
    else if (frame.kind === frames.closure) {
      this.out.setU32At(frame.mark!, this.out.bytesSince(frame.mark!));
    }
    frame.clear();
    this.#depth -= 1;
    return this.#frames[this.#depth]!;
  }

  #atom(atom: symbol): void {
    let bytes = this.#atoms.get(atom);
    if (bytes === undefined) {
      const name = Symbol.keyFor(atom);
      if (name === undefined) {
        this.refuse(`${String(atom)} is not an atom; use Symbol.for(name)`);
      }
      bytes = atomBytes(name);
      if (bytes === undefined) return this.#refuseAtom();
      if (this.#atoms.size >= keptAtomsMax) this.#atoms.clear();
      this.#atoms.set(atom, bytes);
    }
    this.out.writeBytes(bytes);
  }

  #refuseAtom(): never {
    this.refuse("expected an atom of at most 255 well-formed characters");
  }

  #object(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      this.#record(value as Readonly<Record<string, unknown>>);
    } else if (prototype === Array.prototype && Array.isArray(value)) {
      this.#list(value);
    } else if (prototype === Tuple.prototype) {
      this.#tuple((value as Tuple).items, value);
    } else if (prototype === Pid.prototype) {
      this.pid(value as Pid);
    } else if (prototype === Map.prototype) {
      this.#map(value as ReadonlyMap<unknown, unknown>);
    } else if (prototype === Uint8Array.prototype) {
      this.bytes(value as Uint8Array);
    } else writeSpecial(this, value, prototype as object);
  }

  #record(value: Readonly<Record<string, unknown>>): void {
    const keys = Object.keys(value);
    if (Object.getOwnPropertySymbols(value).length > 0) {
      this.refuse("expected keys that are strings, got a symbol; use a Map");
    }
    const list = this.#keyLists.of(keys);
    if ("problem" in list) this.#refuseKey(value, list.key, list.problem);
    this.out.writeByte(tags.map);
    this.out.writeU32(keys.length);
    this.open(frames.object, value, list.keys).atoms = list.atoms;
  }

  /** A list of bytes is written as a string of bytes, as OTP does. */
  #list(items: readonly unknown[]): void {
    const count = items.length;
    if (count === 0) return this.out.writeByte(tags.nil);
    if (isByte(items[0]) && count <= stringItemsMax) {
      return this.#string(items, count);
    }
    this.listHead(count);
    this.open(frames.list, items, items);
  }

  #string(items: readonly unknown[], count: number): void {
    const { out } = this;
    const start = out.reserve(3 + count);
    const { buffer } = out;
    const text = start + 3;
    let i = 0;
    for (; i < count; i++) {
      const item = items[i];
      if (!isByte(item)) break;
      buffer[text + i] = item;
    }
    if (i === count) {
      buffer[start] = tags.string;
      buffer[start + 1] = count >>> 8;
      buffer[start + 2] = count;
      return;
    }
    const bytes = buffer.slice(text, text + i);
    out.position = start;
    this.listHead(count);
    let at = out.reserve(2 * i);
    for (const byte of bytes) {
      out.buffer[at++] = tags.smallInteger;
      out.buffer[at++] = byte;
    }
    this.open(frames.list, items, items).index = i;
  }

  listHead(count: number): void {
    this.out.writeByte(tags.list);
    this.out.writeU32(count);
  }

  #tuple(items: readonly unknown[], container: object): void {
    if (!Array.isArray(items)) this.refuse("expected a tuple of an array");
    const count = items.length;
    const { out } = this;
    if (count <= 0xff) {
      const at = out.reserve(2);
      out.buffer[at] = tags.smallTuple;
      out.buffer[at + 1] = count;
    } else {
      out.writeByte(tags.largeTuple);
      out.writeU32(count);
    }
    if (count > 0) this.open(frames.items, container, items);
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.entries(map, Array.from(map.keys()), (key) => map.get(key));
  }

  /** A map with these keys. */
  entries(
    container: object,
    keys: unknown[],
    valueOf: (key: unknown) => unknown,
  ): void {
    const ordered = orderedKeys(keys);
    if (!Array.isArray(ordered)) {
      this.#refuseKey(container, ordered.key, ordered.problem);
    }
    const items: unknown[] = [];
    for (const key of ordered) items.push(key, valueOf(key));
    this.out.writeByte(tags.map);
    this.out.writeU32(ordered.length);
    this.open(frames.items, container, items);
  }

  pid(pid: Pid): void {
    const { id, serial, creation } = pid;
    if (!isU32(id) || !isU32(serial) || !isU32(creation)) {
      this.refuse("expected a pid that a node made");
    }
    // So that what comes back is this very object.
    exportPid(this.pids, pid);
    const { out } = this;
    out.writeByte(tags.newPid);
    if (pid.node === this.#node) out.writeBytes(this.#nodeAtom);
    else {
      this.name(pid.node);
      this.#node = pid.node;
      this.#nodeAtom = this.#names.get(pid.node)!;
    }
    const at = out.reserve(12);
    setU32(out.buffer, at, id);
    setU32(out.buffer, at + 4, serial);
    setU32(out.buffer, at + 8, creation);
  }

  /** Throws the `EncodeError` for the value that is being written. */
  refuse(problem: string): never {
    throw new EncodeError(this.#path(), problem);
  }

  #refuseKey(container: object, key: unknown, problem: string): never {
    const index = keyStep(container, key);
    throw new EncodeError(this.#path([container, index]), problem);
  }

  /** Reading a value or a full stack or memory are about this message too. */
  #refusalOf(error: unknown): EncodeError {
    if (error instanceof EncodeError) return error;
    if (error === outputFull) {
      return new EncodeError(
        this.#root,
        `expected at most ${this.#termBytesMax} bytes; send it in parts`,
      );
    }
    const problem = `reading it threw ${printTerm(error)}`;
    return new EncodeError(this.#path(), problem, { cause: error });
  }

  /** Looks at some depths only, so that it costs nothing per level. */
  #checkDepth(): void {
    const depth = this.#depth;
    if (depth <= termDepthMax && (depth & (depth - 1)) !== 0) return;
    const seen = new Map<object, number>();
    for (let i = 1; i <= depth; i++) {
      const { container } = this.#frames[i]!;
      const earlier = seen.get(container);
      if (earlier !== undefined) {
        throw new EncodeError(
          this.#path(undefined, i - 1),
          `it is ${this.#path(undefined, earlier - 1)} again; ` +
            "a message cannot contain itself",
        );
      }
      seen.set(container, i);
    }
    if (depth > termDepthMax) {
      this.refuse(`it is nested more than ${termDepthMax} deep`);
    }
  }

  /** The path through the outermost `depth` frames, and one step more. */
  #path(
    more?: readonly [object, string | number],
    depth: number = this.#depth,
  ): string {
    return framesPath(this.#root, this.#frames.slice(1, depth + 1), more);
  }
}

function isByte(value: unknown): value is number {
  return typeof value === "number" && (value & 0xff) === value &&
    (value !== 0 || 1 / value > 0);
}
