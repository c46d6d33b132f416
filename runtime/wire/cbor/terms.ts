/**
 * Reads terms: makes the term of each tag, or refuses it.
 *
 * Before a function here is called, `checkItems` has checked the bytes, and cbor-x
 * has built the item behind the tag. The function checks that the item has the
 * form that `special.ts` writes, because a peer may send anything.
 */

import {
  BitString,
  Closure,
  ExternalFun,
  Float,
  ImproperList,
  internPid,
  internRef,
  Pid,
  type PidTable,
  Port,
  printTerm,
  Ref,
  Tuple,
} from "../../core/terms/terms.ts";
import { checkItems } from "./check.ts";
import { decodeItems, onTag } from "./engine.ts";
import { readError } from "./error_term.ts";
import type { PartReader } from "./parts.ts";
import type { ShapeReader } from "./shapes.ts";
import {
  ARRAY_BUFFER_KIND,
  DATA_VIEW_KIND,
  elementClasses,
  FIRST_ELEMENT_KIND,
  type RecordClass,
  tags,
} from "./tags.ts";
import { BIG_INTEGER_BITS_MAX } from "../shared/limits.ts";
import type { Incarnation } from "../shared/incarnation.ts";
import { type AtomBudget, isAtomName } from "../shared/atoms.ts";
import { isU32 } from "../shared/numbers.ts";
import { DecodeError } from "../shared/errors.ts";

/** Reads the terms of one connection's incoming signals. */
export class TermReader {
  readonly pids: PidTable;
  readonly self: Incarnation;
  readonly peer: Incarnation;
  readonly recordClasses: ReadonlyMap<unknown, RecordClass>;
  readonly selfPids: PidCache;
  readonly peerPids: PidCache;
  shapes: ShapeReader;
  attachments: readonly Uint8Array[] = [];
  /** The parts of a large frame; null for other frames. */
  parts: PartReader | null = null;
  readonly #atoms: Map<string, symbol> = new Map();
  readonly #atomsMax: number;
  readonly #atomBudget: AtomBudget;

  constructor(
    options: {
      readonly pids: PidTable;
      readonly self: Incarnation;
      readonly peer: Incarnation;
      readonly recordClasses: readonly RecordClass[];
      readonly newAtomsMax: number;
      readonly atomBudget: AtomBudget;
    },
    shapes: ShapeReader,
  ) {
    this.pids = options.pids;
    this.self = options.self;
    this.peer = options.peer;
    this.recordClasses = new Map(
      options.recordClasses.map((known) => [known.tag, known]),
    );
    this.selfPids = new PidCache(this.pids, this.self);
    this.peerPids = new PidCache(this.pids, this.peer);
    this.shapes = shapes;
    this.#atomsMax = options.newAtomsMax;
    this.#atomBudget = options.atomBudget;
  }

  /**
   * Calls `onItem` for each item of a frame. Before it throws a `DecodeError`, it
   * may have called `onItem` for the items in front of the faulty one.
   */
  read(
    bytes: Uint8Array,
    shapes: ShapeReader,
    attachments: readonly Uint8Array[],
    parts: PartReader | null,
    onItem: (item: unknown) => void,
  ): void {
    checkItems(bytes);
    this.shapes = shapes;
    this.attachments = attachments;
    this.parts = parts;
    // No function that cbor-x calls uses another codec, so one variable is enough.
    current = this;
    try {
      decodeItems(bytes, onItem);
    } catch (error) {
      // cbor-x adds to an error the position of the item that it was reading.
      const { lastPosition } = error as { lastPosition?: number };
      throw error instanceof DecodeError
        ? new DecodeError(error.problem, lastPosition)
        : new DecodeError(printTerm(error), lastPosition, { cause: error });
    } finally {
      current = null;
      this.attachments = [];
      this.parts = null;
    }
  }

  atom(name: string): symbol {
    const known = this.#atoms.get(name);
    if (known !== undefined) return known;
    if (!isAtomName(name)) {
      throw new DecodeError("expected an atom of at most 255 characters");
    }
    if (this.#atoms.size >= this.#atomsMax || this.#atomBudget.remaining <= 0) {
      throw new DecodeError(
        `expected at most ${this.#atomsMax} different atoms from one peer, ` +
          `and fewer in all; send strings instead of making atoms from data`,
      );
    }
    const atom = Symbol.for(name);
    this.#atoms.set(name, atom);
    this.#atomBudget.remaining -= 1;
    return atom;
  }
}

/** Slots of a `PidCache`: a power of two. */
const PID_SLOTS = 256;

/** Finds a recent pid of one node without making a key for the table. */
class PidCache {
  readonly #table: PidTable;
  readonly #owner: Incarnation;
  readonly #slots: (Pid | undefined)[] = new Array(PID_SLOTS).fill(undefined);

  constructor(table: PidTable, owner: Incarnation) {
    this.#table = table;
    this.#owner = owner;
  }

