/**
 * Prepares terms that are sent: checks a message and makes the copy of it that
 * cbor-x writes.
 *
 * Both happen in one pass, which reads every property exactly once. So a getter
 * or a proxy cannot return one value to the check and another one to the copy.
 * The copy holds only values that cbor-x can write unchanged. A value that cannot
 * be encoded ends the pass with an `EncodeError` that names its path.
 *
 * The prototype of a value decides how it is sent. Instances of other classes are
 * refused and not sent as plain objects, because the receiver would get an object
 * without methods. `toJSON` is never called. Of arrays and binaries only the
 * contents are sent; maps, sets and dates with fields of their own are refused.
 * What a field of an error holds is never a reason to refuse the error
 * (`error_term.ts`). Deep terms are prepared in parts (`parts.ts`).
 */

import {
  exportPid,
  Pid,
  type PidTable,
  printTerm,
} from "../../core/terms/terms.ts";
import { Tagged } from "./engine.ts";
import { termPath } from "../shared/term_path.ts";
import type { ShapeWriter } from "./shapes.ts";
import { type Part, PartWriter, stepsTo } from "./parts.ts";
import {
  leftOut,
  type PrepareTerm,
  type TermWriterServices,
} from "./services.ts";
import { otherTerm, refusalOf, specialTerms } from "./special.ts";
import {
  ATTACHMENT_BYTES_MIN,
  PART_DEPTH_MAX,
  type RecordClass,
  tags,
  TERM_DEPTH_MAX,
} from "./tags.ts";
import { BIG_INTEGER_BITS_MAX, OBJECTS_MAX } from "../shared/limits.ts";
import { type Incarnation, isOf } from "../shared/incarnation.ts";
import { isAtomName } from "../shared/atoms.ts";
import { isU32 } from "../shared/numbers.ts";
import { EncodeError } from "../shared/errors.ts";

/** Thrown by a `TermWriter` when the signal exceeds its limit of bytes. */
export const tooLarge: Error = new Error("the signal is above its limit");

const minusZero = new Tagged(tags.minusZero, 0);
const LIMIT_64 = 1n << 64n;
const MINUS_LIMIT_64 = -LIMIT_64;
const LIMIT_BIG = 1n << BigInt(BIG_INTEGER_BITS_MAX);
const MINUS_LIMIT_BIG = -LIMIT_BIG;

/** Longest text in place of a field of an error that cannot be sent. */
const NOT_SENT_LENGTH_MAX = 500;

/** Atoms whose prepared form is kept. */
const KEPT_ATOMS_MAX = 4096;
/** Pids whose prepared form is kept: a power of two. */
const KEPT_PIDS = 256;

/** Prepares the terms of one connection's outgoing signals. */
export class TermWriter implements TermWriterServices {
  readonly pids: PidTable;
  readonly self: Incarnation;
  readonly peer: Incarnation;
  readonly #special: ReadonlyMap<object | null, PrepareTerm>;
  readonly #atoms: Map<symbol, Tagged> = new Map();
  /** Recent pids at index `id % KEPT_PIDS`, and their prepared forms. */
  readonly #pids: (Pid | undefined)[] = new Array(KEPT_PIDS).fill(undefined);
  readonly #preparedPids: unknown[] = new Array(KEPT_PIDS).fill(undefined);
  #shapes: ShapeWriter;
  /** Large binaries of the current signal; null to keep them inside it. */
  #attachments: Uint8Array<ArrayBuffer>[] | null = null;
  /** The beginning of the path of a refused value. */
  #root = "message";
  /** Containers around the current value, from index 1 on. */
  readonly #trail: object[] = [];
  /** For each container, the key or index of the value inside it. */
  readonly #keys: (string | number | undefined)[] = [];
  #depth = 0;
  /** Lower bound of the signal's size so far, and its limit. */
  #bytes = 0;
  #bytesMax = 0;
  /** Objects of the signal so far. */
  #objects = 0;
  readonly #partWriter: PartWriter = new PartWriter();
  /** Whether the signal has parts; most signals have none. */
  #hasParts = false;
  /** Whether the current value belongs to an error. */
  #isInError = false;

