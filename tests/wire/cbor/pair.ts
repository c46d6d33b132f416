/**
 * Two codecs that face each other, and for the tests of the codec: random terms
 * of every kind, and their comparison.
 */
import fc from "fast-check";
import { ByteQueue } from "../../../runtime/wire/shared/byte_queue.ts";
import {
  CborCodec,
  type CborCodecOptions,
} from "../../../runtime/wire/cbor/cbor.ts";
import type { SignalSink } from "../../../runtime/wire/shared/codec.ts";
import { FrameParser } from "../../../runtime/wire/framing/frames.ts";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import {
  BitString,
  Closure,
  exportPid,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  type PidTable,
  Port,
  Ref,
  Tuple,
} from "../../../runtime/core/terms/terms.ts";
import { share } from "../../helpers/share.ts";

export const alpha = { node: "alpha@127.0.0.1", creation: 0x11223344 };
export const beta = { node: "beta@127.0.0.1", creation: 5 };

export function strongTable(): PidTable {
  const known = new Map<string, object>();
  return {
    find: (key) => known.get(key),
    add: (key, value) => void known.set(key, value),
  };
}

/** A message or signal that a sink has received. */
export type Delivered =
  | { readonly id: number; readonly serial: number; readonly message: unknown }
  | Signal;

export function collector(): SignalSink & { readonly delivered: Delivered[] } {
  const delivered: Delivered[] = [];
  return {
    delivered,
    message: (id, serial, message) => delivered.push({ id, serial, message }),
    signal: (signal) => delivered.push(signal),
  };
}

/** The payloads of the frames that a queue holds. */
export function framesOf(queue: ByteQueue): Uint8Array[] {
  const parser = new FrameParser({ headerBytes: 4, maxFrameBytes: 2 ** 30 });
  const frames: Uint8Array[] = [];
  for (const chunk of queue.take()) {
    parser.push(chunk);
    for (let next = parser.next(); next !== null; next = parser.next()) {
      frames.push(next);
    }
  }
  return frames;
}

export type PairOptions =
  & Pick<CborCodecOptions, "recordClasses" | "limits" | "atomBudget">
  & { readonly queue?: ByteQueue };

/** A connection from alpha to beta and back, without a network. */
export class Pair {
  readonly alphaPids: PidTable = strongTable();
  readonly betaPids: PidTable = strongTable();
  readonly alpha: CborCodec;
  readonly beta: CborCodec;
  readonly queue: ByteQueue;
  readonly from: Pid = new Pid(
    alpha.node,
    90,
    0,
    alpha.creation,
    null,
  );
  readonly to: Pid = new Pid(beta.node, 17, 3, beta.creation, null);

  constructor(options: PairOptions = {}) {
    const { queue, ...shared } = options;
    this.queue = queue ?? new ByteQueue();
    exportPid(this.alphaPids, this.from);
    exportPid(this.betaPids, this.to);
    this.alpha = new CborCodec({
      pids: this.alphaPids,
      self: alpha,
      peer: beta,
      ...shared,
    });
    this.beta = new CborCodec({
      pids: this.betaPids,
      self: beta,
      peer: alpha,
      ...shared,
    });
  }

  send(message: unknown): void {
    this.alpha.encodeSend(this.from, this.to, message, this.queue);
  }

  /** All that beta receives of the bytes that alpha has encoded. */
  receive(): Delivered[] {
    const sink = collector();
    for (const frame of framesOf(this.queue)) this.beta.decode(frame, sink);
    return sink.delivered;
  }

  /** Sends one message and returns it as it arrives. */
  pass(message: unknown): unknown {
    this.send(message);
    const delivered = this.receive();
    if (delivered.length !== 1 || !("message" in delivered[0]!)) {
      throw new Error(`expected one message, got ${delivered.length}`);
    }
    return delivered[0].message;
  }

  /** Sends one signal and returns it as it arrives; undefined if dropped. */
  passSignal(signal: Signal): Delivered | undefined {
    this.alpha.encode(signal, this.queue);
    return this.receive()[0];
  }
}

/**
 * Runs a property `runs` times on Node.js, and fewer times on other runtimes. A
 * failure names its seed and how to run it again.
 */