  get(parts: unknown): Pid {
    if (!Array.isArray(parts) || parts.length !== 2) {
      throw unlike("a pid", parts);
    }
    const id: unknown = parts[0];
    const serial: unknown = parts[1];
    if (!isU32(id) || !isU32(serial)) throw unlike("a pid", parts);
    const slot = id & (PID_SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && known.id === id && known.serial === serial) {
      return known;
    }
    const { node, creation } = this.#owner;
    return this.#slots[slot] = internPid(
      this.#table,
      node,
      id,
      serial,
      creation,
    );
  }
}

let current: TermReader | null = null;

function reader(): TermReader {
  if (current === null) throw new Error("terms are read by `read` alone");
  return current;
}

function unlike(what: string, found: unknown): DecodeError {
  return new DecodeError(`expected ${what}, got ${printTerm(found)}`);
}

function check(holds: boolean, what: string, found: unknown): asserts holds {
  if (!holds) throw unlike(what, found);
}

function list(what: string, value: unknown, least: number): unknown[] {
  check(Array.isArray(value) && value.length >= least, what, value);
  return value;
}

onTag(tags.record, (value) => {
  const values = list("an object", value, 1);
  const keys = reader().shapes.keys(values[0]);
  check(keys.length === values.length - 1, "as many values as keys", values);
  const object: Record<string, unknown> = {};
  // No key of a list is `__proto__`, so no setter is called.
  for (let i = 0; i < keys.length; i++) object[keys[i]!] = values[i + 1];
  return object;
});

