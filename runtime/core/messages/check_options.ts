/**
 * A check of options for callers that no compiler has checked.
 *
 * It knows names and kinds only; what the values mean is checked where they
 * are used.
 */

import { UsageError } from "./errors.ts";
import { printTerm } from "../terms/terms.ts";

/** Names of options by what they must be, if they are there at all. */
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
