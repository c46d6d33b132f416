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
  /** Whether integral floats become `Float` at the moment. */
  exact: boolean;
  /** Reads a term that was promised. */
  term(level: number): unknown;
  /** Reads what stands behind the items of a list. */
  listTail(items: unknown[]): number;
  /** Whether that atom comes next, which is read then. */
  isNext(atom: AtomEntry): boolean;
  /** The atom that comes next, behind another key; null for another term. */
  keyAfter(previous: AtomEntry): AtomEntry | null;
  /** The name of the atom that comes next; undefined for another term. */
  atomKey(): string | undefined;
  /** The object, or an error if a field came twice. */
  checkedFields(fields: Fields, count: number, start: number): Fields;
  /** The map, or an error if a key came twice. */
  checkedMap(
    map: ReadonlyMap<unknown, unknown>,
    count: number,
    start: number,
  ): ReadonlyMap<unknown, unknown>;
  /** The name of the atom that comes next. */
  name(): string;
  /** The integer that comes next; it must not be below `least`. */
  integer(least?: number): number;
}
