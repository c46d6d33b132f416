/**
 * Keys of maps that are written: their order, and the check that no two are
 * equal.
 *
 * A BEAM node writes a map of up to 32 keys in the order of its keys. The writer
 * does the same, so that equal small maps have equal bytes. A larger map keeps
 * the order that it has here, because a BEAM node would order it by its own
 * hashes. Two equal keys, such as 1 and 1n in a `Map`, are refused: a BEAM node
 * would close the connection.
 */

import { compareText, isFloat } from "../../../core/terms/kinds.ts";
import { termKey } from "../../../core/terms/key.ts";
import { sortedMapKeys } from "../../../core/terms/order.ts";
import { printTerm } from "../../../core/terms/terms.ts";
import { packAtom } from "./atom_bytes.ts";
import type { KeyAtoms } from "../atoms.ts";
import type { Packed } from "../output.ts";
import { SMALL_MAP_MAX } from "../tags.ts";

/** The keys of an object in the form in which they are written. */
export type KeyList = {
  /** The keys, in the order in which they are written. */
  readonly keys: readonly string[];
  /** The bytes of each key as an atom. */
  readonly atoms: readonly Packed[];
  /** For each key, its index among the keys of the object. */
  readonly places: readonly number[];
};

/** Why keys cannot be written. */
export type KeyProblem = {
  /** The key at fault. */
  readonly key: unknown;
  readonly problem: string;
};

/** A node in the tree of all lists of keys: one step per key. */
export class KeyNode {
  /** The list that ends at this node; null before it was made. */
  list: KeyList | null = null;
  /** The key that came next the last time, and its node. */
  #key = "";
  #next: KeyNode | null = null;
  /** The nodes of all keys that came next; null while there is only one. */
  #others: Map<string, KeyNode> | null = null;
  readonly #owner: KeyLists;
  readonly #depth: number;

  constructor(owner: KeyLists, depth: number) {
    this.#owner = owner;
    this.#depth = depth;
  }

  /** The node of the next key; null when the tree is full. */
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

/** Nodes that are kept; a full tree is emptied. */
const NODES_MAX = 2048;

/** The lists of keys that objects have had, as a tree. */
export class KeyLists {
  readonly #keyAtoms: KeyAtoms;
  /** The root of the tree. */
  root: KeyNode = new KeyNode(this, 0);
  #nodes = 0;
  /** The bytes of keys; at most `NODES_MAX`. */
  readonly #atoms: Map<string, Packed> = new Map();

  constructor(keyAtoms: KeyAtoms) {
    this.#keyAtoms = keyAtoms;
  }

  /** Forgets all lists. */
  clear(): void {
    this.root = new KeyNode(this, 0);
    this.#nodes = 0;
  }

  /** Counts a new node at this depth; false when it must not be added. */
  mayGrow(depth: number): boolean {
    if (depth >= SMALL_MAP_MAX) return false;
    this.#nodes += 1;
    if (this.#nodes <= NODES_MAX) return true;
    this.clear();
    return false;
  }

  /**
   * Makes the list of these keys, and keeps it at `node` if the keys lead there.
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

  /** Whether the keys lead to `node`. A getter may have changed the object. */
  #leadTo(keys: readonly string[], node: KeyNode): boolean {
    let found: KeyNode | null = this.root;
    for (const key of keys) found = found?.step(key) ?? null;
    return found === node;
  }
}

/** The keys of a `Map` or the items of a `Set` in the order of writing. */
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
      return {
        key,
        problem: "the map has another key that is equal on a BEAM node",
      };
    }
    seen.add(text);
  }
  return isSmall ? sortedMapKeys(keys) : keys;
}

/** All integers come before all floats. */
function compareNumbers(a: number, b: number): number {
  return Number(isFloat(a)) - Number(isFloat(b)) || a - b;
}
