/**
 * The tables of `global` on one node: names, locks, and a monitor of each pid
 * that has either. They know nothing of other nodes.
 *
 * Each entry belongs to a pid that is monitored. When the pid ends or its node
 * is lost, every node removes the entry from its own tables; no node announces
 * the removal.
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

/** After this long, the holders of the lock of names are taken for stuck. */
const STUCK_MS = 30_000;

/** One monitor per pid, however many entries it has. */
class PidMonitors {
  readonly #port: GlobalPort;
  /** Called once when a monitored pid is gone; its count is removed by then. */
  readonly #pidGone: (pid: Pid) => void;
  /**
   * How many entries each monitored pid has, at least one. Never contains the
   * server's own pid: the tables end with it.
   */
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

/** A lock: one requester, and the pids that hold it under that requester. */
type Lock = {
  /** The id of the first request; an equal id shares the lock. */
  readonly id: LockId;
  /** Never empty. */
  readonly holders: Set<Pid>;
  /** Stops the timer that takes the lock of names from a stuck holder. */
  readonly endStuckTimer: Undo;
};

export type TablesEvents = {
  /** A resource is free again; called after the lock has been removed. */
  readonly freed: (resource: unknown) => void;
};

export class GlobalTables {
  readonly #port: GlobalPort;
  readonly #events: TablesEvents;
  /** One count for each entry of `#names` and each holder in `#locks`. */
  readonly #monitors: PidMonitors;
  /** One entry per name, whose term is frozen. */
  readonly #names = new TermMap<NameEntry>();
  /** The entries of `#names` by pid. No set is empty. */
  readonly #namesOf = new Map<Pid, Set<NameEntry>>();
  /** By the key of the resource: at most one lock for each. */
  readonly #locks = new Map<string, Lock>();
  /**
   * Two sums of 32 bits over the entries of `#names`, which do not depend on
   * the order of changes.
   */
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

  /** Equal on two nodes that have the same names for the same pids. */
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
    // The new pid is counted first: if it is also the old one, its monitor
    // stays without a gap.
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

  /**
   * Returns whether `holder` has the lock now: the resource was free, or was
   * locked for the same requester. Setting a lock twice changes nothing.
   */
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

  /** Whether the resource is locked for this requester. */
  isLockedBy(id: LockId): boolean {
    const lock = this.#locks.get(termKey(id.resource));
    return lock !== undefined &&
      termKey(lock.id.requester) === termKey(id.requester);
  }

  holdersOf(resource: unknown): readonly Pid[] {
    return [...this.#locks.get(termKey(resource))?.holders ?? []];
  }

  /** All locks, for tests and tools. */
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
