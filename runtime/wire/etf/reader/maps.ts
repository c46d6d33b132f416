/**
 * Reads maps: as a plain object when all keys are atoms, else as a `Map`.
 */

import { termKey } from "../../../core/terms/key.ts";
import type { AtomEntry, MapShape } from "../atom_entry.ts";
import type { PeerAtoms } from "../atoms.ts";
import type { EtfReaderServices } from "./services.ts";
import type { Fields } from "../shapes.ts";
import { SMALL_MAP_MAX } from "../tags.ts";

/** Reads the next map. */
export function readMap(reader: EtfReaderServices, level: number): unknown {
  const { atoms, at: start } = reader;
  const count = reader.mapHead();
  if (count === 0) return {};
  const first = reader.keyAfter(atoms.first);
  if (first === null) return readMixed(reader, {}, 0, count, level, start);
  const { shape } = first;
  if (shape !== null && shape.keys.length === count) {
    return readShaped(reader, shape, level, start);
  }
  const keys = count <= SMALL_MAP_MAX && atoms.shapes.isSample() ? [] : null;
  return readFields(reader, {}, first, 0, count, level, start, keys);
}

/**
 * Reads a map that has the first key of a shape, and as many keys as the shape.
 */
function readShaped(
  reader: EtfReaderServices,
  shape: MapShape,
  level: number,
  start: number,
): unknown {
  const { keys } = shape;
  const count = keys.length;
  const values = new Array<unknown>(count);
  values[0] = reader.term(level);
  let done = 1;
  while (done < count && reader.isNext(keys[done]!)) {
    values[done++] = reader.term(level);
  }
  if (done === count) return shape.object(values);
  shape.miss();
  const fields: Fields = {};
  for (let i = 0; i < done; i++) setField(fields, keys[i]!.name, values[i]);
  const key = reader.keyAfter(keys[done - 1]!);
  return key === null
    ? readMixed(reader, fields, done, count, level, start)
    : readFields(reader, fields, key, done, count, level, start, null);
}

/**
 * Reads the rest of a map of which `done` fields and the next key were read. The
 * keys are learned when `keys` is not null.
 */
function readFields(
  reader: EtfReaderServices,
  fields: Fields,
  next: AtomEntry,
  done: number,
  count: number,
  level: number,
  start: number,
  keys: AtomEntry[] | null,
): unknown {
  let key = next;
  for (let i = done + 1;; i++) {
    if (keys !== null) keys.push(key);
    setField(fields, key.name, reader.term(level));
    if (i === count) break;
    const following = reader.keyAfter(key);
    if (following === null) {
      return readMixed(reader, fields, i, count, level, start);
    }
    key = following;
  }
  reader.checkedFields(fields, count, start);
  if (keys !== null) reader.atoms.shapes.learn(keys);
  return fields;
}

/** Reads the rest of a map whose next key, after `done` fields, is no atom. */
function readMixed(
  reader: EtfReaderServices,
  fields: Fields,
  done: number,
  count: number,
  level: number,
  start: number,
): unknown {
  const map = mapOf(fields, reader.atoms, start);
  for (let i = done; i < count; i++) {
    reader.keyLevel += 1;
    const key = reader.term(level);
    reader.keyLevel -= 1;
    map.set(key, reader.term(level));
  }
  return reader.checkedMap(map, count, start);
}

/** Adds a field; `__proto__` becomes a field and does not call the setter. */
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

/** Whether `count` different fields were added. */
export function hasFields(fields: Fields, count: number): boolean {
  return Object.keys(fields).length === count;
}

/** The fields as a `Map`, for a map that also has keys that are no atoms. */
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

/** Whether `count` keys were set, and no two of them are equal terms. */
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

/** The problem of a map that has a key twice. */
export function keysProblem(exact: boolean): string {
  return "expected a map without the same key twice" +
    (exact ? "" : " (1 and 1.0 are the same without `exact`)");
}
