/**
 * A value as text, with all that may be lost on its way to another node: class,
 * fields of every kind, holes, identity, what a buffer is like. Texts of
 * different values differ, and those of the same value are the same on each
 * runtime.
 */
import { Buffer } from "node:buffer";
import {
  BitString,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Ref,
  Tuple,
} from "../../runtime/mod.ts";

/** Arrays and objects that hold each other so deep are counted. */
const DEEP = 20;

/** Fields that engines and constructors give to each error. */
const ownOfErrors = new Set<string | symbol>(
  [
    ...["name", "message", "stack", "toString"],
    ...["line", "column", "sourceURL", "originalLine", "originalColumn"],
  ],
);

function isOfEngine(value: object, key: string | symbol): boolean {
  // Deno keeps the parts of a DOMException under symbols.
  if (value instanceof DOMException && typeof key === "symbol") return true;
  return value instanceof Error && ownOfErrors.has(key);
}

export function describeValue(value: unknown): string {
  const depth = depthOf(value);
  if (depth > DEEP) return `${depth} arrays inside each other`;
  return new Describer(value).text(value);
}

/** Levels of arrays that hold one item each. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (
    let inner = value;
    Array.isArray(inner) && inner.length === 1 && depth < 1_000_000;
    inner = inner[0]
  ) depth += 1;
  return depth;
}

class Describer {
  readonly #times: Map<object, number> = new Map();
  readonly #numbers: Map<object, number> = new Map();

  constructor(value: unknown) {
    this.#count(value);
  }

  text(value: unknown): string {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "symbol") {
      const name = Symbol.keyFor(value);
      return name === undefined ? String(value) : `atom(${name})`;
    }
    if (typeof value === "function") return "a function";
    if (Object.is(value, -0)) return "-0";
    if (typeof value !== "object" || value === null) return String(value);
    if ((this.#times.get(value) ?? 0) < 2) return this.#object(value);
    const known = this.#numbers.get(value);
    if (known !== undefined) return `#${known}`;
    const number = this.#numbers.size + 1;
    this.#numbers.set(value, number);
    return `#${number}=${this.#object(value)}`;
  }

  /** Counts how often each object is in the value. */
  #count(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const times = this.#times.get(value) ?? 0;
    this.#times.set(value, times + 1);
    if (times > 0 || value instanceof Pid || value instanceof Ref) return;
    if (value instanceof Map) {
      for (const entry of value) entry.forEach((part) => this.#count(part));
    } else if (value instanceof Set) value.forEach((part) => this.#count(part));
    if (Array.isArray(value)) value.forEach((item) => this.#count(item));
    for (const key of fieldsOf(value)) {
      const field = Object.getOwnPropertyDescriptor(value, key);
      this.#count(field?.value);
    }
  }

  #object(value: object): string {
    const parts = [...this.#contents(value), ...this.#fields(value)];
    const state = Object.isFrozen(value) && parts.length > 0 ? "frozen " : "";
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    return `${state}${head(value)}${open}${parts.join(", ")}${close}`;
  }

  #contents(value: object): string[] {
    if (Array.isArray(value)) {
      return Array.from(
        value,
        (item, i) => i in value ? this.text(item) : "hole",
      );
    }
    if (value instanceof Map) {
      return Array.from(
        value,
        ([key, item]) => `${this.text(key)} => ${this.text(item)}`,
      );
    }
    if (value instanceof Set) return Array.from(value, (x) => this.text(x));
    if (value instanceof Date) return [String(value.getTime())];
    if (value instanceof Error) return [this.text(value.message)];
    if (value instanceof ArrayBuffer || value instanceof DataView) {
      return Array.from(bytesOf(value), String);
    }
    if (ArrayBuffer.isView(value)) {
      const { length } = value as Uint8Array;
      return Array.from(
        { length },
        (_, i) => this.text((value as Uint8Array)[i]),
      );
    }
    return [];
  }

  #fields(value: object): string[] {
    return fieldsOf(value).map((key) => {
      const field = Object.getOwnPropertyDescriptor(value, key)!;
      const hidden = field.enumerable === true ? "" : "hidden ";
      const shown = field.get === undefined ? this.text(field.value) : "getter";
      return `${hidden}${String(key)}: ${shown}`;
    });
  }
}

/** The keys of a value that are not told by its contents. */
function fieldsOf(value: object): (string | symbol)[] {
  if (value instanceof Pid || value instanceof Ref) return [];
  const isView = ArrayBuffer.isView(value);
  return Reflect.ownKeys(value).filter((key) =>
    !isOfEngine(value, key) &&
    !(Array.isArray(value) && key === "length") &&
    !((Array.isArray(value) || isView) && /^\d+$/.test(String(key)))
  );
}

const named = [
  [Pid, "Pid "],
  [Ref, "Ref "],
  [Tuple, "Tuple "],
  [Float, "Float "],
  [ImproperList, "ImproperList "],
  [BitString, "BitString "],
  [ExternalFun, "ExternalFun "],
] as const;

/** What stands in front of the parts. */
function head(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return "without prototype ";
  if (prototype === Object.prototype || prototype === Array.prototype) {
    return "";
  }
  for (const [Class, name] of named) if (value instanceof Class) return name;
  if (value instanceof Buffer) return "Buffer ";
  const { name } = value.constructor;
  if (value instanceof Error && value.name !== name) {
    return `${name} named ${value.name} `;
  }
  return `${bufferOf(value)}${name} `;
}

/** What the buffer of a view is like. */
function bufferOf(value: object): string {
  if (value instanceof ArrayBuffer) return value.resizable ? "resizable " : "";
  if (!ArrayBuffer.isView(value)) return "";
  const { buffer } = value;
  if (!(buffer instanceof ArrayBuffer)) return "shared ";
  if (buffer.detached) return "detached ";
  if (buffer.resizable) return "resizable ";
  return buffer.byteLength === value.byteLength ? "" : "part of a ";
}

function bytesOf(value: ArrayBuffer | DataView): Uint8Array {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
