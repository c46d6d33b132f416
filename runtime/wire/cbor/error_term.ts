/**
 * Errors as terms, in both directions.
 *
 * An error is a report, and often an exit reason, so it is not refused for what
 * its fields hold: a field that cannot be sent arrives as a text that says why.
 * Only its name and message have to be texts. Functions and symbols as keys are
 * left out, because runtimes give such fields to their own errors. The receiver
 * makes an instance of the nearest built-in class; `name` keeps the name of the
 * sender's class.
 */

import { printTerm } from "../../core/terms/terms.ts";
import { DecodeError } from "../shared/errors.ts";
import { Tagged } from "./engine.ts";
import { leftOut, type TermWriterServices } from "./services.ts";
import { tags } from "./tags.ts";

/** Errors that keep their class; their number is the index here. */
const bases: readonly ErrorConstructor[] = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError as unknown as ErrorConstructor,
  SuppressedError as unknown as ErrorConstructor,
  DOMException as unknown as ErrorConstructor,
];

/** Makes an instance of each class whose constructor takes other arguments. */
const makers: ReadonlyMap<
  unknown,
  (message: string, name: string) => Error
> = new Map<unknown, (message: string, name: string) => Error>([
  [AggregateError, (message) => new AggregateError([], message)],
  [
    SuppressedError,
    (message) => new SuppressedError(undefined, undefined, message),
  ],
  [DOMException, (message, name) => new DOMException(message, name)],
]);

/** Fields that the language defines, which `Object.keys` does not list. */
const hiddenFields: readonly string[] = [
  "cause",
  "errors",
  "error",
  "suppressed",
];

/** Fields that have a place of their own. */
const texts: ReadonlySet<string> = new Set(["name", "message", "stack"]);

/** `[base, name, message, stack, hidden, key, value, ...]`, see `tags.error`. */
export function prepareError(
  writer: TermWriterServices,
  value: Error,
): unknown {
  writer.refuseCycle();
  const prepared: unknown[] = [
    baseOf(value),
    text(writer, value, "name"),
    text(writer, value, "message"),
  ];
  writer.at("stack");
  const stack: unknown = value.stack;
  prepared.push(typeof stack === "string" ? writer.text(stack) : undefined);
  const hidden = hiddenFields.filter((key) => isHidden(value, key));
  const countAt = prepared.push(0) - 1;
  let sent = 0;
  for (const key of hidden) {
    if (field(writer, value, key, prepared)) sent += 1;
  }
  prepared[countAt] = sent;
  for (const key of Object.keys(value)) {
    if (!texts.has(key)) field(writer, value, key, prepared);
  }
  return new Tagged(tags.error, prepared);
}

/** Number of the nearest built-in class. */
function baseOf(value: Error): number {
  const index = bases.findLastIndex((Base) => value instanceof Base);
  // All others derive from `Error`, which is the first.
  return Math.max(index, 0);
}

function text(
  writer: TermWriterServices,
  value: Error,
  key: "name" | "message",
): unknown {
  writer.at(key);
  const found: unknown = value[key];
  return typeof found === "string"
    ? writer.text(found)
    : writer.refuse("expected a string");
}

function isHidden(value: Error, key: string): boolean {
  return Object.getOwnPropertyDescriptor(value, key)?.enumerable === false;
}

/** Appends a field; returns whether it is sent. */
function field(
  writer: TermWriterServices,
  value: Error,
  key: string,
  prepared: unknown[],
): boolean {
  writer.at(key);
  const found = writer.guarded(() =>
    (value as unknown as Readonly<Record<string, unknown>>)[key]
  );
  if (found === leftOut) return false;
  prepared.push(writer.text(key), found);
  return true;
}

/** The error of an item that `prepareError` has made. */
export function readError(value: unknown): Error {
  if (!Array.isArray(value) || value.length < 5 || value.length % 2 === 0) {
    throw unlike(value);
  }
  const [base, name, message, stack, hidden] = value as unknown[];
  const Base = bases[base as number];
  if (
    typeof base !== "number" || Base === undefined ||
    typeof name !== "string" || typeof message !== "string" ||
    typeof hidden !== "number" ||
    (stack !== undefined && typeof stack !== "string")
  ) throw unlike(value);
  const make = makers.get(Base) ?? ((text) => new Base(text));
  const error = withoutStack(() => make(message, name));
  if (name !== error.name) setField(error, "name", name, false);
  setField(error, "stack", stack ?? `${name}: ${message}`, false);
  for (let i = 5; i < value.length; i += 2) {
    const key: unknown = value[i];
    if (typeof key !== "string" || texts.has(key)) throw unlike(value);
    setField(error, key, value[i + 1], i >= 5 + 2 * hidden);
  }
  return error;
}

function unlike(found: unknown): DecodeError {
  return new DecodeError(`expected an error, got ${printTerm(found)}`);
}

function setField(
  error: Error,
  key: string,
  value: unknown,
  enumerable: boolean,
): void {
  const configurable = true;
  const writable = true;
  Object.defineProperty(error, key, {
    value,
    writable,
    enumerable,
    configurable,
  });
}

/**
 * Makes an error without a stack. A stack of this node would mislead, and cost
 * more than all other work.
 */
function withoutStack(make: () => Error): Error {
  const engine = Error as { stackTraceLimit?: number };
  const limit = engine.stackTraceLimit;
  engine.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    if (limit !== undefined) engine.stackTraceLimit = limit;
  }
}
