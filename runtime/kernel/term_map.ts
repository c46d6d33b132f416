/**
 * A map whose keys are terms, equal when `termEquals` says so: names of groups
 * may be anything.
 *
 * Strings and atoms, which most names are, are their own keys, because a look-up
 * is then one of a plain `Map`. All other terms go by `termKey`, in a map of
 * their own, so that no text can be taken for the key of another term.
 */

import { termKey } from "../core/term_key.ts";
import { atom } from "../core/terms.ts";

export class TermMap<V> {
  readonly #plain = new Map<string | symbol, V>();
  readonly #others = new Map<string, V>();

  get size(): number {
    return this.#plain.size + this.#others.size;
  }

  get(term: unknown): V | undefined {
    if (typeof term === "string") return this.#plain.get(term);
    if (typeof term === "symbol") return this.#plain.get(term);
    const key = otherKey(term);
    return key.isPlain ? this.#plain.get(key.key) : this.#others.get(key.key);
  }

  /** Throws a `TypeError` for a key that is no term. */
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

  *values(): Generator<V> {
    yield* this.#plain.values();
    yield* this.#others.values();
  }
}

type Key =
  | { readonly isPlain: true; readonly key: string | symbol }
  | { readonly isPlain: false; readonly key: string };

function keyOf(term: unknown): Key {
  if (typeof term === "string") return { isPlain: true, key: term };
  if (typeof term === "symbol" && Symbol.keyFor(term) !== undefined) {
    return { isPlain: true, key: term };
  }
  return otherKey(term);
}

/** Bytes may be those of a string, and `true` is an atom. */
function otherKey(term: unknown): Key {
  const key = termKey(term);
  if (key[0] !== "b" && key[0] !== "a") return { isPlain: false, key };
  const text = key.slice(key.indexOf(":") + 1);
  return { isPlain: true, key: key[0] === "b" ? text : atom(text) };
}
