/**
 * Writes terms: the term of a BEAM node for a JavaScript value.
 *
 * | JavaScript | BEAM |
 * |---|---|
 * | number that is a safe integer, bigint | integer |
 * | any other number, -0, `Float` | float; NaN and the infinities are refused |
 * | string | binary, its UTF-8; refused with a lone surrogate |
 * | `Uint8Array`, `ArrayBuffer`, `DataView` | binary |
 * | `Symbol.for(name)` | atom; other symbols are refused |
 * | `true`, `false`, `null`, `undefined` | `true`, `false`, `nil`, `undefined`
 * |
 * | array | list, holes as `undefined` |
 * | `Tuple`, `ImproperList`, `BitString` | tuple, improper list, bitstring |
 * | plain object | map with atoms as keys |
 * | `Map` | map |
 * | `Set` | map from each item to `[]`, as `sets` of version 2 has it |
 * | `Pid`, `Ref`, `Port`, `ExternalFun`, `Closure` | pid, reference, port, fun |
 * | error of any class | `{js_error, Name, Message, Stack}`, three binaries |
 * | function, `Date`, other typed arrays, other classes | refused |
 *
 * The prototype of a value decides how it is written. Instances of other classes
 * are refused and not sent as plain objects, because the receiver would get an
 * object without methods. `toJSON` is never called.
 *
 * A value is refused with an `EncodeError` that names the path to it. The writer
 * calls itself for the first levels of a term only, so depth costs no stack.
 */

import {
  exportPid,
  Pid,
  type PidTable,
  Tuple,
} from "../../../core/terms/terms.ts";
import { fieldProblem } from "../../shared/advice.ts";
import type { Incarnation } from "../../shared/incarnation.ts";
import { isU32 } from "../../shared/numbers.ts";
import { EncodeError } from "../../shared/errors.ts";
import { AtomBytes, packAtom } from "./atom_bytes.ts";
import { KeyAtoms } from "../atoms.ts";
import {
  type KeyList,
  KeyLists,
  type KeyNode,
  type KeyProblem,
  orderedKeys,
} from "./keys.ts";
import { ContainerStack, writeTrailer } from "./deep.ts";
import { Refusal } from "./refusal.ts";
import {
  type Counterparts,
  type EtfWriterServices,
  type Trailer,
  trailers,
} from "./services.ts";
import { CHUNKED_BYTES_MIN, RECURSION_MAX, TERM_BYTES_MAX } from "../limits.ts";
import { writeBigInt, writeNumber } from "../numbers.ts";
import { Output, type OutputMark, type Packed } from "../output.ts";
import { writeSpecial } from "./special.ts";
import { STRING_ITEMS_MAX, tags } from "../tags.ts";
import { encodeText, writeText } from "../text.ts";

export type EtfWriterOptions = {
  readonly pids: PidTable;
  /** The node that writes. Without it, every ref counts as one of the writer. */
  readonly self?: Incarnation;
  /** The atoms that keys of objects have become at the peer. */
  readonly keyAtoms?: KeyAtoms;
  /** Bytes of one term at most; default `TERM_BYTES_MAX`. */
  readonly termBytes?: number;
  /** The bytes of node names that the peer has in its atom cache. */
  readonly cachedNames?: ReadonlyMap<string, Uint8Array>;
  /**
   * Classes that are no terms, by their prototypes: a function that returns
   * the term to write for an instance.
   */
  readonly counterparts?: Counterparts;
};

type Fields = Readonly<Record<string, unknown>>;

/** Initial room for the values of an object. */
const USUAL_FIELDS = 16;

/** Has fields only if a program has added fields to `Object.prototype`. */
const noFields = {};

const trueAtom = packAtom("true")!;
const falseAtom = packAtom("false")!;
const nilAtom = packAtom("nil")!;
const undefinedAtom = packAtom("undefined")!;

