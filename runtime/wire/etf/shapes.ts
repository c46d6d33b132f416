/**
 * Shapes: lists of keys that incoming maps have again and again, each with a
 * function that makes an object with these keys.
 *
 * An engine makes an object from a literal several times faster than field by
 * field. So for keys that come often, a function is compiled whose code is that
 * literal, which saves a sixth of the time of decoding. Where the host forbids
 * code from strings, only this gain is lost.
 */

import type { AtomEntry, MapShape } from "./atom_entry.ts";

/** The fields of a plain object. */
export type Fields = Record<string, unknown>;

/** Makes the object with these values, which are in the order of its keys. */
type Make = (values: readonly unknown[]) => Fields;

/** 2 to the power of this is the number of shapes that are kept. */
const SLOT_BITS = 8;

/**
 * One of 2 to the power of this maps is a sample, whose keys are learned.
 * Learning costs as much as decoding the map.
 */
const SAMPLE_BITS = 4;

/** From this count on a shape is guessed, and up to this count it is counted. */
const USES_MIN = 32;
const USES_MAX = 2 * USES_MIN;

/** Spreads consecutive numbers over 32 bits. */
const SPREAD = 0x9e3779b1;

/** One list of keys, all of them different. */
class Shape implements MapShape {
  readonly keys: readonly AtomEntry[];
  /** How much more often than others this shape was seen recently. */
  #uses = 1;
  /** Null when the function cannot be compiled; undefined before it was. */
  #make: Make | null | undefined;

  constructor(keys: readonly AtomEntry[]) {
    this.keys = keys;
  }

  /** Makes the object of a map for which this shape was guessed rightly. */
  object(values: readonly unknown[]): Fields {
    if (this.#uses < USES_MAX) this.#uses += 1;
    return this.#make!(values);
  }

  /** Counts a sample that had these keys. */
  hit(): void {
    if (this.#uses < USES_MAX) this.#uses += 1;
    if (this.#uses < USES_MIN) return;
    if (this.#make === undefined) this.#make = compile(this.keys);
    if (this.#make !== null) this.keys[0]!.shape = this;
  }

  /** Counts a map for which this shape was guessed wrongly. */
  miss(): void {
    this.#uses -= 2;
    if (this.#uses >= USES_MIN) return;
    this.#uses = 1;
    this.keys[0]!.shape = null;
  }

  /** Counts a sample with other keys; returns whether they may have the slot. */
  yields(): boolean {
    this.#uses -= 1;
    return this.#uses <= 0;
  }
}

/** The shapes of the maps of one peer. */
export class Shapes {
  readonly #slots: (Shape | undefined)[] = new Array(2 ** SLOT_BITS).fill(
    undefined,
  );
  #maps = 0;

  /** Whether the next map is a sample; no regular input can evade it. */
  isSample(): boolean {
    this.#maps = this.#maps + 1 | 0;
    return Math.imul(this.#maps, SPREAD) >>> (32 - SAMPLE_BITS) === 0;
  }

  /** Counts a sample with these keys, which are all different. */
  learn(keys: readonly AtomEntry[]): void {
    let hash = 0;
    for (const { id } of keys) hash = Math.imul(hash + id, SPREAD);
    const slot = hash >>> (32 - SLOT_BITS);
    const shape = this.#slots[slot];
    if (shape !== undefined && areSame(shape.keys, keys)) shape.hit();
    else if (shape === undefined || shape.yields()) {
      this.#slots[slot] = new Shape(keys);
    }
  }
}

function areSame(
  keys: readonly AtomEntry[],
  others: readonly AtomEntry[],
): boolean {
  if (keys.length !== others.length) return false;
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] !== others[i]) return false;
  }
  return true;
}

/** Compiles the literal; null where that is impossible. */
function compile(keys: readonly AtomEntry[]): Make | null {
  const names = keys.map(({ name }) => name);
  // In a literal this name sets the prototype and makes no field.
  if (names.includes("__proto__")) return null;
  // A JSON string is also one of JavaScript, so a name never becomes code.
  const fields = names.map((name, i) =>
    `${JSON.stringify(name)}: values[${i}]`
  );
  try {
    return new Function("values", `return { ${fields.join(", ")} };`) as Make;
  } catch {
    return null;
  }
}
