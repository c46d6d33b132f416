/**
 * Writes instances of the less frequent classes, and refuses those of all other
 * classes. The table of all terms is at the head of `writer/writer.ts`.
 */

import { maskLast } from "../../../core/terms/kinds.ts";
import {
  BitString,
  Closure,
  exportRef,
  ExternalFun,
  Float,
  ImproperList,
  Port,
  Ref,
  Tuple,
} from "../../../core/terms/terms.ts";
import {
  adviceFor as sharedAdviceFor,
  fieldProblem,
} from "../../shared/advice.ts";
import { isOf } from "../../shared/incarnation.ts";
import { isU32 } from "../../shared/numbers.ts";
import { writeFloat, writeNumber } from "../numbers.ts";
import { REFERENCE_WORDS_MAX, tags, V4_PORT_MIN } from "../tags.ts";
import { type EtfWriterServices, trailers } from "./services.ts";

/** Writes an instance; `writer` writes what it holds. */
type WriteTerm = (writer: EtfWriterServices, value: object) => void;

const special: ReadonlyMap<object, WriteTerm> = specialTerms();

function specialTerms(): ReadonlyMap<object, WriteTerm> {
  const terms = new Map<object, WriteTerm>();
  const add = <T extends object>(
    prototype: T,
    write: (writer: EtfWriterServices, value: T) => void,
  ) => terms.set(prototype, write as WriteTerm);
  add(Ref.prototype, ref);
  add(ImproperList.prototype, improperList);
  add(Float.prototype, float);
  add(BitString.prototype, bitString);
  add(Port.prototype, port);
  add(ExternalFun.prototype, externalFun);
  add(Closure.prototype, closure);
  add<ReadonlySet<unknown>>(Set.prototype, set);
  add<ArrayBuffer>(ArrayBuffer.prototype, (writer, value) => {
    refuseFields(writer, value);
    writer.bytes(new Uint8Array(value));
  });
  add<ArrayBufferView>(DataView.prototype, (writer, value) => {
    refuseFields(writer, value);
    view(writer, value);
  });
  add<ArrayBufferView>(Uint8Array.prototype, view);
  return terms;
}

/** Writes an instance with that prototype, or throws a `Refusal`. */
export function writeSpecial(
  writer: EtfWriterServices,
  value: object,
  prototype: object,
): void {
  const write = special.get(prototype);
  if (write !== undefined) return write(writer, value);
  const counterpart = writer.counterparts.get(prototype);
  if (counterpart !== undefined) return writer.value(counterpart(value));
  if (value instanceof Error) return error(writer, value);
  // The APIs of Node.js return a Buffer where others return a Uint8Array.
  if (value instanceof Uint8Array && value.constructor?.name === "Buffer") {
    return view(writer, value);
  }
  writer.refuse(refusalOf(value));
}

/** Why an instance of some other class cannot be sent. */
function refusalOf(value: object): string {
  const name: unknown = value.constructor?.name;
  const shown = typeof name === "string" && name !== ""
    ? name
    : "an unnamed class";
  return `an instance of ${shown} is no term; ${adviceFor(value)}`;
}

function adviceFor(value: object): string {
  if (value instanceof Date) {
    return "send getTime(), milliseconds since 1970, or toISOString()";
  }
  if (ArrayBuffer.isView(value)) {
    return "send Array.from(it) for its numbers or its buffer for its bytes";
  }
  return sharedAdviceFor(value) ?? "send a plain object, a tuple or an array";
}

function expect(writer: EtfWriterServices, is: boolean, what: string): void {
  if (!is) writer.refuse(`expected ${what}`);
}

function refuseFields(writer: EtfWriterServices, value: object): void {
  const problem = fieldProblem(value);
  if (problem !== null) writer.refuse(problem);
}

function view(writer: EtfWriterServices, value: ArrayBufferView): void {
  const { buffer, byteOffset, byteLength } = value;
  writer.bytes(new Uint8Array(buffer, byteOffset, byteLength));
}

function float(writer: EtfWriterServices, { value }: Float): void {
  const isWritten = typeof value === "number" && writeFloat(value, writer.out);
  expect(writer, isWritten, `a float that the BEAM has, got ${value}`);
}

