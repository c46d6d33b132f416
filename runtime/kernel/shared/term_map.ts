/** A map whose keys are terms: names of groups may be anything. */

import { copy, freeze } from "../../core/messages/isolation.ts";
import { type MapKey, mapKey } from "../../core/terms/map_key.ts";
import { Tuple } from "../../core/terms/terms.ts";

export class TermMap<V> {
  readonly #map = new Map<MapKey, V>();

  get size(): number {
    return this.#map.size;
  }

  get(term: unknown): V | undefined {
    return this.#map.get(mapKey(term));
  }

  /** Throws a `TypeError` for a key that is no term, as `get` does. */
  set(term: unknown, value: V): void {
    this.#map.set(mapKey(term), value);
  }

  delete(term: unknown): boolean {
    return this.#map.delete(mapKey(term));
  }

  /** Those that there are now, in a list of the caller's. */
  values(): V[] {
    return [...this.#map.values()];
  }
}

/**
 * A name to keep: a copy that cannot be written to, because whoever gave it or
 * is given it may try.
 */
export function keptName(name: unknown): unknown {
  if (typeof name !== "object") return name;
  // The usual one, made some times faster than any other.
  if (name instanceof Tuple && name.items.every(isPlain)) {
    return new Tuple(Object.freeze([...name.items]));
  }
  return freeze(copy(name));
}

function isPlain(term: unknown): boolean {
  return typeof term !== "object" && typeof term !== "function";
}
