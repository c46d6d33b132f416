/**
 * The tables of `global` on one node: names, locks, and which pids are watched
 * on behalf of both. Pure: they know nothing of other nodes.
 *
 * Everything in them belongs to a living pid. When that ends or its node is
 * lost, every node takes it out of its own tables by itself.
 */

import { termKey } from "../../../core/terms/key.ts";
import type { Pid } from "../../../core/terms/terms.ts";
import type { GlobalPort, Undo } from "./port.ts";
import {
  globalResource,
  type LockId,
  type NameEntry,
  type NameOp,
} from "../protocol/terms.ts";
import { keptName, TermMap } from "../../shared/term_map.ts";

/** Longest that names may be locked before the holder is taken for stuck. */
const STUCK_MS = 30_000;

/** One watch per pid, however many entries it has. */
class PidMonitors {
  readonly #port: GlobalPort;
  readonly #pidGone: (pid: Pid) => void;
  readonly #counts = new Map<Pid, { count: number; readonly end: Undo }>();

  constructor(port: GlobalPort, gone: (pid: Pid) => void) {
    this.#port = port;
    this.#pidGone = gone;
  }

  add(pid: Pid): void {
    if (pid === this.#port.pid) return;
    const known = this.#counts.get(pid);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const end = this.#port.monitorPid(pid, () => {
      this.#counts.delete(pid);
      this.#pidGone(pid);
    });
    this.#counts.set(pid, { count: 1, end });
  }

  remove(pid: Pid): void {
    const known = this.#counts.get(pid);
    if (known === undefined || --known.count > 0) return;
    this.#counts.delete(pid);
    known.end();
  }
}

/** A lock: one requester, and whoever holds it in its name. */
type Lock = {
  readonly id: LockId;
  readonly holders: Set<Pid>;
  /** Takes the lock from a holder that is stuck; names are locked for short. */
  readonly endStuckTimer: Undo;
};

export type TablesEvents = {
  /** A resource is free again. */
  readonly freed: (resource: unknown) => void;
};

export class GlobalTables {
  readonly #port: GlobalPort;
  readonly #events: TablesEvents;
  readonly #monitors: PidMonitors;
  readonly #names = new TermMap<NameEntry>();
  readonly #namesOf = new Map<Pid, Set<NameEntry>>();
  readonly #locks = new Map<string, Lock>();
  /** Two sums over all names and their pids, of 32 bits each. */
  readonly #sums: [number, number] = [0, 0];

  constructor(port: GlobalPort, events: TablesEvents) {
    this.#port = port;
    this.#events = events;
    this.#monitors = new PidMonitors(port, (pid) => this.#pidGone(pid));
  }

  // -- Names

  find(name: unknown): NameEntry | null {
    return this.#names.get(name) ?? null;
  }

  entries(): readonly NameEntry[] {
    return this.#names.values();
  }

  hasName(pid: Pid): boolean {
    return this.#namesOf.has(pid);
  }

  /** The same on two nodes when they have the same names, in any order. */
  get sum(): string {
    return this.#sums.join();
  }

  #addToSum({ name, pid }: NameEntry, sign: 1 | -1): void {
    const text = `${termKey(name)} ${termKey(pid)}`;
    let [a, b] = [0x811c_9dc5, 0x9747_b28c];
    for (let i = 0; i < text.length; i++) {
      a = Math.imul(a ^ text.charCodeAt(i), 0x0100_0193);
      b = Math.imul(b ^ text.charCodeAt(i), 0x5bd1_e995);
    }
    this.#sums[0] = (this.#sums[0] + sign * a) >>> 0;
    this.#sums[1] = (this.#sums[1] + sign * (b ^ (b >>> 15))) >>> 0;
  }

  apply(op: NameOp): void {
    if (op.type === "delete") {
      this.#deleteName(op.name);
      return;
    }
    const name = keptName(op.entry.name);
    const entry = name === op.entry.name ? op.entry : { ...op.entry, name };
    // The new pid first, so that it is watched without a gap if it is the old.
    this.#monitors.add(entry.pid);
    this.#deleteName(entry.name);
    this.#names.set(entry.name, entry);
    this.#addToSum(entry, 1);
    let names = this.#namesOf.get(entry.pid);
    if (names === undefined) this.#namesOf.set(entry.pid, names = new Set());
    names.add(entry);
  }

  #deleteName(name: unknown): void {
    const entry = this.#names.get(name);
    if (entry === undefined) return;
    this.#names.delete(name);
    this.#addToSum(entry, -1);
    const names = this.#namesOf.get(entry.pid);
    names?.delete(entry);
    if (names?.size === 0) this.#namesOf.delete(entry.pid);
    this.#monitors.remove(entry.pid);
  }

  // -- Locks

  /** Whether `holder` has the lock now. To set it twice changes nothing. */
  setLock(id: LockId, holder: Pid): boolean {
    const key = termKey(id.resource);
    let lock = this.#locks.get(key);
    if (lock === undefined) {
      lock = {
        id,
        holders: new Set(),
        endStuckTimer: this.#startStuckTimer(id),
      };
      this.#locks.set(key, lock);
    } else if (termKey(lock.id.requester) !== termKey(id.requester)) {
      return false;
    }
    if (!lock.holders.has(holder)) {
      lock.holders.add(holder);
      this.#monitors.add(holder);
    }
    return true;
  }

  delLock(id: LockId, holder: Pid): void {
    const lock = this.#locks.get(termKey(id.resource));
    if (lock === undefined || !this.isLockedBy(id)) return;
    this.#removeHolder(lock, holder);
  }

  isLocked(resource: unknown): boolean {
    return this.#locks.has(termKey(resource));
  }

  /** Whether the resource is locked for this very requester. */
  isLockedBy(id: LockId): boolean {
    const lock = this.#locks.get(termKey(id.resource));
    return lock !== undefined &&
      termKey(lock.id.requester) === termKey(id.requester);
  }

  holdersOf(resource: unknown): readonly Pid[] {
    return [...this.#locks.get(termKey(resource))?.holders ?? []];
  }

  /** All that is locked, for tests and tools. */
  locks(): readonly LockId[] {
    return [...this.#locks.values()].map(({ id }) => id);
  }

  #removeHolder(lock: Lock, holder: Pid): void {
    if (!lock.holders.delete(holder)) return;
    this.#monitors.remove(holder);
    if (lock.holders.size > 0) return;
    lock.endStuckTimer();
    this.#locks.delete(termKey(lock.id.resource));
    this.#events.freed(lock.id.resource);
  }

  #startStuckTimer(id: LockId): Undo {
    if (id.resource !== globalResource) return () => {};
    return this.#port.timer(STUCK_MS, () => {
      const lock = this.#locks.get(termKey(id.resource));
      if (lock === undefined) return;
      const who = [...lock.holders].map((pid) => `${pid} on ${pid.node}`);
      this.#port.log(
        "warning",
        `global: names have been locked for ${STUCK_MS} ms by ` +
          `${who.join(", ")}; they are free again`,
      );
      for (const holder of [...lock.holders]) this.#removeHolder(lock, holder);
    });
  }

  #pidGone(pid: Pid): void {
    for (const { name } of [...this.#namesOf.get(pid) ?? []]) {
      this.#deleteName(name);
    }
    for (const lock of [...this.#locks.values()]) this.#removeHolder(lock, pid);
  }
}