export function checkProperty<T>(
  property: fc.IRawProperty<T>,
  runs: number,
): void {
  const given = process.env["HORNBEAM_SEED"];
  const parameters = given === undefined
    ? { numRuns: share(runs) }
    : { numRuns: runs, seed: Number(given) };
  const details = fc.check(property, parameters) as fc.RunDetails<T>;
  if (!details.failed) return;
  throw new Error(
    `${fc.defaultReportMessage(details)}\n` +
      `Run again with HORNBEAM_SEED=${details.seed}`,
    { cause: details.errorInstance },
  );
}

/**
 * The first difference of two terms, as text; null when they are equal in all
 * that is sent: classes, order of keys, signs of zeros.
 */
export function difference(a: unknown, b: unknown, path = "it"): string | null {
  if (typeof a !== "object" || a === null) {
    return Object.is(a, b) ? null : `${path}: ${String(a)} is ${String(b)}`;
  }
  if (typeof b !== "object" || b === null) return `${path}: no object`;
  const prototype = Object.getPrototypeOf(a) ?? Object.prototype;
  if (prototype !== Object.getPrototypeOf(b)) return `${path}: other class`;
  if (a instanceof Pid) return a === b ? null : `${path}: another pid`;
  if (a instanceof Ref) return a.equals(b) ? null : `${path}: another ref`;
  if (a instanceof Date) {
    return difference(a.getTime(), (b as Date).getTime(), path);
  }
  const left = partsOf(a);
  const right = partsOf(b);
  if (left.length !== right.length) {
    return `${path}: ${left.length} parts are ${right.length}`;
  }
  for (let i = 0; i < left.length; i++) {
    const found = difference(left[i], right[i], `${path}/${i}`);
    if (found !== null) return found;
  }
  return null;
}

function partsOf(term: object): unknown[] {
  if (Array.isArray(term)) return Array.from(term);
  if (term instanceof Map) return [...term].flat();
  if (term instanceof Set) return [...term];
  if (term instanceof ArrayBuffer) return [...new Uint8Array(term)];
  if (ArrayBuffer.isView(term)) {
    const { buffer, byteOffset, byteLength } = term;
    return [...new Uint8Array(buffer, byteOffset, byteLength)];
  }
  if (term instanceof Error) {
    const { name, message, stack, cause } = term;
    const errors = term instanceof AggregateError ? term.errors : [];
    const code = "code" in term ? term.code : undefined;
    return [name, message, stack, "cause" in term, cause, code, errors];
  }
  if (term instanceof Closure) {
    // Its pid is of a node that is neither of the two.
    const { pid, ...others } = term;
    return [pid.node, ...Object.entries({ ...pid, ...others }).flat()];
  }
  return Object.entries(term).flat();
}

const u32 = fc.nat({ max: 0xffffffff });

/**
 * Any code point. The unit "binary" of fast-check takes seconds to set up.
 */
export const codePoint: fc.Arbitrary<string> = fc.nat({ max: 0x10f7ff })
  .map((n) => String.fromCodePoint(n < 0xd800 ? n : n + 0x800));

/** A text with characters that encoders often get wrong. */
const text = fc.oneof(
  fc.string({ unit: codePoint, maxLength: 80 }),
  fc.string({ unit: "grapheme", maxLength: 80 }),
  fc.string({ maxLength: 300 }),
  fc.array(fc.nat({ max: 0xffff }), { maxLength: 80 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("", "\ufeff", "\ufeff".padEnd(90, "x"), "\ud800", "\0"),
);

const keyText = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "__keys__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "toJSON",
    "length",
    "0",
    "17",
    "",
    "type",
    "from",
  ),
  text,
);

const integer = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    ...[23, 24, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53]
      .flatMap((n) => [n, -n, -n - 1]),
  ),
);

const bigInteger = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 64n, 2n ** 64n - 1n, -(2n ** 64n)),
  fc.nat({ max: 5000 }).map((bits) => 1n << BigInt(bits)),
);

const bytes = fc.uint8Array({ maxLength: 70 });