  constructor(
    options: {
      readonly pids: PidTable;
      readonly self: Incarnation;
      readonly peer: Incarnation;
      readonly recordClasses: readonly RecordClass[];
    },
    shapes: ShapeWriter,
  ) {
    this.pids = options.pids;
    this.self = options.self;
    this.peer = options.peer;
    this.#special = specialTerms(options.recordClasses);
    this.#shapes = shapes;
  }

  /** Must be called before each signal. */
  beginSignal(
    shapes: ShapeWriter,
    bytesMax: number,
    attachments: Uint8Array<ArrayBuffer>[] | null,
  ): void {
    this.#shapes = shapes;
    this.#bytes = 0;
    this.#objects = 0;
    this.#bytesMax = bytesMax;
    this.#attachments = attachments;
    if (this.#hasParts) this.#forgetParts();
  }

  #forgetParts(): void {
    this.#hasParts = false;
    this.#partWriter.clear();
  }

  /** The parts of the signal, once it is prepared. */
  get parts(): readonly Part[] {
    return this.#partWriter.parts;
  }

  /**
   * Prepares a whole value; `root` is the beginning of its path. Throws an
   * `EncodeError`, or `tooLarge` when the signal exceeds its limit.
   */
  prepare(value: unknown, root: string): unknown {
    this.#root = root;
    this.#depth = 0;
    try {
      const prepared = this.term(value);
      if (this.#hasParts) this.#prepareParts();
      return prepared;
    } catch (error) {
      throw error === tooLarge ? error : this.#refusalFor(error);
    }
  }

  /** Prepares the parts that were found, and those that are found in them. */
  #prepareParts(): void {
    const writer = this.#partWriter;
    const { parts } = writer;
    for (; writer.preparedCount < parts.length; writer.preparedCount++) {
      const part = parts[writer.preparedCount]!;
      writer.begin(part);
      this.#depth = 0;
      part.prepared = part.isInError
        ? this.guarded(() => part.value)
        : this.term(part.value);
    }
    writer.begin(null);
  }

