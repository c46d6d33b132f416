/**
 * A map whose keys are terms, equal when `termEquals` says so: names of groups
 * may be anything.
 *
 * Strings, atoms and integers, which most names are, are their own keys, because
 * a look-up is then one of a plain `Map`. All other terms go by `termKey`, in a map of
 * their own, so that no text can be taken for the key of another term.
 */

import { termKey } from "../core/term_key.ts";
import { isFloat } from "../core/term_kinds.ts";
import { copy, freeze } from "../core/isolation.ts";
import { atom, Tuple } from "../core/terms.ts";

type PlainKey = string | symbol | number;

export class TermMap<V> {
  readonly #plain = new Map<PlainKey, V>();
  readonly #others = new Map<string, V>();

  get size(): number {
    return this.#plain.size + this.#others.size;
  }

  get(term: unknown): V | undefined {
    if (typeof term === "string") return this.#plain.get(term);
    const key = keyOf(term);
    return key.isPlain ? this.#plain.get(key.key) : this.#others.get(key.key);
  }

  /** Throws a `TypeError` for a key that is no term, as `get` does. */
  set(term: unknown, value: V): void {
    const key = keyOf(term);
    if (key.isPlain) this.#plain.set(key.key, value);
    else this.#others.set(key.key, value);
  }

  delete(term: unknown): boolean {
    const key = keyOf(term);
    return key.isPlain
      ? this.#plain.delete(key.key)
      : this.#others.delete(key.key);
  }

  /** Those that there are now, in a list of the caller's. */
  values(): V[] {
    const values = [...this.#plain.values()];
    for (const value of this.#others.values()) values.push(value);
    return values;
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

type Key =
  | { readonly isPlain: true; readonly key: PlainKey }
  | { readonly isPlain: false; readonly key: string };

function keyOf(term: unknown): Key {
  switch (typeof term) {
    case "string":
      return { isPlain: true, key: term };
    case "symbol":
      return Symbol.keyFor(term) === undefined
        ? otherKey(term)
        : { isPlain: true, key: term };
    case "number":
      return isFloat(term) ? otherKey(term) : { isPlain: true, key: term };
    default:
      return otherKey(term);
  }
}

/** Bytes may be those of a string, `true` is an atom, and `1n` is 1. */
function otherKey(term: unknown): Key {
  const key = termKey(term);
  const text = key.slice(key.indexOf(":") + 1);
  switch (key[0]) {
    case "b":
      return { isPlain: true, key: text };
    case "a":
      return { isPlain: true, key: atom(text) };
    case "i": {
      const number = Number.parseInt(key.slice(1), 10);
      return Number.isSafeInteger(number)
        ? { isPlain: true, key: number }
        : { isPlain: false, key };
    }
    default:
      return { isPlain: false, key };
  }
}
