/**
 * The weak table of the pids and refs of a thread. An object stays in it
 * exactly as long as the program refers to it. So a pid that comes back is the
 * same object, and a node that talks to millions of actors does not keep all of
 * their pids.
 *
 * `deref` of a weak reference is slow on every engine, so a small cache in
 * front holds the objects that were used last strongly.
 */

import type { PidTable } from "../../core/terms/terms.ts";

/** Entries per generation of the strong cache; there are two. */
const GENERATION_SIZE = 2_048;

/** A `PidTable` that can say how much it holds. */
export interface WeakPidTable extends PidTable {
  /** Entries, also those whose object was collected a moment ago. */
  readonly size: number;
}

/** Makes an empty table. */
export function createWeakPidTable(): WeakPidTable {
  return new Table();
}

class Table implements WeakPidTable {
  /** All objects, by key. */
  readonly #weak = new Map<string, WeakRef<object>>();
  /**
   * Objects used since the last change of generations; at most
   * `GENERATION_SIZE`.
   */
  #young = new Map<string, object>();
  /** Objects used in the generation before; replaced as a whole. */
  #old = new Map<string, object>();
  readonly #finalizers = new FinalizationRegistry<string>((key) => {
    // A new object may have the key by now.
    if (this.#weak.get(key)?.deref() === undefined) this.#weak.delete(key);
  });

  get size(): number {
    return this.#weak.size;
  }

  find(key: string): object | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const known = this.#old.get(key) ?? this.#weak.get(key)?.deref();
    if (known !== undefined) this.#remember(key, known);
    return known;
  }

  add(key: string, value: object): void {
    this.#weak.set(key, new WeakRef(value));
    this.#finalizers.register(value, key);
    this.#remember(key, value);
  }

  #remember(key: string, value: object): void {
    if (this.#young.size >= GENERATION_SIZE) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