/** Writes the terms for one peer. */
export class EtfWriter implements EtfWriterServices {
  readonly self: Incarnation | null;
  readonly pids: PidTable;
  /** The output of the term that is being written. */
  out: Output = new Output();
  readonly counterparts: Counterparts;
  readonly #keyAtoms: KeyAtoms;
  readonly #keyLists: KeyLists;
  readonly #termBytesMax: number;
  readonly #atoms: AtomBytes;
  /** The node of the last pid, and its bytes as an atom. */
  #node = "";
  #nodeAtom: Packed = nilAtom;
  /** Open containers for which the writer has called itself. */
  #level = 0;
  /** Whether `for ... in` finds inherited fields in every object. */
  #isPolluted = false;
  /** Open containers below that, and the number of containers around them. */
  readonly #deep: ContainerStack = new ContainerStack(this);
  #outside = RECURSION_MAX;
  /** A term is being written, and getters of its values may run. */
  #isWriting = false;

  constructor(options: EtfWriterOptions) {
    this.self = options.self ?? null;
    this.pids = options.pids;
    this.#keyAtoms = options.keyAtoms ?? new KeyAtoms();
    this.#keyLists = new KeyLists(this.#keyAtoms);
    this.counterparts = options.counterparts ?? new Map();
    this.#termBytesMax = options.termBytes ?? TERM_BYTES_MAX;
    this.#atoms = new AtomBytes(options.cachedNames);
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
    const keyAtoms = this.#keyAtoms.size;
    try {
      mark = out.mark();
      out.lengthMax = Math.min(lengthMax, out.length + this.#termBytesMax);
      this.out = out;
      this.#level = 0;
      this.#outside = RECURSION_MAX;
      this.#isPolluted = isPolluted();
      this.value(term);
    } catch {
      if (mark !== null) out.rollback(mark);
      this.#writeTracked(term, root, keyAtoms);
    } finally {
      out.lengthMax = lengthMax;
      this.#isWriting = false;
    }
  }

  /**
   * Writes a term once more that could not be written, to learn the path to the
   * value at fault. The first attempt keeps no path, to save time.
   */
  #writeTracked(term: unknown, root: string, keyAtoms: number): void {
    const { out } = this;
    const mark = out.mark();
    this.#level = RECURSION_MAX;
    this.#outside = 0;
    try {
      this.value(term);
    } catch (error) {
      out.rollback(mark);
      if (this.#keyAtoms.rollback(keyAtoms)) this.#keyLists.clear();
      throw Refusal.of(error).toError(root);
    }
  }

  /**
   * Writes a value. Below `RECURSION_MAX` levels, the items of a container are
   * written after the caller has returned.
   */
  value(value: unknown): void {
    // Engines optimise a comparison of `typeof`, but not `switch (typeof value)`.
    // `instanceof` is faster than a look at the prototype, and nearly always
    // enough.
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") {
      if (!writeNumber(value, this.out)) {
        this.refuse(`expected a number that the BEAM has, got ${value}`);
      }
    } else if (typeof value === "symbol") this.#atom(value);
    else if (typeof value !== "object" || value === null) {
      this.#primitive(value);
    } else if (Array.isArray(value) && value.constructor === Array) {
      this.#list(value);
    } else if (value instanceof Tuple && value.constructor === Tuple) {
      this.#tuple(value);
    } else if (value instanceof Pid && value.constructor === Pid) {
      this.pid(value);
    } else if (
      value instanceof Uint8Array && value.constructor === Uint8Array
    ) this.bytes(value);
    else this.#object(value);
  }

