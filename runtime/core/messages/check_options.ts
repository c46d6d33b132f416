/**
 * A check of options, for callers without a type checker.
 *
 * It checks names and types only. The code that uses a value checks its
 * meaning.
 */

import { UsageError } from "./errors.ts";
import { printTerm } from "../terms/terms.ts";

/** Names of options by the type that they must have, where they are set. */
export type OptionKinds = {
  readonly strings: readonly string[];
  readonly ports: readonly string[];
  readonly portsOrFalse: readonly string[];
  readonly booleans: readonly string[];
  readonly functions: readonly string[];
  readonly objects: readonly string[];
};

/** Throws `UsageError`. */
export function checkOptions(options: unknown, kinds: OptionKinds): void {
  if (typeof options !== "object" || options === null) {
    throw new UsageError(
      `expected start({ name, cookie, ... }), got ${printTerm(options)}`,
    );
  }
  const values = options as Readonly<Record<string, unknown>>;
  checkTypes(values, kinds.strings, "string", "a string");
  checkTypes(values, kinds.booleans, "boolean", "true or false");
  checkTypes(values, kinds.functions, "function", "a function");
  checkTypes(values, kinds.objects, "object", "an object");
  for (const key of [...kinds.ports, ...kinds.portsOrFalse]) {
    const value = values[key];
    const isOff = value === false && kinds.portsOrFalse.includes(key);
    if (value === undefined || isOff || isPort(value)) continue;
    throw new UsageError(
      `expected ${key} to be a port from 0 to 65535, got ${printTerm(value)}`,
    );
  }
}

function checkTypes(
  values: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  type: string,
  expected: string,
): void {
  for (const key of keys) {
    const value = values[key];
    if (value === undefined || (typeof value === type && value !== null)) {
      continue;
    }
    throw new UsageError(
      `expected ${key} to be ${expected}, got ${printTerm(value)}`,
    );
  }
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 &&
    Number(value) <= 65_535;
}
