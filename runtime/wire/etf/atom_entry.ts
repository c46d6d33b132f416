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

/** The value of an entry whose symbol was not needed yet. */
export const unmade: unique symbol = Symbol("unmade");

/** One atom of one peer. */
export class AtomEntry {
  readonly name: string;
  /** The UTF-8 of the name. */
  readonly bytes: Uint8Array;
  /** The value of the atom in JavaScript, or `unmade`. */
  value: unknown;
  /** The key that came behind this one in a map the last time. */
  next: AtomEntry | null = null;
  /** The usual shape of maps whose first key this is; null for none. */
  shape: MapShape | null = null;
  /** Number of the atom among those of its peer, from 0 on. */
  readonly id: number;

  constructor(name: string, id: number) {
    this.id = id;
    this.name = asKey(name);
    this.bytes = encodeText(name);
    this.value = wellKnown.has(name) ? wellKnown.get(name) : unmade;
  }

  /** Whether these bytes are the UTF-8 of its name. */
  isAt(bytes: Uint8Array, at: number, length: number): boolean {
    const known = this.bytes;
    if (known.length !== length) return false;
    for (let i = 0; i < length; i++) {
      if (known[i] !== bytes[at + i]) return false;
    }
    return true;
  }
}

/**
 * The same text, in the form in which an engine keeps keys of objects: that
 * saves a look-up when it is used as a key.
 */
function asKey(text: string): string {
  return Object.keys({ [text]: true })[0]!;
}

/** Atoms that are not symbols in JavaScript. */
const wellKnown: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["nil", null],
  ["undefined", undefined],
]);
