/**
 * The kinds of values that `docs/terms.md` has a row for: what the row shows, and
 * a function that makes such a value.
 */
import { Buffer } from "node:buffer";
import vm from "node:vm";
import {
  atom,
  BitString,
  ExternalFun,
  float,
  ImproperList,
  type Pid,
  type Ref,
  tuple,
} from "../../runtime/mod.ts";

/** What the values are made of that only a running node has. */
export type Makings = { readonly pid: Pid<unknown>; readonly ref: Ref };

export type Kind = {
  /** Text of the first column, with code in backquotes. */
  readonly row: string;
  readonly make: (makings: Makings) => unknown;
};

class Account {
  balance = 1;
}
class QuotaError extends RangeError {
  override name = "QuotaError";
}

/** The error with fields, and with a stack that is the same everywhere. */
function failure<E extends Error>(error: E, fields: object = {}): E {
  for (const [key, value] of Object.entries(fields)) {
    Object.defineProperty(error, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  Object.defineProperty(error, "stack", { value: "stack", enumerable: false });
  return error;
}

function withField<T extends object>(value: T, key: PropertyKey = "tag"): T {
  return Object.defineProperty(value, key, { value: 1, enumerable: true });
}

export function nestedArrays(depth: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(4);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function kind(row: string, make: Kind["make"]): Kind {
  return { row, make };
}

const primitives: readonly Kind[] = [
  kind("`1`", () => 1),
  kind("`0.1`", () => 0.1),
  kind("`-0`", () => -0),
  kind("`2 ** 53`, not a safe integer", () => 2 ** 53),
  kind("`NaN`", () => NaN),
  kind("`Infinity`", () => Infinity),
  kind("`1n`", () => 1n),
  kind("`2n ** 64n`", () => 2n ** 64n),
  kind('`"é"`', () => "é"),
  kind('`"\\ud800"`, a lone surrogate', () => "\ud800"),
  kind("`true`", () => true),
  kind("`null`", () => null),
  kind("`undefined`", () => undefined),
  kind('`Symbol.for("ok")`, an atom', () => Symbol.for("ok")),
  kind('`Symbol("x")`', () => Symbol("x")),
  kind("`Symbol.iterator`", () => Symbol.iterator),
  kind("`() => 1`", () => () => 1),
];

const objects: readonly Kind[] = [
  kind("`{ a: 1 }`", () => ({ a: 1 })),
  kind("`{ a: undefined }`", () => ({ a: undefined })),
  kind("own key `__proto__`", () => JSON.parse('{"__proto__":1}')),
  kind("object without prototype", () =>
    Object.assign(Object.create(null), {
      a: 1,
    })),
  kind("`{ get a() { return 1 } }`", () => ({
    get a() {
      return 1;
    },
  })),
  kind(
    "field that is not enumerable",
    () => Object.defineProperty({ a: 1 }, "b", { value: 2 }),
  ),
  kind("`{ [Symbol()]: 1 }`", () => ({ [Symbol("s")]: 1 })),
  kind("frozen object", () => Object.freeze({ a: 1 })),
  kind("`new Proxy({ a: 1 }, {})`", () => new Proxy({ a: 1 }, {})),
  kind("instance of an own class", () => new Account()),
  kind("`new Number(1)`, a boxed primitive", () => new Number(1)),
  kind('`new URL("http://a")`', () => new URL("http://a")),
  kind("the same object twice, `[o, o]`", () => {
    const shared = { a: 1 };
    return [shared, shared];
  }),
  kind("object that holds itself", () => {
    const self: Record<string, unknown> = {};
    self["self"] = self;
    return self;
  }),
  kind("object of a `vm` context", () => vm.runInNewContext("({ a: 1 })")),
  kind("array of a `vm` context", () => vm.runInNewContext("[1]")),
  kind("error of a `vm` context", () => vm.runInNewContext("new Error('x')")),
];

const collections: readonly Kind[] = [
  kind('`[1, "a"]`', () => [1, "a"]),
  kind("array with holes, `[1, , undefined]`", () => {
    const holes: unknown[] = [1, 2, undefined];
    delete holes[1];
    return holes;
  }),
  kind("array with a field", () => withField([1])),
  kind("array with a symbol as key", () => withField([1], Symbol("s"))),
  kind("subclass of `Array`", () => new (class List extends Array {})()),
  kind("`new Map([[1, 2]])`", () => new Map([[1, 2]])),
  kind("`Map` with atoms as keys", () => new Map([[atom("a"), 1]])),
  kind("`Map` with a field", () => withField(new Map([[1, 2]]))),
  kind("`new Set([1])`", () => new Set([1])),
  kind("`Set` with a field", () => withField(new Set([1]))),
  kind("`new Date(0)`", () => new Date(0)),
  kind("`new Date(NaN)`", () => new Date(NaN)),
  kind("`Date` with a field", () => withField(new Date(0))),
  kind("`/x/g`", () => /x/g),
  kind("`new WeakMap()`", () => new WeakMap()),
  kind("`new WeakRef({})`", () => new WeakRef({})),
  kind("`Promise.resolve(1)`", () => Promise.resolve(1)),
  kind("`[].values()`, an iterator", () => [].values()),
  kind("512 arrays inside each other", () => nestedArrays(512)),
  kind("99,000 arrays inside each other", () => nestedArrays(99_000)),
  kind("101,000 arrays inside each other", () => nestedArrays(101_000)),
];

const binaries: readonly Kind[] = [
  kind("`new Uint8Array([255])`", () => new Uint8Array([255])),
  kind("`new Uint8Array([65])`, UTF-8", () => new Uint8Array([65])),
  kind(
    "`Uint8Array` that is part of a buffer",
    () => new Uint8Array([1, 255, 3]).subarray(1, 2),
  ),
  kind(
    "`Uint8Array` of a resizable buffer",
    () => new Uint8Array(new ArrayBuffer(1, { maxByteLength: 2 })),
  ),
  kind(
    "`Uint8Array` of a `SharedArrayBuffer`",
    () => new Uint8Array(new SharedArrayBuffer(1)),
  ),
  kind("`Uint8Array` of a detached buffer", detached),
  kind("`Uint8Array` with a field", () => withField(new Uint8Array([255]))),
  kind("`Buffer.of(255)`", () => Buffer.from(Uint8Array.of(255).buffer)),
  kind("`new Float64Array([-0])`", () => new Float64Array([-0])),
  kind("`new DataView(buffer)`", () => new DataView(new ArrayBuffer(1))),
  kind("`new ArrayBuffer(1)`", () => new ArrayBuffer(1)),
  kind("`ArrayBuffer` with a field", () => withField(new ArrayBuffer(1))),
  kind(
    "resizable `ArrayBuffer`",
    () => new ArrayBuffer(1, { maxByteLength: 2 }),
  ),
  kind("`SharedArrayBuffer`", () => new SharedArrayBuffer(1)),
];

const errors: readonly Kind[] = [
  kind('`new TypeError("x")`', () => failure(new TypeError("x"))),
  kind("error of an own class", () => failure(new QuotaError("x"))),
  kind(
    "error with fields",
    () => failure(new Error("x"), { code: "E", status: 404, at: new Date(0) }),
  ),
  kind(
    "error with a cause of an own class",
    () => failure(new Error("x", { cause: failure(new QuotaError("y")) })),
  ),
  kind("error that is its own cause", () => {
    const error = failure(new Error("x"));
    error.cause = error;
    return error;
  }),
  kind(
    "error with a field that is refused",
    () => failure(new Error("x"), { request: { socket: new Account() } }),
  ),
  kind(
    "error with a function as field",
    () => failure(new Error("x"), { retry: () => 1 }),
  ),
  kind(
    "error with a symbol as key",
    () => withField(failure(new Error("x")), Symbol("s")),
  ),
  kind(
    "error with a getter that throws",
    () =>
      Object.defineProperty(failure(new Error("x")), "field", {
        get: () => {
          throw new Error("read");
        },
        enumerable: true,
      }),
  ),
  kind(
    "error with a message that is no string",
    () => failure(new Error("x"), { message: 1 }),
  ),
  kind(
    "`AggregateError`",
    () => failure(new AggregateError([failure(new QuotaError("y"))], "x")),
  ),
  kind(
    "`SuppressedError`",
    () => failure(new SuppressedError(failure(new QuotaError("y")), 1, "x")),
  ),
  kind(
    '`new DOMException("x", "AbortError")`',
    () => failure(new DOMException("x", "AbortError")),
  ),
];

const terms: readonly Kind[] = [
  kind("`Pid`", ({ pid }) => pid),
  kind("`Ref`", ({ ref }) => ref),
  kind("`tuple(1, 2)`", () => tuple(1, 2)),
  kind("`float(1)`", () => float(1)),
  kind("`new ImproperList([1], 2)`", () => new ImproperList([1], 2)),
  kind("`BitString`", () => new BitString(Uint8Array.of(128), 1)),
  kind("`ExternalFun`", () => new ExternalFun("lists", "sum", 1)),
];

export const kinds: readonly Kind[] = [
  ...primitives,
  ...objects,
  ...collections,
  ...binaries,
  ...errors,
  ...terms,
];