  /** Writes a value that is no object and comes less often. */
  #primitive(value: unknown): void {
    if (value === null) this.out.writePacked(nilAtom);
    else if (typeof value === "bigint") {
      if (!writeBigInt(value, this.out)) {
        this.refuse("expected an integer of at most 1048576 bits");
      }
    } else if (value === true) this.out.writePacked(trueAtom);
    else if (value === false) this.out.writePacked(falseAtom);
    else if (value === undefined) this.out.writePacked(undefinedAtom);
    else this.refuse("a function cannot leave its node; send data");
  }

  text(text: string): void {
    if (text.length >= CHUNKED_BYTES_MIN) this.#longText(text);
    else if (!writeText(text, this.out)) this.#refuseText();
  }

  #longText(text: string): void {
    if (!text.isWellFormed()) this.#refuseText();
    this.bytes(encodeText(text));
  }

  #refuseText(): never {
    this.refuse("it has a lone surrogate, which UTF-8 cannot express");
  }

  /** Writes a binary. */
  bytes(value: Uint8Array): void {
    const { byteLength } = value;
    if (byteLength === 0) this.#checkEmpty(value);
    const { out } = this;
    const at = out.reserve(5);
    out.buffer[at] = tags.binary;
    out.view.setUint32(at + 1, byteLength);
    if (byteLength >= CHUNKED_BYTES_MIN) this.#largeBytes(value);
    else out.writeBytes(value);
  }

  #checkEmpty({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && buffer.detached) {
      this.refuse("its buffer was transferred and holds nothing any more");
    }
  }

  #largeBytes(value: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = value;
    // Another thread or the program could change these before they are sent.
    if (!(buffer instanceof ArrayBuffer) || buffer.resizable) {
      this.out.writeBytes(value);
    } else this.out.attach(new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** Writes an atom by its name. */
  name(name: string): void {
    this.out.writePacked(this.#packName(name));
  }

  #packName(name: string): Packed {
    return this.#atoms.ofName(name) ?? this.#refuseAtom();
  }

  /** Writes the first `count` items and the trailer of a container. */
  items(
    container: object,
    items: readonly unknown[],
    count: number,
    trailer: Trailer,
    mark: OutputMark | null = null,
  ): void {
    if (this.#level === RECURSION_MAX) {
      const list = null;
      const frame = { container, items, count, list, trailer, mark };
      return this.#deep.write(frame, this.#outside);
    }
    this.#level += 1;
    for (let i = 0; i < count; i++) this.value(items[i]);
    this.#level -= 1;
    if (trailer !== trailers.nothing) writeTrailer(this, trailer, mark);
  }

  /** Writes the fields of an object; `values` are in the order of its keys. */
  #fields(fields: Fields, values: readonly unknown[], list: KeyList): void {
    const { atoms, places } = list;
    const count = places.length;
    if (this.#level === RECURSION_MAX) {
      const frame = {
        container: fields,
        items: places.map((place) => values[place]),
        ...{ count, list, trailer: trailers.nothing, mark: null },
      };
      return this.#deep.write(frame, this.#outside);
    }
    this.#level += 1;
    const { out } = this;
    for (let i = 0; i < count; i++) {
      out.writePacked(atoms[i]!);
      this.value(values[places[i]!]);
    }
    this.#level -= 1;
  }

  #atom(atom: symbol): void {
    const packed = this.#atoms.ofSymbol(atom) ?? this.#refuseAtom(atom);
    this.out.writePacked(packed);
  }

  #refuseAtom(atom?: symbol): never {
    if (atom !== undefined && Symbol.keyFor(atom) === undefined) {
      this.refuse(`${String(atom)} is not an atom; use Symbol.for(name)`);
    }
    this.refuse("expected an atom of at most 255 well-formed characters");
  }

  /** Writes a plain object or an instance of a less frequent class. */
  #object(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      this.#record(value as Fields);
    } else if (prototype === Map.prototype) {
      this.#map(value as ReadonlyMap<unknown, unknown>);
    } else if (prototype === Array.prototype && Array.isArray(value)) {
      this.#list(value);
    } else writeSpecial(this, value, prototype as object);
  }

  #record(fields: Fields): void {
    if (Object.getOwnPropertySymbols(fields).length > 0) {
      this.refuse("expected keys that are strings, got a symbol; use a Map");
    }
    const values = new Array<unknown>(USUAL_FIELDS);
    let count = 0;
    let node: KeyNode | null = this.#keyLists.root;
    // Engines read fields fastest in this kind of loop.
    for (const key in fields) {
      if (this.#isPolluted && !Object.hasOwn(fields, key)) continue;
      if (node !== null) node = node.step(key);
      values[count++] = fields[key];
    }
    const list = node?.list ?? this.#learn(fields, count, node);
    const { out } = this;
    const at = out.reserve(5);
    out.buffer[at] = tags.map;
    out.view.setUint32(at + 1, count);
    if (count > 0) this.#fields(fields, values, list);
  }

  #learn(fields: Fields, count: number, node: KeyNode | null): KeyList {
    const list = this.#keyLists.learn(Object.keys(fields), node);
    if ("problem" in list) throw refusalOfKey(fields, list);
    if (list.keys.length !== count) this.refuse("it changes when it is read");
    return list;
  }

  /** Writes a list; a list of bytes is written as `string`, as OTP does. */
  #list(items: readonly unknown[]): void {
    const count = items.length;
    if (count === 0) return this.out.writeByte(tags.nil);
    if (isByte(items[0]) && count <= STRING_ITEMS_MAX) {
      return this.#string(items, count);
    }
    this.listHead(count);
    this.items(items, items, count, trailers.nil);
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
    out.position = start;
    this.listHead(count);
    this.items(items, items, count, trailers.nil);
  }

  listHead(count: number): void {
    const { out } = this;
    const at = out.reserve(5);
    out.buffer[at] = tags.list;
    out.view.setUint32(at + 1, count);
  }

  #tuple(tuple: Tuple): void {
    const { items } = tuple;
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
    if (count > 0) this.items(tuple, items, count, trailers.nothing);
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    const problem = fieldProblem(map);
    if (problem !== null) this.refuse(problem);
    this.entries(map, Array.from(map.keys()), (key) => map.get(key));
  }

  /** Writes a map with these keys. */
  entries(
    container: object,
    keys: unknown[],
    valueOf: (key: unknown) => unknown,
  ): void {
    const ordered = orderedKeys(keys);
    if (!Array.isArray(ordered)) {
      throw refusalOfKey(container, ordered);
    }
    const items: unknown[] = [];
    for (const key of ordered) items.push(key, valueOf(key));
    this.out.writeByte(tags.map);
    this.out.writeU32(ordered.length);
    this.items(container, items, items.length, trailers.nothing);
  }

  pid(pid: Pid): void {
    const { id, serial, creation } = pid;
    if (!isU32(id) || !isU32(serial) || !isU32(creation)) {
      this.refuse("expected a pid that a node made");
    }
    // So that a pid that comes back is this very object.
    exportPid(this.pids, pid);
    if (pid.node !== this.#node) {
      this.#nodeAtom = this.#packName(pid.node);
      this.#node = pid.node;
    }
    const { out } = this;
    out.writeByte(tags.newPid);
    out.writePacked(this.#nodeAtom);
    const at = out.reserve(12);
    const { view } = out;
    view.setUint32(at, id);
    view.setUint32(at + 4, serial);
    view.setUint32(at + 8, creation);
  }

  /** Throws a `Refusal`, which becomes the `EncodeError` for the value. */
  refuse(problem: string): never {
    throw new Refusal(problem);
  }
}

function isPolluted(): boolean {
  for (const _name in noFields) return true;
  return false;
}

function refusalOfKey(
  container: object,
  { key, problem }: KeyProblem,
): Refusal {
  return new Refusal(problem).atKey(container, key);
}

function isByte(value: unknown): value is number {
  return typeof value === "number" && (value & 0xff) === value &&
    (value !== 0 || 1 / value > 0);
}
