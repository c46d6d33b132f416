/** A map whose keys are terms, because any term may name a group. */

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

  /** The present values, in a new list. */
  values(): V[] {
    return [...this.#map.values()];
  }
}

/**
 * A copy of a name that cannot be written to. The caller that gave the name and
 * the callers that read it share this copy, and none of them may change it.
 */
export function keptName(name: unknown): unknown {
  if (typeof name !== "object") return name;
  // The usual kind of name: this is several times faster than `copy`.
  if (name instanceof Tuple && name.items.every(isPlain)) {
    return new Tuple(Object.freeze([...name.items]));
  }
  return freeze(copy(name));
}

function isPlain(term: unknown): boolean {
  return typeof term !== "object" && typeof term !== "function";
}
