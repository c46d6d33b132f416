/**
 * A cache of the pids that a peer has sent recently.
 */

import {
  internPid,
  type Pid,
  type PidTable,
} from "../../../core/terms/terms.ts";

/** Slots of `RecentPids`: a power of two. */
const PID_SLOTS = 256;

/** Finds a recent pid without making a key for the table of pids. */
export class RecentPids {
  readonly #table: PidTable;
  readonly #slots: (Pid | undefined)[] = new Array(PID_SLOTS).fill(undefined);

  constructor(table: PidTable) {
    this.#table = table;
  }

  get(node: string, id: number, serial: number, creation: number): Pid {
    const slot = id & (PID_SLOTS - 1);
    const known = this.#slots[slot];
    if (
      known !== undefined && known.id === id && known.serial === serial &&
      known.creation === creation && known.node === node
    ) return known;
    return this.#slots[slot] = internPid(
      this.#table,
      node,
      id,
      serial,
      creation,
    );
  }
}