onTag(tags.object, (value) => {
  const parts = list("an object", value, 0);
  check(parts.length % 2 === 0, "keys and values", parts);
  const object: Record<string, unknown> = {};
  for (let i = 0; i < parts.length; i += 2) {
    const key = parts[i];
    check(typeof key === "string", "a key", key);
    if (key !== "__proto__") object[key] = parts[i + 1];
    else {
      Object.defineProperty(object, key, {
        value: parts[i + 1],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
  return object;
});

onTag(tags.writerPid, (value) => reader().peerPids.get(value));
onTag(tags.readerPid, (value) => reader().selfPids.get(value));
onTag(tags.pid, (value) => {
  const [node, id, serial, creation, ...more] = list("a pid", value, 4);
  check(
    typeof node === "string" && isU32(id) && isU32(serial) &&
      isU32(creation) && more.length === 0,
    "a pid",
    value,
  );
  return internPid(reader().pids, node, id, serial, creation);
});

onTag(tags.ref, (value) => {
  const parts = list("a ref", value, 2);
  const first = parts[0];
  if (first === 0) return refOf(reader().peer, parts, 1);
  if (first === 1) {
    // Only refs of this node are in the table of the thread.
    return internRef(reader().pids, refOf(reader().self, parts, 1));
  }
  const creation = parts[1];
  check(typeof first === "string" && isU32(creation), "a ref", value);
  return refOf({ node: first, creation }, parts, 2);
});

function refOf(owner: Incarnation, parts: unknown[], start: number): Ref {
  const words: number[] = [];
  for (let i = start; i < parts.length; i++) {
    const word = parts[i];
    check(isU32(word), "a word of a ref", word);
    words.push(word);
  }
  check(words.length >= 1 && words.length <= 5, "one to five words", words);
  return new Ref(owner.node, owner.creation, words);
}

onTag(tags.atom, (value) => {
  check(typeof value === "string", "the name of an atom", value);
  return reader().atom(value);
});

onTag(tags.part, (value) => {
  const { parts } = reader();
  check(parts !== null, "no part in a frame of several signals", value);
  return parts.take(value);
});

onTag(tags.holes, (value) => {
  const parts = list("an array with holes", value, 1);
  const count = parts[0];
  check(isU32(count) && count < parts.length, "holes", count);
  const items = parts.slice(1 + count);
  for (let i = 1; i <= count; i++) {
    const hole = parts[i];
    check(
      isU32(hole) && hole < items.length && items[hole] === undefined,
      "the index of a hole",
      hole,
    );
    delete items[hole];
  }
  return items;
});

onTag(tags.tuple, (value) => new Tuple(list("a tuple", value, 0)));
onTag(tags.improperList, (value) => {
  const [tail, ...items] = list("a list with a tail", value, 1);
  return new ImproperList(items, tail);
});

onTag(tags.map, (value) => {
  const parts = list("a map", value, 0);
  check(parts.length % 2 === 0, "keys and values", parts);
  const map = new Map<unknown, unknown>();
  for (let i = 0; i < parts.length; i += 2) map.set(parts[i], parts[i + 1]);
  check(map.size * 2 === parts.length, "different keys", parts);
  return map;
});

onTag(tags.set, (value) => {
  const items = list("a set", value, 0);
  const set = new Set(items);
  check(set.size === items.length, "different items", items);
  return set;
});

onTag(tags.date, (value) => {
  check(typeof value === "number", "a time", value);
  return new Date(value);
});

onTag(tags.minusZero, (value) => {
  check(value === 0, "minus zero", value);
  return -0;
});

onTag(tags.float, (value) => {
  check(typeof value === "number", "a float", value);
  return new Float(value);
});

onTag(tags.bigInteger, (value) => {
  check(
    typeof value === "string" && /^-?[1-9a-f][0-9a-f]*$/.test(value) &&
      value.length <= BIG_INTEGER_BITS_MAX / 4 + 1,
    "a large integer",
    value,
  );
  return value.startsWith("-")
    ? -BigInt(`0x${value.slice(1)}`)
    : BigInt(`0x${value}`);
});

/** Units that are passed to `String.fromCharCode` at once. */
const UNITS_AT_ONCE = 4096;

onTag(tags.utf16, (value) => {
  const bytes = bytesOf(value);
  check(bytes.length % 2 === 0, "16-bit units", value);
  let text = "";
  for (let at = 0; at < bytes.length; at += 2 * UNITS_AT_ONCE) {
    const units: number[] = [];
    const end = Math.min(bytes.length, at + 2 * UNITS_AT_ONCE);
    for (let i = at; i < end; i += 2) {
      units.push(bytes[i]! | bytes[i + 1]! << 8);
    }
    text += String.fromCharCode(...units);
  }
  return text;
});

function bytesOf(value: unknown): Uint8Array {
  check(value instanceof Uint8Array, "bytes", value);
  return value;
}

onTag(tags.attachment, (value) => {
  const { attachments } = reader();
  const bytes = isU32(value) ? attachments[value] : undefined;
  check(bytes !== undefined, "the number of an attachment", value);
  return bytes;
});

onTag(tags.binary, (value) => {
  const [kind, found, ...more] = list("a binary", value, 2);
  check(typeof kind === "number" && more.length === 0, "a binary", value);
  const bytes = bytesOf(found);
  if (kind === DATA_VIEW_KIND) {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  if (kind === ARRAY_BUFFER_KIND) {
    const isWhole = bytes.length === bytes.buffer.byteLength;
    return isWhole ? bytes.buffer : bytes.slice().buffer;
  }
  const Class = elementClasses[kind - FIRST_ELEMENT_KIND];
  check(Class !== undefined, "a kind of binary", kind);
  const size = Class.BYTES_PER_ELEMENT;
  check(bytes.length % size === 0, "whole elements", bytes);
  // A typed array must start at a multiple of its element size.
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const buffer = aligned.buffer as ArrayBuffer;
  return new Class(buffer, aligned.byteOffset, aligned.length / size);
});

onTag(tags.error, readError);

onTag(tags.recordClass, (value) => {
  const parts = list("a record", value, 1);
  const known = reader().recordClasses.get(parts[0]);
  check(known !== undefined, "a known class of records", parts[0]);
  const { fields } = known;
  check(fields.length === parts.length - 1, "a value per field", parts);
  const record = Object.create(known.Class.prototype as object);
  fields.forEach((field, i) => {
    Object.defineProperty(record, field, {
      value: parts[i + 1],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  });
  return record;
});

onTag(tags.port, (value) => {
  const [node, id, creation, ...more] = list("a port", value, 3);
  check(
    typeof node === "string" && typeof id === "bigint" && id >= 0n &&
      BigInt.asUintN(64, id) === id && isU32(creation) && more.length === 0,
    "a port",
    value,
  );
  return new Port(node, id, creation);
});

onTag(tags.externalFun, (value) => {
  const [module, name, arity, ...more] = list("a function's name", value, 3);
  check(
    typeof module === "string" && typeof name === "string" && isU32(arity) &&
      arity <= 255 && more.length === 0,
    "module, name and arity",
    value,
  );
  return new ExternalFun(module, name, arity);
});

onTag(tags.closure, (value) => {
  const [module, arity, index, found, oldIndex, oldUniq, pid, free, ...more] =
    list("a fun", value, 8);
  const uniq = bytesOf(found);
  check(
    typeof module === "string" && isU32(arity) && arity <= 255 &&
      isU32(index) && uniq.length === 16 && typeof oldIndex === "number" &&
      typeof oldUniq === "number" && pid instanceof Pid &&
      Array.isArray(free) && more.length === 0,
    "a fun",
    value,
  );
  const head = { module, arity, index, uniq, oldIndex, oldUniq };
  return new Closure({ ...head, pid, free });
});

onTag(tags.bitString, (value) => {
  const [found, lastBits, ...more] = list("a bit string", value, 2);
  const bytes = bytesOf(found);
  check(
    bytes.length > 0 && isU32(lastBits) && lastBits >= 1 && lastBits <= 7 &&
      more.length === 0,
    "bits",
    value,
  );
  return new BitString(bytes, lastBits);
});
