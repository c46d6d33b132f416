/**
 * Shapes: lists of keys that both nodes of a connection remember, so that an
 * object is sent as the number of its shape and its values.
 *
 * The records of cbor-x are not used, for three reasons. They are learned while a
 * value is written, so a value that fails half-way leaves the tables of the two
 * nodes different. A key named `__keys__` corrupts them. The receiver cannot check
 * them. Here the lists that a signal needs are known before its first byte. They
 * are sent in front of it as an item of their own: `[0, number of the first list,
 * keys, ...]`. The number 0 empties the table first.
 */

import { printTerm } from "../../core/terms/terms.ts";
import { DecodeError } from "../shared/errors.ts";

/** Lists that are remembered; a full table is emptied at both nodes. */
export const SHAPES_MAX = 2048;
/** An object with more keys is a dictionary and is sent with its keys. */
export const SHAPE_KEYS_MAX = 64;
/** Longest key of a list, in UTF-16 units. */
export const SHAPE_KEY_LENGTH_MAX = 128;
/** Steps of the writer's tree; a full tree is emptied at both nodes. */
const STEPS_MAX = 16_384;

/**
 * Op of the item that carries lists of keys. Erlang has no control message 0.
 */
export const SHAPES_OP = 0;

/** A place in the writer's tree of lists: one step per key. */
class Step {
  /** Number of the list that ends at this step, or -1. */
  id = -1;
  /** That list, until the peer knows it. */
  keys: readonly string[] = [];
  /**
   * The first key behind this step, and its step. Mostly it is the only one.
   */
  #key: string | undefined = undefined;
  #next: Step | undefined = undefined;
  #others: Map<string, Step> | undefined = undefined;

  find(key: string): Step | undefined {
    return key === this.#key ? this.#next : this.#others?.get(key);
  }

  add(key: string): Step {
    const step = new Step();
    if (this.#key === undefined) {
      this.#key = key;
      this.#next = step;
    } else {
      (this.#others ??= new Map()).set(key, step);
    }
    return step;
  }
}

/**
 * The table of the sender.
 *
 * A message can be sent when the stack is nearly full, so that any call may throw.
 * So every change is made by assignments without a call between them. A change
 * that could not be rolled back is rolled back by the next `beginSignal`.
 */
export class ShapeWriter {
  #root: Step = new Step();
  #steps = 0;
  /** Number of the next new list. */
  #nextId = 0;
  /** Ends of the lists that the current signal brings. */
  #added: Step[] = [];

  /** Must be called before each signal; empties a table that is full. */
  beginSignal(): void {
    if (this.#added.length > 0) this.rollback();
    if (this.#nextId < SHAPES_MAX && this.#steps < STEPS_MAX) return;
    this.#root = new Step();
    this.#steps = 0;
    this.#nextId = 0;
  }

  /**
   * The number of this list of keys, which is added if it is new; -1 when the
   * object must be sent with its keys.
   */
  find(keys: readonly string[]): number {
    if (keys.length > SHAPE_KEYS_MAX) return -1;
    let step = this.#root;
    for (let i = 0; i < keys.length; i++) {
      const next = step.find(keys[i]!) ?? this.#grow(step, keys[i]!);
      if (next === undefined) return -1;
      step = next;
    }
    return step.id >= 0 ? step.id : this.#add(step, keys);
  }

  /** The item to write in front of the signal; null when it adds no list. */
  definitions(): unknown[] | null {
    const added = this.#added;
    if (added.length === 0) return null;
    return [
      SHAPES_OP,
      this.#nextId - added.length,
      ...added.map((step) => step.keys),
    ];
  }

  /** Must be called after the lists were written: the peer will know them. */
  commit(): void {
    if (this.#added.length > 0) this.#added = [];
  }

  /** Removes the new lists of a signal that was not written. */
  rollback(): void {
    const added = this.#added;
    this.#nextId -= added.length;
    this.#added = [];
    for (let i = 0; i < added.length; i++) added[i]!.id = -1;
  }

  #grow(step: Step, key: string): Step | undefined {
    if (this.#steps >= STEPS_MAX || !isShapeKey(key)) return undefined;
    this.#steps += 1;
    return step.add(key);
  }

  #add(step: Step, keys: readonly string[]): number {
    if (this.#nextId >= SHAPES_MAX) return -1;
    step.keys = keys;
    this.#added.push(step);
    step.id = this.#nextId++;
    return step.id;
  }
}

/** The table of the receiver. */
export class ShapeReader {
  readonly #shapes: (readonly string[])[] = [];

  /** The keys of a list; throws a `DecodeError` for an unknown number. */
  keys(id: unknown): readonly string[] {
    const keys = typeof id === "number" ? this.#shapes[id] : undefined;
    if (keys === undefined) {
      throw new DecodeError(
        `expected a known list of keys, got ${printTerm(id)}`,
      );
    }
    return keys;
  }

  /** Adds the lists of an item `[0, number of the first, keys, ...]`. */
  define(item: readonly unknown[]): void {
    const first = item[1];
    if (first === 0) this.#shapes.length = 0;
    if (first !== this.#shapes.length || item.length < 3) {
      throw new DecodeError(
        `expected lists of keys from ${this.#shapes.length} on, ` +
          `got ${item.length - 2} from ${printTerm(first)} on`,
      );
    }
    if (first + item.length - 2 > SHAPES_MAX) {
      throw new DecodeError(`expected at most ${SHAPES_MAX} lists of keys`);
    }
    for (let i = 2; i < item.length; i++) {
      this.#shapes.push(checkedKeys(item[i]));
    }
  }
}

function checkedKeys(keys: unknown): readonly string[] {
  if (
    Array.isArray(keys) && keys.length <= SHAPE_KEYS_MAX &&
    keys.every((key) => typeof key === "string" && isShapeKey(key)) &&
    new Set(keys).size === keys.length
  ) return keys;
  throw new DecodeError(
    `expected a list of at most ${SHAPE_KEYS_MAX} different keys`,
  );
}

/**
 * Whether a key can be set on an object by assignment, and is unchanged as UTF-8.
 * cbor-x drops a byte-order mark in front of a longer text.
 */
function isShapeKey(key: string): boolean {
  return key !== "__proto__" && key.length <= SHAPE_KEY_LENGTH_MAX &&
    key.charCodeAt(0) !== 0xfeff && key.isWellFormed();
}
