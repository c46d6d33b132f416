/**
 * Keys of outgoing maps: their order, and that no two are equal.
 *
 * A BEAM node writes a map of up to 32 keys in the order of its keys, and so do
 * we, so that equal small maps have equal bytes. Larger ones stay in the order
 * they are in, as the BEAM's own is that of its hashes. Two equal keys, such as
 * 1 and 1n in a `Map`, would have the peer close the connection.
 */

import { compareText, isFloat } from "../../../core/terms/kinds.ts";
import { termKey } from "../../../core/terms/key.ts";
import { sortedMapKeys } from "../../../core/terms/order.ts";
import { printTerm } from "../../../core/terms/terms.ts";
import { packAtom } from "./atom_bytes.ts";
import type { KeyAtoms } from "../atoms.ts";
import type { Packed } from "../output.ts";
import { SMALL_MAP_MAX } from "../tags.ts";

/** How the fields of an object are written. */
export type KeyList = {
  /** Its keys in the order in which they are written. */
  readonly keys: readonly string[];
  /** The bytes of each as an atom. */
  readonly atoms: readonly Packed[];
  /** For each, its place among the keys of the object. */
  readonly places: readonly number[];
};

/** Why keys cannot be written. */
export type KeyProblem = {
  /** The key it is about. */
  readonly key: unknown;
  readonly problem: string;
};

/** Where one is in lists of keys that begin alike. */
export class KeyNode {
  /** The list that ends here, once it was made. */
  list: KeyList | null = null;
  /** The key that came next the last time, and where it leads. */
  #key = "";
  #next: KeyNode | null = null;
  /** All keys that came next, from the second one on. */
  #others: Map<string, KeyNode> | null = null;
  readonly #owner: KeyLists;
  readonly #depth: number;

  constructor(owner: KeyLists, depth: number) {
    this.#owner = owner;
    this.#depth = depth;
  }

  /** Where the next key leads; null when there are too many to remember. */
  step(key: string): KeyNode | null {
    return this.#key === key && this.#next !== null
      ? this.#next
      : this.#change(key);
  }

  #change(key: string): KeyNode | null {
    let node = this.#others?.get(key);
    if (node === undefined) {
      if (!this.#owner.mayGrow(this.#depth)) return null;
      node = new KeyNode(this.#owner, this.#depth + 1);
      if (this.#next !== null) {
        this.#others ??= new Map([[this.#key, this.#next]]);
        this.#others.set(key, node);
      }
    }
    this.#key = key;
    return this.#next = node;
  }
}

/** Nodes kept; then all are forgotten. */
const NODES_MAX = 2048;

/** Lists of keys that objects have had, found key by key. */
export class KeyLists {
  readonly #keyAtoms: KeyAtoms;
  /** Where each list begins. */
  root: KeyNode = new KeyNode(this, 0);
  #nodes = 0;
  /** The bytes of keys, as many as there may be nodes. */
  readonly #atoms: Map<string, Packed> = new Map();

  constructor(keyAtoms: KeyAtoms) {
    this.#keyAtoms = keyAtoms;
  }

  /** Forgets all lists. */
  clear(): void {
    this.root = new KeyNode(this, 0);
    this.#nodes = 0;
  }

  /** Counts a node that is added behind so many others. */
  mayGrow(depth: number): boolean {
    if (depth >= SMALL_MAP_MAX) return false;
    this.#nodes += 1;
    if (this.#nodes <= NODES_MAX) return true;
    this.clear();
    return false;
  }

  /**
   * Makes the list of these keys, and keeps it at `node` if they lead there.
   */
  learn(keys: readonly string[], node: KeyNode | null): KeyList | KeyProblem {
    const sorted = keys.length > SMALL_MAP_MAX
      ? keys
      : keys.toSorted(compareText);
    const atoms: Packed[] = [];
    for (const key of sorted) {
      const bytes = this.#atom(key);
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
    const places = new Map(keys.map((key, place) => [key, place]));
    const list = {
      keys: sorted,
      atoms,
      places: sorted.map((key) => places.get(key)!),
    };
    if (node !== null && this.#leadTo(keys, node)) node.list = list;
    return list;
  }

  #atom(key: string): Packed | undefined {
    const known = this.#atoms.get(key);
    if (known !== undefined) return known;
    const bytes = packAtom(key);
    if (bytes === undefined) return undefined;
    if (this.#atoms.size >= NODES_MAX) this.#atoms.clear();
    this.#atoms.set(key, bytes);
    return bytes;
  }

  /** Not if a getter has changed the object since. */
  #leadTo(keys: readonly string[], node: KeyNode): boolean {
    let found: KeyNode | null = this.root;
    for (const key of keys) found = found?.step(key) ?? null;
    return found === node;
  }
}

/** The keys of a `Map` or the items of a `Set` in the order to write them. */
export function orderedKeys(keys: unknown[]): unknown[] | KeyProblem {
  const isSmall = keys.length <= SMALL_MAP_MAX;
  if (keys.every((key) => typeof key === "string")) {
    return isSmall ? keys.sort(compareText) : keys;
  }
  if (keys.every((key) => typeof key === "number")) {
    return isSmall ? keys.sort(compareNumbers) : keys;
  }
  const seen = new Set<string>();
  for (const key of keys) {
    let text: string;
    try {
      text = termKey(key);
    } catch (error) {
      return { key, problem: `it is no key: ${printTerm(error)}` };
    }
    if (seen.has(text)) {
      return { key, problem: "the map has another key that is equal there" };
    }
    seen.add(text);
  }
  return isSmall ? sortedMapKeys(keys) : keys;
}

/** All integers come before all floats. */
function compareNumbers(a: number, b: number): number {
  return Number(isFloat(a)) - Number(isFloat(b)) || a - b;
}
