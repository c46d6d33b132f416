/**
 * Atoms that come from peers and go to them, and the limits of both.
 *
 * Atoms are for ever: no engine frees a registered symbol, and a BEAM node
 * whose table of atoms is full dies. So the symbols that peers have made here
 * are counted, and so are the atoms that keys of objects, which programs make
 * from data, become at a peer.
 */

import { type AtomBudget, isAtomName } from "../shared/atoms.ts";
import { DecodeError } from "../shared/errors.ts";
import { AtomEntry, unmade } from "./atom_entry.ts";
import { KEY_ATOMS_MAX, PEER_ATOMS_MAX, THREAD_ATOMS_MAX } from "./limits.ts";
import { Recent } from "./recent.ts";
import { Shapes } from "./shapes.ts";
import { printTag } from "./tags.ts";
import { decodeText } from "./text.ts";

/**
 * The symbols that peers have made a thread have. It is an `AtomBudget`, so
 * that codecs of other formats can draw on the same limit.
 */
export class AtomTable implements AtomBudget {
  remaining: number;
  readonly #known: Map<string, symbol> = new Map();

  constructor(atomsMax: number = THREAD_ATOMS_MAX) {
    this.remaining = atomsMax;
  }

  /** The symbol of that name; undefined when it would be one too many. */
  symbol(name: string): symbol | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.remaining <= 0) return undefined;
    this.remaining -= 1;
    const symbol = Symbol.for(name);
    this.#known.set(name, symbol);
    return symbol;
  }
}

/** The table of this thread, whose registry of symbols is one as well. */
export const threadAtoms: AtomTable = new AtomTable();

/** The atoms that one peer has sent. */
export class PeerAtoms {
  readonly #table: AtomTable;
  readonly #atomsMax: number;
  readonly #known: Map<string, AtomEntry> = new Map();
  readonly #recent: Recent<AtomEntry> = new Recent();

  constructor(
    options: { readonly table?: AtomTable; readonly atomsMax?: number } = {},
  ) {
    this.#table = options.table ?? threadAtoms;
    this.#atomsMax = options.atomsMax ?? PEER_ATOMS_MAX;
  }

  /** How many different ones. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether the peer has sent it, and so has it itself. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** What the maps of the peer have in common. */
  readonly shapes: Shapes = new Shapes();

  /** Stands in front of the first key of a map. */
  readonly first: AtomEntry = new AtomEntry("", 0);

  /** As `entry`, for a key that stands behind another one in a map. */
  keyAfter(
    previous: AtomEntry,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): AtomEntry {
    const likely = previous.next;
    if (likely !== null && likely.isAt(bytes, at, length)) return likely;
    return previous.next = this.entry(bytes, at, length, at - 2);
  }

  /**
   * The atom with this UTF-8. `start` is where its tag is, when it has one.
   * Throws a `DecodeError` for what is none or one too many.
   */
  entry(
    bytes: Uint8Array,
    at: number,
    length: number,
    start: number = at,
  ): AtomEntry {
    const end = at + length;
    const known = this.#recent.find(bytes, at, end);
    if (known !== undefined) return known;
    const name = decodeText(bytes, at, end);
    if (name === undefined) {
      throw failure("expected the UTF-8 of an atom", bytes, at, start);
    }
    const entry = this.#named(name, bytes, at, start);
    return this.#recent.add(bytes, at, end, entry);
  }

  /** The atom with this Latin-1; as `entry`. */
  latin1Entry(
    bytes: Uint8Array,
    at: number,
    length: number,
    start: number = at,
  ): AtomEntry {
    const text = bytes.subarray(at, at + length);
    if (text.every((byte) => byte < 0x80)) {
      return this.entry(bytes, at, length, start);
    }
    // What is cut off makes no difference to its being too long.
    const name = String.fromCharCode(...text.subarray(0, 1024));
    return this.#named(name, bytes, at, start);
  }

  #named(
    name: string,
    bytes: Uint8Array,
    at: number,
    start: number,
  ): AtomEntry {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (!isAtomName(name)) {
      const problem = "expected an atom of at most 255 characters";
      throw failure(problem, bytes, at, start);
    }
    if (this.#known.size >= this.#atomsMax) {
      const problem =
        `expected at most ${this.#atomsMax} different atoms from one peer; ` +
        "send binaries instead of making atoms from data";
      throw failure(problem, bytes, at, start);
    }
    const entry = new AtomEntry(name, this.#known.size);
    this.#known.set(name, entry);
    return entry;
  }

  /** The value of an atom that the peer has sent before. */
  named(name: string, at: number): unknown {
    return this.valueOf(this.#known.get(name)!, at);
  }

  /** What the atom is in JavaScript. */
  valueOf(entry: AtomEntry, at: number): unknown {
    if (entry.value !== unmade) return entry.value;
    const symbol = this.#table.symbol(entry.name);
    if (symbol === undefined) {
      throw new DecodeError(
        "expected fewer different atoms from all peers together; " +
          "send binaries instead of making atoms from data",
        at,
      );
    }
    return entry.value = symbol;
  }
}

function failure(
  problem: string,
  bytes: Uint8Array,
  at: number,
  start: number,
): DecodeError {
  const where = start < at ? ` in a term of ${printTag(bytes[start]!)}` : "";
  return new DecodeError(problem + where, start);
}

/** The atoms that keys of objects have become at one peer. */
export class KeyAtoms {
  readonly atomsMax: number;
  readonly #names: Set<string> = new Set();
  readonly #received: PeerAtoms | null;

  /** What the peer has sent itself does not count. */
  constructor(
    options: {
      readonly atomsMax?: number;
      readonly received?: PeerAtoms;
    } = {},
  ) {
    this.atomsMax = options.atomsMax ?? KEY_ATOMS_MAX;
    this.#received = options.received ?? null;
  }

  get size(): number {
    return this.#names.size;
  }

  /** Counts a name; false when it is one too many. */
  admit(name: string): boolean {
    if (this.#names.has(name) || this.#received?.has(name) === true) {
      return true;
    }
    if (this.#names.size >= this.atomsMax) return false;
    this.#names.add(name);
    return true;
  }

  /** Forgets those that came after the first `size`; whether there were any. */
  rollback(size: number): boolean {
    if (this.#names.size <= size) return false;
    const names = Array.from(this.#names).slice(size);
    for (const name of names) this.#names.delete(name);
    return true;
  }
}
