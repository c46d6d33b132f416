/**
 * What the parts of the reader use of the `EtfReader` that calls them. Types
 * only, so that the parts need not import the reader.
 */

import type { PidTable } from "../../../core/terms/terms.ts";
import type { Incarnation } from "../../shared/incarnation.ts";
import type { AtomEntry } from "../atom_entry.ts";
import type { PeerAtoms } from "../atoms.ts";
import type { Fields } from "../shapes.ts";
import type { EtfInput } from "./input.ts";
import type { RecentPids } from "./recent_pids.ts";

export interface EtfReaderServices extends EtfInput {
  readonly pids: PidTable;
  readonly self: Incarnation | null;
  readonly atoms: PeerAtoms;
  readonly recentPids: RecentPids;
  /** Whether integral floats become `Float` now. */
  exact: boolean;
  /** Reads the next term, which was promised. */
  term(level: number): unknown;
  /** Reads the tail of a list; see `EtfReader`. */
  listTail(items: unknown[]): number;
  /** Reads the next term if it is this atom; returns whether it was. */
  isNext(atom: AtomEntry): boolean;
  /** Reads the next key if it is an atom; null if not. */
  keyAfter(previous: AtomEntry): AtomEntry | null;
  /** Reads the next term if it is an atom: its name; undefined if not. */
  atomKey(): string | undefined;
  /** The fields; throws when a field came twice. */
  checkedFields(fields: Fields, count: number, start: number): Fields;
  /** The map; throws when a key came twice. */
  checkedMap(
    map: ReadonlyMap<unknown, unknown>,
    count: number,
    start: number,
  ): ReadonlyMap<unknown, unknown>;
  /** Reads the name of the next term, which must be an atom. */
  name(): string;
  /** Reads the next term, which must be a safe integer of at least `least`. */
  integer(least?: number): number;
}