  /** The `EncodeError` for what was thrown at the current value. */
  #refusalFor(error: unknown): EncodeError {
    if (error instanceof EncodeError) return error;
    return new EncodeError(
      this.#path(this.#depth),
      `reading it threw ${printTerm(error)}`,
      { cause: error },
    );
  }

  guarded(read: () => unknown): unknown {
    const depth = this.#depth;
    const wasInError = this.#isInError;
    const { parts } = this.#partWriter;
    const partCount = parts.length;
    const attachmentCount = this.#attachments?.length ?? 0;
    this.#isInError = true;
    try {
      const value = read();
      return typeof value === "function" ? leftOut : this.term(value);
    } catch (error) {
      if (error === tooLarge) throw error;
      const { message } = this.#refusalFor(error);
      this.#depth = depth;
      parts.length = partCount;
      if (this.#attachments !== null) {
        this.#attachments.length = attachmentCount;
      }
      const why = message.slice(0, NOT_SENT_LENGTH_MAX).toWellFormed();
      return this.text(`(not sent: ${why})`);
    } finally {
      this.#isInError = wasInError;
    }
  }

  /** Prepares a value inside the one that is being prepared. */
  term(value: unknown): unknown {
    switch (typeof value) {
      case "number":
        this.grow(1);
        return value === 0 && Object.is(value, -0) ? minusZero : value;
      case "string":
        return this.text(value);
      case "object":
        if (value !== null) return this.#object(value);
        this.grow(1);
        return value;
      case "symbol":
        return this.#atom(value);
      case "bigint":
        return this.#bigint(value);
      case "function":
        return this.refuse("a function cannot leave its node; send data");
      default:
        this.grow(1);
        return value;
    }
  }

  /** Sets the key or index of the next value in the innermost container. */
  at(key: string | number): void {
    this.#keys[this.#depth] = key;
  }

  text(value: string): unknown {
    this.grow(value.length + 1);
    // cbor-x drops a byte-order mark and changes what is not well-formed.
    if (value.isWellFormed() && value.charCodeAt(0) !== 0xfeff) return value;
    return new Tagged(tags.utf16, utf16Of(value));
  }

  /** Appends the prepared items to `prepared`. */
  items(items: readonly unknown[], prepared: unknown[]): unknown[] {
    const count = items.length;
    this.grow(count + 1);
    for (let i = 0; i < count; i++) {
      this.at(i);
      prepared.push(this.term(items[i]));
    }
    return prepared;
  }

  /** A byte string, or its number when it is attached to the signal. */
  bytes(value: Uint8Array): unknown {
    const { buffer, byteLength } = value;
    if (byteLength === 0 && buffer instanceof ArrayBuffer && buffer.detached) {
      this.refuse("its buffer was transferred and holds nothing any more");
    }
    this.grow(byteLength + 1);
    if (
      this.#attachments === null || byteLength < ATTACHMENT_BYTES_MIN ||
      // Another thread or the program could change it before it is sent.
      !(buffer instanceof ArrayBuffer) || buffer.resizable
    ) return value;
    const view = new Uint8Array(buffer, value.byteOffset, byteLength);
    return new Tagged(tags.attachment, this.#attachments.push(view) - 1);
  }

  /** Adds to the lower bound of the signal's size. */
  grow(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) throw tooLarge;
  }

  /** Throws the `EncodeError` for the value that is being prepared. */
  refuse(problem: string): never {
    throw new EncodeError(this.#path(this.#depth), problem);
  }

  /**
   * A plain object, or an object without a prototype, which arrives as a plain
   * object.
   */
  record(value: Readonly<Record<string, unknown>>): unknown {
    const keys = Object.keys(value);
    if (Object.getOwnPropertySymbols(value).length > 0) {
      this.refuse("expected keys that are strings, got a symbol; use a Map");
    }
    this.grow(2);
    const count = keys.length;
    const id = this.#shapes.find(keys);
    if (id < 0) return this.#dictionary(value, keys);
    const prepared = new Array<unknown>(count + 1);
    prepared[0] = id;
    for (let i = 0; i < count; i++) {
      const key = keys[i]!;
      this.at(key);
      prepared[i + 1] = this.term(value[key]);
    }
    return new Tagged(tags.record, prepared);
  }

  #dictionary(
    value: Readonly<Record<string, unknown>>,
    keys: readonly string[],
  ): unknown {
    const prepared: unknown[] = [];
    for (const key of keys) {
      this.at(key);
      prepared.push(this.text(key), this.term(value[key]));
    }
    return new Tagged(tags.object, prepared);
  }

  #object(value: object): unknown {
    const prototype: object | null = Object.getPrototypeOf(value);
    if (++this.#objects > OBJECTS_MAX) {
      this.refuse(`it is the object after ${OBJECTS_MAX}; send them in parts`);
    }
    if (prototype === Pid.prototype) return this.#pid(value as Pid);
    let prepare: PrepareTerm | undefined;
    if (prototype !== Object.prototype) {
      prepare = this.#special.get(prototype) ?? otherTerm(value);
      if (prepare === undefined) this.refuse(refusalOf(value));
    }
    const depth = this.#depth + 1;
    this.#trail[depth] = value;
    this.#keys[depth] = undefined;
    if (depth > PART_DEPTH_MAX) return this.#putOff(value);
    this.#depth = depth;
    const prepared = prepare === undefined
      ? this.record(value as Readonly<Record<string, unknown>>)
      : prepare(this, value);
    this.#depth = depth - 1;
    return prepared;
  }

  #pid(pid: Pid): unknown {
    this.grow(4);
    const slot = pid.id & (KEPT_PIDS - 1);
    if (this.#pids[slot] === pid) return this.#preparedPids[slot];
    if (!isU32(pid.id) || !isU32(pid.serial) || !isU32(pid.creation)) {
      this.refuse("expected a pid that a node made");
    }
    let prepared: Tagged;
    const { id, serial, creation } = pid;
    // Also for a pid of another node of this thread, which was passed by
    // reference: a pid that comes back has to be this very object.
    exportPid(this.pids, pid);
    if (isOf(pid, this.self)) {
      prepared = new Tagged(tags.writerPid, [id, serial]);
    } else if (isOf(pid, this.peer)) {
      prepared = new Tagged(tags.readerPid, [id, serial]);
    } else {
      const node = this.text(pid.node);
      prepared = new Tagged(tags.pid, [node, id, serial, creation]);
    }
    this.#pids[slot] = pid;
    this.#preparedPids[slot] = prepared;
    return prepared;
  }

  #atom(atom: symbol): unknown {
    const kept = this.#atoms.get(atom);
    if (kept !== undefined) {
      this.grow(2);
      return kept;
    }
    const name = Symbol.keyFor(atom);
    if (name === undefined) {
      this.refuse(`${String(atom)} is not an atom; use Symbol.for(name)`);
    }
    if (!isAtomName(name)) {
      this.refuse("expected an atom of at most 255 well-formed characters");
    }
    const prepared = new Tagged(tags.atom, this.text(name));
    if (this.#atoms.size < KEPT_ATOMS_MAX) this.#atoms.set(atom, prepared);
    return prepared;
  }

  #bigint(value: bigint): unknown {
    this.grow(9);
    if (MINUS_LIMIT_64 < value && value < LIMIT_64) return value;
    if (value <= MINUS_LIMIT_BIG || value >= LIMIT_BIG) {
      this.refuse(
        `expected an integer of at most ${BIG_INTEGER_BITS_MAX} bits`,
      );
    }
    const digits = value.toString(16);
    this.grow(digits.length);
    return new Tagged(tags.bigInteger, digits);
  }

  /**
   * Leaves the value, which is too deep for this part of the signal, to a part of
   * its own. Only a large frame has parts.
   */
  #putOff(value: object): unknown {
    const parts = this.#partWriter;
    if (parts.isExamined || !parts.hasRoom) this.#refuseRepeated();
    if (!parts.hasRoom) {
      this.refuse(`it is nested more than ${TERM_DEPTH_MAX} deep`);
    }
    if (this.#attachments === null) throw tooLarge;
    this.#hasParts = true;
    return parts.add(value, this.#trail, this.#keys, this.#isInError);
  }

  /** Refuses a container of the trail that is in it twice. */
  #refuseRepeated(): void {
    const seen = new Map<object, number>();
    for (let depth = 1; depth <= PART_DEPTH_MAX + 1; depth++) {
      const container = this.#trail[depth]!;
      const earlier = seen.get(container);
      if (earlier !== undefined) this.#refuseCycle(earlier, depth);
      seen.set(container, depth);
    }
  }

  refuseCycle(): void {
    const depth = this.#depth;
    const earlier = this.#trail.indexOf(this.#trail[depth]!, 1);
    if (earlier < depth) this.#refuseCycle(earlier, depth);
  }

  /** The containers of the trail at these two depths are the same one. */
  #refuseCycle(earlier: number, depth: number): never {
    throw new EncodeError(
      this.#path(depth - 1),
      `it is ${this.#path(earlier - 1)} again; ` +
        "a message cannot contain itself",
    );
  }

  /** The path through the first `depth` containers of the trail. */
  #path(depth: number): string {
    const outside = stepsTo(this.#partWriter.outside);
    return termPath(
      this.#root,
      outside.map(({ container }) => container)
        .concat(this.#trail.slice(1, depth + 1)),
      outside.map(({ key }) => key).concat(this.#keys.slice(1, depth + 1)),
    );
  }
}

function utf16Of(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit;
    bytes[2 * i + 1] = unit >>> 8;
  }
  return bytes;
}