function improperList(writer: EtfWriterServices, value: ImproperList): void {
  const { items, tail } = value;
  expect(writer, Array.isArray(items), "a list of an array");
  const count = items.length;
  if (count === 0) return writer.value(tail);
  writer.listHead(count);
  writer.items(value, [...items, tail], count + 1, trailers.nothing);
}

/** Writes the map that `sets:from_list(Items, [{version, 2}])` returns. */
function set(writer: EtfWriterServices, value: ReadonlySet<unknown>): void {
  refuseFields(writer, value);
  writer.entries(value, Array.from(value), () => []);
}

/**
 * The cause and other properties of an error are not sent. Its texts may be any
 * values, and an exit reason must not be refused because of them.
 */
function error(writer: EtfWriterServices, value: Error): void {
  const text = (field: unknown) =>
    typeof field === "string" ? field.toWellFormed() : "";
  writer.value(
    new Tuple([
      Symbol.for("js_error"),
      text(value.name),
      text(value.message),
      text(value.stack),
    ]),
  );
}

function ref(writer: EtfWriterServices, value: Ref): void {
  const { node, creation, words } = value;
  expect(
    writer,
    words.length <= REFERENCE_WORDS_MAX && words.every(isU32) &&
      isU32(creation),
    "a ref that a node made",
  );
  // So that a ref that comes back is this very object.
  if (writer.self === null || isOf(value, writer.self)) {
    exportRef(writer.pids, value);
  }
  const { out } = writer;
  out.writeByte(tags.newerReference);
  out.writeByte(0);
  out.writeByte(words.length);
  writer.name(node);
  out.writeU32(creation);
  for (const word of words) out.writeU32(word);
}

function port(writer: EtfWriterServices, value: Port): void {
  const { node, creation, id } = value;
  expect(
    writer,
    isU32(creation) && typeof id === "bigint" && id >= 0n &&
      BigInt.asUintN(64, id) === id,
    "a port that a node made",
  );
  const { out } = writer;
  const isNew = id >= V4_PORT_MIN;
  out.writeByte(isNew ? tags.v4Port : tags.newPort);
  writer.name(node);
  if (isNew) out.writeU32(Number(id >> 32n));
  out.writeU32(Number(BigInt.asUintN(32, id)));
  out.writeU32(creation);
}

function externalFun(writer: EtfWriterServices, value: ExternalFun): void {
  const { module, name, arity } = value;
  const isArity = typeof arity === "number" && arity >= 0 &&
    (arity | 0) === arity;
  expect(writer, isArity, "a number of arguments");
  writer.out.writeByte(tags.export);
  writer.name(module);
  writer.name(name);
  writeNumber(arity, writer.out);
}

function closure(writer: EtfWriterServices, value: Closure): void {
  const { arity, index, uniq, oldIndex, oldUniq, free } = value;
  expect(
    writer,
    isU32(arity) && arity <= 0xff && isU32(index) &&
      uniq instanceof Uint8Array && uniq.length === 16 &&
      Number.isSafeInteger(oldIndex) && Number.isSafeInteger(oldUniq) &&
      Array.isArray(free),
    "a closure that came from a BEAM node",
  );
  const { out } = writer;
  out.writeByte(tags.newFun);
  const mark = out.mark();
  out.writeU32(0);
  out.writeByte(arity);
  out.writeBytes(uniq);
  out.writeU32(index);
  const count = free.length;
  out.writeU32(count);
  writer.name(value.module);
  writeNumber(oldIndex, out);
  writeNumber(oldUniq, out);
  writer.pid(value.pid);
  writer.items(value, free, count, trailers.size, mark);
}

function bitString(writer: EtfWriterServices, value: BitString): void {
  const { bytes, lastBits } = value;
  expect(
    writer,
    bytes instanceof Uint8Array && bytes.length > 0 && isU32(lastBits) &&
      lastBits >= 1 && lastBits <= 7,
    "bytes and 1 to 7 bits of the last one",
  );
  const { out } = writer;
  out.writeByte(tags.bitBinary);
  out.writeU32(bytes.length);
  out.writeByte(lastBits);
  out.writeBytes(bytes);
  const last = out.position - 1;
  out.buffer[last] = maskLast(out.buffer[last]!, lastBits);
}
