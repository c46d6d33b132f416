/**
 * Keys of outgoing maps: their order, and that no two are equal.
 *
 * A BEAM node writes a map of up to 32 keys in the order of its keys, and so do
 * we, so that equal small maps have equal bytes. Larger ones stay in the order
 * they are in, as the BEAM's own is that of its hashes. Two equal keys, such as
 * 1 and 1n in a `Map`, would have the peer close the connection.
 */

import { compareText, isFloat, kindOf, kinds } from "../core/term_kinds.ts";
import { termKey } from "../core/term_key.ts";
import { sortMapKeys } from "../core/term_order.ts";
import { atomBytes, type KeyAtoms } from "./etf_atoms.ts";
import { smallMapMax } from "./etf_tags.ts";

/** How the keys of an object are written. */
export type KeyList = {
  readonly keys: readonly string[];
  /** The bytes of each as an atom. */
  readonly atoms: readonly Uint8Array[];
};

/** Why keys cannot be written. */
export type KeyProblem = {
  /** The key it is about. */
  readonly key: unknown;
  readonly problem: string;
};

/** One key in lists of keys that begin alike. */
class KeyNode {
  /** The list that ends here. */
  list: KeyList | null = null;
  /** The key that came next the last time, and what follows it. */
  key = "";
  next: KeyNode | null = null;
  /** All keys that came next, from the second one on. */
  others: Map<string, KeyNode> | null = null;

  follow(key: string): KeyNode | null {
    if (this.next !== null && this.key === key) return this.next;
    const other = this.others?.get(key);
    if (other === undefined) return null;
    this.key = key;
    return this.next = other;
  }

  grow(key: string): KeyNode {
    const added = new KeyNode();
    if (this.next !== null) {
      this.others ??= new Map([[this.key, this.next]]);
      this.others.set(key, added);
    }
    this.key = key;
    return this.next = added;
  }
}

/** Nodes kept; then all are forgotten. */
const nodesMax = 4096;

/** Lists of keys that objects have had, found without looking at all keys. */
export class KeyLists {
  readonly #keyAtoms: KeyAtoms;
  #root: KeyNode = new KeyNode();
  #nodes = 0;

  constructor(keyAtoms: KeyAtoms) {
    this.#keyAtoms = keyAtoms;
  }

  /** Keys as `Object.keys` gives them. */
  of(keys: readonly string[]): KeyList | KeyProblem {
    if (keys.length > smallMapMax) return this.#make(keys);
    let node = this.#root;
    for (const key of keys) {
      const next = node.follow(key);
      if (next === null) return this.#learn(keys);
      node = next;
    }
    return node.list ?? this.#learn(keys);
  }

  #learn(keys: readonly string[]): KeyList | KeyProblem {
    const list = this.#make(keys.toSorted(compareText));
    if ("problem" in list) return list;
    if (this.#nodes + keys.length > nodesMax) {
      this.#root = new KeyNode();
      this.#nodes = 0;
    }
    let node = this.#root;
    for (const key of keys) {
      let next = node.follow(key);
      if (next === null) {
        next = node.grow(key);
        this.#nodes += 1;
      }
      node = next;
    }
    node.list = list;
    return list;
  }

  #make(keys: readonly string[]): KeyList | KeyProblem {
    const atoms: Uint8Array[] = [];
    for (const key of keys) {
      const bytes = atomBytes(key);
      if (bytes === undefined) {
        return {
          key,
          problem: "expected a key that is an atom, of at most 255 " +
            "well-formed characters; use a Map, whose keys can be any term",
        };
      }
      if (!this.#keyAtoms.admit(key)) {
        return {
          key,
          problem:
            `it would be atom ${this.#keyAtoms.atomsMax + 1} that keys ` +
            "of objects become at the peer, which can never free them; use a " +
            "Map, whose keys that are strings become binaries",
        };
      }
      atoms.push(bytes);
    }
    return { keys, atoms };
  }
}

/** The keys of a `Map` or the items of a `Set` in the order to write them. */
export function orderedKeys(keys: unknown[]): unknown[] | KeyProblem {
  const isSmall = keys.length <= smallMapMax;
  if (keys.every((key) => typeof key === "string")) {
    return isSmall ? keys.sort(compareText) : keys;
  }
  if (keys.every((key) => typeof key === "number")) {
    return isSmall ? keys.sort(compareNumbers) : keys;
  }
  const seen = new Set<string>();
  for (const key of keys) {
    if (kindOf(key) === kinds.none) {
      return { key, problem: "expected a key that is a term" };
    }
    const text = termKey(key);
    if (seen.has(text)) {
      return { key, problem: "the map has another key that is equal there" };
    }
    seen.add(text);
  }
  return isSmall ? sortMapKeys(keys) : keys;
}

/** All integers come before all floats. */
function compareNumbers(a: number, b: number): number {
  return Number(isFloat(a)) - Number(isFloat(b)) || a - b;
}
