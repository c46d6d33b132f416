/**
 * The thread's table of pids and refs, weak: an object stays in it as long as
 * somebody holds it, so that a value that comes back is the same object, and
 * no longer, so that a node that talks to millions of actors does not keep all
 * of their pids.
 *
 * `deref` of a weak reference is slow on every engine, so the pids that were
 * met last are held strongly in front of it.
 */

import type { PidTable } from "../../core/terms/terms.ts";

/** Entries per generation of the strong cache; there are two. */
const generationSize = 2_048;

/** A `PidTable` that can say how much it holds. */
export interface WeakPidTable extends PidTable {
  /** Entries, including those whose object is gone but not yet noticed. */
  readonly size: number;
}

/** Makes an empty table. */
export function createWeakPidTable(): WeakPidTable {
  return new Table();
}

class Table implements WeakPidTable {
  readonly #weak = new Map<string, WeakRef<object>>();
  /** Met since the generations last changed; at most `generationSize`. */
  #young = new Map<string, object>();
  /** Met in the generation before; replaced as a whole. */
  #old = new Map<string, object>();
  readonly #finalizers = new FinalizationRegistry<string>((key) => {
    // A new object may have taken the key before this ran.
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
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
