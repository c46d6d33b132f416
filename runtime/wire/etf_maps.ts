/**
 * Incoming maps: a plain object as long as all keys are atoms, else a `Map`.
 */

import { termKey } from "../core/term_key.ts";
import type { PeerAtoms } from "./etf_atoms.ts";

export type Fields = Record<string, unknown>;

/** Adds a field; never meets the setter that `__proto__` is. */
export function setField(fields: Fields, name: string, value: unknown): void {
  if (name !== "__proto__") fields[name] = value;
  else {
    Object.defineProperty(fields, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

/** Whether so many different fields were added. */
export function hasFields(fields: Fields, count: number): boolean {
  return Object.keys(fields).length === count;
}

/** The same as a `Map`, because a key has come that is no atom. */
export function mapOf(
  fields: Fields,
  atoms: PeerAtoms,
  start: number,
): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (const name of Object.keys(fields)) {
    map.set(atoms.named(name, start), fields[name]);
  }
  return map;
}

/** Whether so many keys were set, and no two of them are equal terms. */
export function hasKeys(
  map: ReadonlyMap<unknown, unknown>,
  count: number,
): boolean {
  if (map.size !== count) return false;
  if (count === 1) return true;
  for (const key of map.keys()) {
    if (typeof key === "object" && key !== null) return areDifferent(map);
  }
  return true;
}

function areDifferent(map: ReadonlyMap<unknown, unknown>): boolean {
  const seen = new Set<string>();
  for (const key of map.keys()) seen.add(termKey(key));
  return seen.size === map.size;
}

/** What is wrong with a map whose keys are not all different. */
export function keysProblem(exact: boolean): string {
  return "expected a map without the same key twice" +
    (exact ? "" : " (1 and 1.0 are the same without `exact`)");
}
