/**
 * Keys of plain `Map`s for terms: equal by `===` when `termEquals` says that
 * the terms are equal.
 *
 * Strings, atoms and integers, which most names and keys are, are their own
 * keys, because no look-up is cheaper. The key of any other term is its
 * `termKey`, behind a character that marks such a text.
 */

import { termKey } from "./key.ts";
import { isFloat } from "./kinds.ts";
import { atom } from "./terms.ts";

/** A key for a `Map`; treat it as opaque. */
export type MapKey = string | symbol | number;

/**
 * Stands before the `termKey` of a term that is no key itself, and so also of a
 * string that begins with this character.
 */
const MARK = "\u0001";
const MARK_CODE = 1;

/** The key of a term. Throws a `TypeError` for a value that is no term. */
export function mapKey(term: unknown): MapKey {
  switch (typeof term) {
    case "string":
      return term.charCodeAt(0) === MARK_CODE ? MARK + termKey(term) : term;
    case "symbol":
      return Symbol.keyFor(term) === undefined ? otherKey(term) : term;
    case "number":
      return isFloat(term) ? otherKey(term) : term;
    default:
      return otherKey(term);
  }
}

/** Bytes may be those of a string, `true` is an atom, and `1n` is 1. */
function otherKey(term: unknown): MapKey {
  const key = termKey(term);
  const text = key.slice(key.indexOf(":") + 1);
  switch (key[0]) {
    case "b":
      return text.charCodeAt(0) === MARK_CODE ? MARK + key : text;
    case "a":
      return atom(text);
    case "i": {
      const number = Number.parseInt(key.slice(1), 10);
      return Number.isSafeInteger(number) ? number : MARK + key;
    }
    default:
      return MARK + key;
  }
}
