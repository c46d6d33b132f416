/**
 * Prepares instances of the classes that are terms, and refuses those of all other
 * classes.
 *
 * For each function here, `terms.ts` has the one that reads its result.
 */

import {
  BitString,
  Closure,
  exportRef,
  ExternalFun,
  Float,
  ImproperList,
  Port,
  Ref,
  refKey,
  Tuple,
} from "../../core/terms/terms.ts";
import { Tagged } from "./engine.ts";
import { prepareError } from "./error_term.ts";
import type { PrepareTerm, TermWriterServices } from "./services.ts";
import {
  ARRAY_BUFFER_KIND,
  DATA_VIEW_KIND,
  elementClasses,
  FIRST_ELEMENT_KIND,
  type RecordClass,
  tags,
} from "./tags.ts";
import { adviceFor, fieldProblem } from "../shared/advice.ts";
import { isOf } from "../shared/incarnation.ts";
import { isU32 } from "../shared/numbers.ts";

/** The classes that are terms, by their prototypes. */
export function specialTerms(
  recordClasses: readonly RecordClass[],
): ReadonlyMap<object | null, PrepareTerm> {
  const terms = new Map<object | null, PrepareTerm>();
  const add = <T extends object>(
    prototype: T | null,
    prepare: (writer: TermWriterServices, value: T) => unknown,
  ) => terms.set(prototype, prepare as PrepareTerm);

  add<Record<string, unknown>>(null, (writer, value) => writer.record(value));
  add<readonly unknown[]>(Array.prototype, array);
  add(Ref.prototype, ref);
  add(Tuple.prototype, tuple);
  add(Uint8Array.prototype, (writer, value) => writer.bytes(value));
  add<ReadonlyMap<unknown, unknown>>(Map.prototype, map);
  add<ReadonlySet<unknown>>(Set.prototype, set);
  add(Date.prototype, (writer, value) => {
    refuseFields(writer, value);
    writer.grow(9);
    return new Tagged(tags.date, value.getTime());
  });
  add<ArrayBuffer>(ArrayBuffer.prototype, binary(ARRAY_BUFFER_KIND));
  add<ArrayBufferView>(DataView.prototype, binary(DATA_VIEW_KIND));
  elementClasses.forEach((Class, i) => {
    add(Class.prototype, binary(FIRST_ELEMENT_KIND + i));
  });
  add(ImproperList.prototype, improperList);
  add(Float.prototype, (writer, value) => {
    writer.at("value");
    expect(writer, typeof value.value === "number", "a number");
    return new Tagged(tags.float, writer.term(value.value));
  });
  add(Port.prototype, port);
  add(ExternalFun.prototype, externalFun);
  add(BitString.prototype, bitString);
  add(Closure.prototype, closure);
  for (const known of recordClasses) {
    terms.set(known.Class.prototype as object, recordClass(known));
  }
  return terms;
}

/** The terms that are not found by prototype: errors and `Buffer`. */
export function otherTerm(value: object): PrepareTerm | undefined {
  if (value instanceof Error) return prepareError as PrepareTerm;
  // The APIs of Node.js return a Buffer where others return a Uint8Array.
  if (value instanceof Uint8Array && value.constructor?.name === "Buffer") {
    return buffer as PrepareTerm;
  }
  return undefined;
}

/** Why an instance of another class cannot be sent. */
export function refusalOf(value: object): string {
  const name: unknown = value.constructor?.name;
  const advice = adviceFor(value) ?? "send a plain object";
  return `an instance of ${
    typeof name === "string" && name !== "" ? name : "an unnamed class"
  } cannot leave its node; ${advice}`;
}

function expect(writer: TermWriterServices, is: boolean, what: string): void {
  if (!is) writer.refuse(`expected ${what}`);
}

function array(writer: TermWriterServices, value: readonly unknown[]): unknown {
  if (!Array.isArray(value)) return writer.refuse(refusalOf(value));
  // The length is read once, because a proxy may change it.
  const count = value.length;
  writer.grow(count + 1);
  const prepared = new Array<unknown>(count);
  for (let i = 0; i < count; i++) {
    writer.at(i);
    const item = value[i];
    if (item === undefined && !Object.hasOwn(value, i)) {
      return withHoles(writer, value, prepared, i);
    }
    prepared[i] = writer.term(item);
  }
  return prepared;
}

/** An array with a hole at `start`; the items before it are prepared. */
function withHoles(
  writer: TermWriterServices,
  value: readonly unknown[],
  prepared: unknown[],
  start: number,
): unknown {
  const holes: number[] = [];
  for (let i = start; i < prepared.length; i++) {
    writer.at(i);
    const item = i === start ? undefined : value[i];
    if (item !== undefined || Object.hasOwn(value, i)) {
      prepared[i] = writer.term(item);
      continue;
    }
    writer.grow(1);
    holes.push(i);
    prepared[i] = undefined;
  }
  return new Tagged(tags.holes, [holes.length].concat(holes, prepared as []));
}

function tuple(writer: TermWriterServices, value: Tuple): unknown {
  expect(writer, Array.isArray(value.items), "a tuple of an array");
  return new Tagged(tags.tuple, writer.items(value.items, []));
}