/** Of a larger buffer, so that offsets matter. */
const binary = fc.tuple(
  fc.nat({ max: 9 }),
  fc.uint8Array({ maxLength: 10 }),
).map(([kind, units]): unknown => {
  const buffer = new ArrayBuffer(16 + 8 * units.length);
  new Uint8Array(buffer, 8).set(units);
  const count = units.length;
  switch (kind) {
    case 0:
      return buffer;
    case 1:
      return new DataView(buffer, 3, count);
    case 2:
      return new Float64Array(buffer, 8, count);
    case 3:
      return new Float32Array(buffer, 4, count);
    case 4:
      return new Uint8ClampedArray(buffer, 1, count);
    case 5:
      return new BigInt64Array(buffer, 8, count);
    case 6:
      return new Int16Array(buffer, 2, count);
    case 7:
      return new Uint32Array(buffer, 4, count);
    case 8:
      return new Float16Array(buffer, 2, count);
    default:
      return new Uint8Array(buffer, 5, count);
  }
});

const leaf = fc.oneof(
  fc.constantFrom(undefined, null, true, false, NaN, -0, Infinity, -Infinity),
  integer,
  fc.double(),
  bigInteger,
  text,
  bytes,
  binary,
  fc.date({ noInvalidDate: false }),
  fc.string({ maxLength: 255 }).map((name) => Symbol.for(name)),
  fc.double().map((value) => new Float(value)),
  fc.tuple(bytes, fc.integer({ min: 1, max: 7 }))
    .filter(([found]) => found.length > 0)
    .map(([found, bits]) => new BitString(found, bits)),
  fc.tuple(text, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), u32)
    .map(([node, id, creation]) => new Port(node, id, creation)),
  fc.tuple(text, text, fc.nat({ max: 255 }))
    .map(([module, name, arity]) => new ExternalFun(module, name, arity)),
);

const words = fc.array(u32, { minLength: 1, maxLength: 5 });

/** Refs of every kind of node; as keys of maps they would have to differ. */
const ref = fc.oneof(
  words.map((found) => new Ref(alpha.node, alpha.creation, found)),
  words.map((found) => new Ref(beta.node, beta.creation, found)),
  fc.tuple(text, u32, words)
    .map(([node, creation, found]) => new Ref(node, creation, found)),
);

const errorClasses = [Error, TypeError, RangeError, SyntaxError, URIError];

function makeError(
  kind: number,
  message: string,
  name: string | undefined,
  cause: unknown,
): Error {
  const options = cause === undefined ? {} : { cause };
  const error = kind === errorClasses.length
    ? new AggregateError([cause, message], message, options)
    : new errorClasses[kind]!(message, options);
  if (name !== undefined) {
    Object.defineProperty(error, "name", { value: name });
    Object.assign(error, { code: message });
  }
  return error;
}

function makeFun(
  module: string,
  index: number,
  uniq: Uint8Array,
  free: readonly unknown[],
): Closure {
  const pid = new Pid("third@127.0.0.1", 7, 1, 9, null);
  const old = { oldIndex: index, oldUniq: 1 - index };
  return new Closure({ module, arity: 2, index, uniq, ...old, pid, free });
}

/** Terms of every kind, nested. */
export const term: fc.Arbitrary<unknown> = fc.letrec<{ term: unknown }>(
  (tie) => {
    const items = fc.array(tie("term"), { maxLength: 5 });
    const keys = fc.oneof(text, integer, bigInteger, bytes, items);
    return {
      term: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        ref,
        items,
        fc.array(fc.tuple(keyText, tie("term")), { maxLength: 6 })
          .map((entries) => Object.fromEntries(entries)),
        items.map((found) => new Tuple(found)),
        fc.tuple(items, leaf)
          .map(([found, tail]) => new ImproperList(found, tail)),
        fc.array(fc.tuple(keys, tie("term")), { maxLength: 5 })
          .map((entries) => new Map(entries)),
        fc.array(keys, { maxLength: 5 }).map((found) => new Set(found)),
        fc.tuple(
          fc.nat({ max: errorClasses.length }),
          text,
          fc.option(text, { nil: undefined }),
          tie("term"),
        ).map((parts) => makeError(...parts)),
        fc.tuple(
          text,
          u32,
          fc.uint8Array({ minLength: 16, maxLength: 16 }),
          items,
        )
          .map(([module, index, uniq, free]) =>
            makeFun(module, index, uniq, free)
          ),
      ),
    };
  },
).term;
