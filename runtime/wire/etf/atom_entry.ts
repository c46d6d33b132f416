/**
 * An atom that a peer has sent, with what is remembered about the maps in which
 * it is a key.
 */

import { encodeText } from "./text.ts";

/** What maps that begin with an atom mostly look like; see `shapes.ts`. */
export interface MapShape {
  /** All keys, in the order in which they come. */
  readonly keys: readonly AtomEntry[];
  /** The object with these values, for a map that had all the keys. */
  object(values: readonly unknown[]): Record<string, unknown>;
  /** Counts a map that had other keys although this shape was guessed. */
  miss(): void;
}

/** The value of an entry whose symbol nobody has needed yet. */
export const unmade: unique symbol = Symbol("unmade");

/** An atom that a peer has sent. */
export class AtomEntry {
  readonly name: string;
  /** Its UTF-8. */
  readonly bytes: Uint8Array;
  /** What it is in JavaScript, or `unmade`. */
  value: unknown;
  /** The key that has followed it in a map the last time. */
  next: AtomEntry | null = null;
  /** What maps that begin with it mostly look like. */
  shape: MapShape | null = null;
  /** Which of the atoms of its peer it is. */
  readonly id: number;

  constructor(name: string, id: number) {
    this.id = id;
    this.name = asKey(name);
    this.bytes = encodeText(name);
    this.value = wellKnown.has(name) ? wellKnown.get(name) : unmade;
  }

  /** Whether these bytes are its UTF-8. */
  isAt(bytes: Uint8Array, at: number, length: number): boolean {
    const known = this.bytes;
    if (known.length !== length) return false;
    for (let i = 0; i < length; i++) {
      if (known[i] !== bytes[at + i]) return false;
    }
    return true;
  }
}

/** The same text as keys of objects are kept, which saves engines a look-up. */
function asKey(text: string): string {
  return Object.keys({ [text]: true })[0]!;
}

/** Atoms that are no symbols in JavaScript. */
const wellKnown: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["nil", null],
  ["undefined", undefined],
]);