function improperList(
  writer: TermWriterServices,
  value: ImproperList,
): unknown {
  expect(writer, Array.isArray(value.items), "a list of an array");
  writer.at("tail");
  const tail = writer.term(value.tail);
  return new Tagged(tags.improperList, writer.items(value.items, [tail]));
}

function ref(writer: TermWriterServices, value: Ref): unknown {
  const { words } = value;
  expect(
    writer,
    words.length >= 1 && words.length <= 5 && isU32(value.creation),
    "a ref that a node made",
  );
  writer.grow(2 + words.length);
  const prepared: unknown[] = [];
  if (isOf(value, writer.self)) {
    exportRef(writer.pids, value);
    prepared.push(0);
  } else if (isOf(value, writer.peer)) prepared.push(1);
  else prepared.push(writer.text(value.node), value.creation);
  for (const word of words) {
    expect(writer, isU32(word), "a ref that a node made");
    prepared.push(word);
  }
  return new Tagged(tags.ref, prepared);
}

function refuseFields(writer: TermWriterServices, value: object): void {
  const problem = fieldProblem(value);
  if (problem !== null) writer.refuse(problem);
}

function map(
  writer: TermWriterServices,
  value: ReadonlyMap<unknown, unknown>,
): unknown {
  refuseFields(writer, value);
  const prepared: unknown[] = [];
  const refs = new Set<string>();
  Map.prototype.forEach.call(value, (item: unknown, key: unknown) => {
    writer.at(prepared.length);
    refuseEqualRefs(writer, refs, key);
    prepared.push(writer.term(key));
    writer.at(prepared.length);
    prepared.push(writer.term(item));
  });
  return new Tagged(tags.map, prepared);
}

function set(writer: TermWriterServices, value: ReadonlySet<unknown>): unknown {
  refuseFields(writer, value);
  const prepared: unknown[] = [];
  const refs = new Set<string>();
  Set.prototype.forEach.call(value, (item: unknown) => {
    writer.at(prepared.length);
    refuseEqualRefs(writer, refs, item);
    prepared.push(writer.term(item));
  });
  return new Tagged(tags.set, prepared);
}

/** At their own node, two equal refs can be one object, so they are refused. */
function refuseEqualRefs(
  writer: TermWriterServices,
  refs: Set<string>,
  key: unknown,
): void {
  if (!(key instanceof Ref)) return;
  const text = refKey(key);
  expect(writer, !refs.has(text), "keys that are different refs");
  refs.add(text);
}

function buffer(writer: TermWriterServices, value: Uint8Array): unknown {
  return writer.bytes(viewOf(value));
}

function viewOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Elements are sent as they are in memory, which has to be little-endian. */
function binary(
  kind: number,
): (
  writer: TermWriterServices,
  value: ArrayBuffer | ArrayBufferView,
) => unknown {
  return (writer, value) => {
    const hasOrder = kind >= FIRST_ELEMENT_KIND;
    expect(writer, IS_LITTLE_ENDIAN || !hasOrder, "a little-endian machine");
    // The keys of a typed array include all its indexes: too many to look at.
    if (!hasOrder) refuseFields(writer, value);
    if (value instanceof ArrayBuffer && value.resizable) {
      writer.refuse(
        "its size may change, and the copy's could not; slice() it",
      );
    }
    return new Tagged(tags.binary, [kind, writer.bytes(viewOf(value))]);
  };
}

function port(writer: TermWriterServices, value: Port): unknown {
  const { node, id, creation } = value;
  expect(
    writer,
    typeof node === "string" && isU32(creation) && typeof id === "bigint" &&
      id >= 0n && BigInt.asUintN(64, id) === id,
    "a port that a node made",
  );
  return new Tagged(tags.port, [writer.text(node), writer.term(id), creation]);
}

function externalFun(writer: TermWriterServices, value: ExternalFun): unknown {
  const { module, name, arity } = value;
  expect(
    writer,
    typeof module === "string" && typeof name === "string" &&
      isU32(arity) && arity <= 255,
    "module:name/arity",
  );
  const parts = [writer.text(module), writer.text(name), arity];
  return new Tagged(tags.externalFun, parts);
}

function bitString(writer: TermWriterServices, value: BitString): unknown {
  const { bytes, lastBits } = value;
  expect(
    writer,
    bytes instanceof Uint8Array && bytes.length > 0 && isU32(lastBits) &&
      lastBits >= 1 && lastBits <= 7,
    "bytes and 1 to 7 bits of the last one",
  );
  return new Tagged(tags.bitString, [writer.bytes(viewOf(bytes)), lastBits]);
}

/** Only codecs make closures, so the fields need no check. */
function closure(writer: TermWriterServices, value: Closure): unknown {
  const { module, arity, index, uniq, oldIndex, oldUniq, pid, free } = value;
  const head = [writer.text(module), arity, index, writer.bytes(uniq)];
  writer.at("pid");
  const tail = [oldIndex, oldUniq, writer.term(pid)];
  writer.at("free");
  return new Tagged(tags.closure, [...head, ...tail, writer.term(free)]);
}

function recordClass(known: RecordClass): PrepareTerm {
  return (writer, value) => {
    const fields = value as Readonly<Record<string, unknown>>;
    const prepared: unknown[] = [known.tag];
    writer.grow(2);
    for (const field of known.fields) {
      writer.at(field);
      prepared.push(writer.term(fields[field]));
    }
    return new Tagged(tags.recordClass, prepared);
  };
}
