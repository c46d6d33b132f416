/**
 * Keys that come together again and again in incoming maps, and what makes the
 * objects that have just these keys.
 *
 * Engines make an object by a literal several times faster than field by field,
 * so for keys that come often a function is made whose code is that literal: a
 * sixth of the time of decoding. Where code from strings is forbidden, nothing
 * but that is lost.
 */

import type { AtomEntry, MapShape } from "./atom_entry.ts";

/** The fields of a plain object. */
export type Fields = Record<string, unknown>;

/** The object with these values, which are in the order of its keys. */
type Make = (values: readonly unknown[]) => Fields;

/** Two to this many shapes are kept. */
const SLOT_BITS = 8;

/** One of two to this many maps is learned from, which costs as much again. */
const SAMPLE_BITS = 4;

/** Where maps are guessed to be of a shape, and where counting ends. */
const USES_MIN = 32;
const USES_MAX = 2 * USES_MIN;

/** Spreads numbers that follow each other over 32 bits. */
const SPREAD = 0x9e3779b1;

/** Keys that come together, all of them different. */
class Shape implements MapShape {
  readonly keys: readonly AtomEntry[];
  /** How much more often they have come than others of late. */
  #uses = 1;
  /** Null when it cannot be made. */
  #make: Make | null | undefined;

  constructor(keys: readonly AtomEntry[]) {
    this.keys = keys;
  }

  /** The object with these values, for a shape that was guessed. */
  object(values: readonly unknown[]): Fields {
    if (this.#uses < USES_MAX) this.#uses += 1;
    return this.#make!(values);
  }

  /** Counts a map that had these keys. */
  hit(): void {
    if (this.#uses < USES_MAX) this.#uses += 1;
    if (this.#uses < USES_MIN) return;
    if (this.#make === undefined) this.#make = compile(this.keys);
    if (this.#make !== null) this.keys[0]!.shape = this;
  }

  /** Counts one that had others in spite of the guess. */
  miss(): void {
    this.#uses -= 2;
    if (this.#uses >= USES_MIN) return;
    this.#uses = 1;
    this.keys[0]!.shape = null;
  }

  /** Counts one that had others of its slot; whether these may have it. */
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

  /** Whether to learn the keys of the next map; with no rhythm to meet. */
  isSample(): boolean {
    this.#maps = this.#maps + 1 | 0;
    return Math.imul(this.#maps, SPREAD) >>> (32 - SAMPLE_BITS) === 0;
  }

  /** Counts a map with these keys, which are distinct. */
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

/** Null where it cannot be made. */
function compile(keys: readonly AtomEntry[]): Make | null {
  const names = keys.map(({ name }) => name);
  // In a literal this name is no field but the prototype.
  if (names.includes("__proto__")) return null;
  // A JSON string is one of JavaScript as well, so that no name becomes code.
  const fields = names.map((name, i) =>
    `${JSON.stringify(name)}: values[${i}]`
  );
  try {
    return new Function("values", `return { ${fields.join(", ")} };`) as Make;
  } catch {
    return null;
  }
}
