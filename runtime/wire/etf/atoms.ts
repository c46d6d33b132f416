/**
 * Limits on atoms: on those that peers send, and on those that keys of objects
 * become at a peer.
 *
 * An atom is never freed: no engine frees a registered symbol, and a BEAM node
 * crashes when its table of atoms is full. So the symbols that peers make here
 * are counted. Keys of objects are counted as well, because programs make them
 * from data, and each becomes an atom at the peer.
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
 * The symbols that a thread has made because peers sent their names. It is an
 * `AtomBudget`, so that codecs of other formats share the limit.
 */
export class AtomTable implements AtomBudget {
  remaining: number;
  readonly #known: Map<string, symbol> = new Map();

  constructor(atomsMax: number = THREAD_ATOMS_MAX) {
    this.remaining = atomsMax;
  }

  /** The symbol of that name; undefined when the limit is reached. */
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

/** The one table of this thread, because its registry of symbols is one, too. */
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

  /** How many different atoms the peer has sent. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether the peer has sent this atom, so that it has it already. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** The shapes of the maps that the peer sends. */
  readonly shapes: Shapes = new Shapes();

  /** Takes the place of a previous key for the first key of a map. */
  readonly first: AtomEntry = new AtomEntry("", 0);

  /** As `entry`, for a key that comes behind another key of a map. */
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
   * The atom with this UTF-8. `start` is the place of its tag, when it has one.
   * Throws a `DecodeError` when it is not a valid atom, or when the peer has
   * sent too many.
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
    // A name that is cut here is too long in any case.
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

  /** The value of the atom in JavaScript. */
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

  /** An atom that is in `received` does not count: the peer has it already. */
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

  /** Counts a name; false when the limit is reached. */
  admit(name: string): boolean {
    if (this.#names.has(name) || this.#received?.has(name) === true) {
      return true;
    }
    if (this.#names.size >= this.atomsMax) return false;
    this.#names.add(name);
    return true;
  }

  /** Forgets all names but the first `size`; returns whether there were any. */
  rollback(size: number): boolean {
    if (this.#names.size <= size) return false;
    const names = Array.from(this.#names).slice(size);
    for (const name of names) this.#names.delete(name);
    return true;
  }
}
