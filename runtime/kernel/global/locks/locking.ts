/**
 * Takes locks on several nodes, in steps, on all or on none; and retries after
 * a refusal.
 *
 * As in OTP, no requester waits while it holds a part of a lock: after a
 * refusal it gives back the parts that it has, and tries again after a random
 * time. Hornbeam nodes shorten that time: the node that has refused notifies
 * the requester when the lock is free, and asks the holder to hurry.
 */

import { termKey } from "../../../core/terms/key.ts";
import type { Pid } from "../../../core/terms/terms.ts";
import type { GlobalPort, Undo } from "../state/port.ts";
import type { Answers, Rounds } from "./rounds.ts";
import type { GlobalTables } from "../state/tables.ts";
import { bossOf, type LockId, write } from "../protocol/terms.ts";

/** First and longest pause before another try; in between it doubles. */
const PAUSE_MS = 16;
const PAUSE_MAX_MS = 2_000;
/** Most nodes that are notified of one lock, and most such locks. */
const WANTED_MAX = 1_000;

/** A lock to be taken. */
export type LockAttempt = {
  readonly id: LockId;
  readonly holder: Pid;
  /** Nodes by step; a step begins when all nodes of the last have agreed. */
  readonly steps: readonly (readonly string[])[];
  /** Whether the requester has given up. */
  readonly isOver?: () => boolean;
};

/** How an attempt ended. After a refusal no node holds the lock for it. */
export type LockOutcome = {
  readonly isLocked: boolean;
  readonly refusedBy: readonly string[];
};

/** A requester of this node that waits for another attempt. */
type Waiter = {
  readonly refusedBy: readonly string[];
  /** Ends the wait and makes the attempt. */
  readonly again: () => void;
};

export type LockingParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly rounds: Rounds;
  readonly isHornbeam: (node: string) => boolean;
  /**
   * Called when another requester waits for a resource that this node holds.
   */
  readonly hurry: (resource: unknown) => void;
};

export class Locking {
  readonly #parts: LockingParts;
  /**
   * By resource, all of them locked on this node: the nodes to notify when it
   * is free. At most `WANTED_MAX` resources with as many nodes each.
   */
  readonly #wanted = new Map<string, Set<string>>();
  /**
   * By resource: requesters of this node between two attempts. None is empty.
   */
  readonly #waiting = new Map<string, Set<Waiter>>();
  /**
   * By lock and holder, present exactly while an attempt is under way: the
   * attempts that wait for its end.
   */
  readonly #taking = new Map<string, (() => void)[]>();

  constructor(parts: LockingParts) {
    this.#parts = parts;
  }

  /**
   * Makes an attempt and calls `done` once. Attempts for the same lock and
   * holder are made one after the other: an attempt that was given up is
   * answered late and then gives its lock back, which must not be the lock of a
   * later attempt.
   */
  takeLock(attempt: LockAttempt, done: (outcome: LockOutcome) => void): void {
    const { id: { resource, requester }, holder, isOver } = attempt;
    const key = termKey([resource, requester, holder]);
    const before = this.#taking.get(key);
    if (before !== undefined) {
      before.push(() => this.takeLock(attempt, done));
      return;
    }
    if (isOver?.()) {
      done({ isLocked: false, refusedBy: [] });
      return;
    }
    const waiting: (() => void)[] = [];
    this.#taking.set(key, waiting);
    this.#step(attempt, 0, [], (outcome) => {
      try {
        done(outcome);
      } finally {
        this.#taking.delete(key);
        for (const next of waiting) next();
      }
    });
  }

  #step(
    attempt: LockAttempt,
    index: number,
    asked: readonly string[],
    done: (outcome: LockOutcome) => void,
  ): void {
    const step = attempt.steps[index];
    if (step === undefined) {
      done({ isLocked: true, refusedBy: [] });
      return;
    }
    const { id, holder } = attempt;
    const nodes = [...new Set(step)].filter((node) => !asked.includes(node));
    const request = write.setLock(id);
    const questions = nodes.map((node) => ({ node, holder, request }));
    this.#parts.rounds.ask(questions, (answers: Answers) => {
      const all = [...asked, ...nodes];
      // A node without an answer is gone, and the lock on it is gone too.
      const refusedBy = nodes.filter((node) =>
        answers.get(node)?.includes(false)
      );
      if (refusedBy.length === 0) {
        this.#step(attempt, index + 1, all, done);
        return;
      }
      this.releaseLock(id, holder, all);
      done({ isLocked: false, refusedBy });
    });
  }

  /**
   * Gives a lock back on all nodes, without waiting. The boss comes after the
   * other nodes, and this node last, because a requester that waits here tries
   * again at once.
   */
  releaseLock(id: LockId, holder: Pid, nodes: readonly string[]): void {
    const { port, tables } = this.#parts;
    const all = new Set(nodes);
    if (all.size === 0) return;
    const boss = bossOf(nodes);
    const isHere = all.delete(port.node);
    if (all.delete(boss)) all.add(boss);
    for (const node of all) port.post(node, holder, write.delLock(id));
    if (isHere) tables.delLock(id, holder);
  }

  /**
   * Calls `retry` once: when a node that refused says that the lock is free, or
   * after a random pause that grows with the number of `tries`.
   */
  retryLater(
    resource: unknown,
    { refusedBy, tries }: {
      readonly refusedBy: readonly string[];
      readonly tries: number;
    },
    retry: () => void,
  ): Undo {
    const { port, isHornbeam, tables } = this.#parts;
    const key = termKey(resource);
    for (const node of refusedBy) {
      if (node === port.node) this.lockWanted(port.node, resource);
      else if (isHornbeam(node)) {
        port.send(node, write.lockWanted(port.node, resource));
      }
    }
    let all = this.#waiting.get(key);
    if (all === undefined) this.#waiting.set(key, all = new Set());
    const waiters = all;
    const end = () => {
      endTimer();
      waiters.delete(waiter);
      if (waiters.size === 0) this.#waiting.delete(key);
    };
    const again = () => {
      end();
      retry();
    };
    const longest = Math.min(PAUSE_MS * 2 ** Math.min(tries, 10), PAUSE_MAX_MS);
    // If only this node refused and the lock is free by now, no pause is
    // needed.
    const isFree = refusedBy.length > 0 &&
      refusedBy.every((node) =>
        node === port.node && !tables.isLocked(resource)
      );
    const pauseMs = isFree ? 0 : 1 + port.random(longest);
    const endTimer = port.timer(pauseMs, again);
    const waiter: Waiter = { refusedBy, again };
    waiters.add(waiter);
    return end;
  }

  /** A node waits for a lock that may be set on this node. */
  lockWanted(node: string, resource: unknown): void {
    const { port, tables, isHornbeam, hurry } = this.#parts;
    if (!tables.isLocked(resource)) {
      if (node !== port.node) {
        port.send(node, write.lockFree(port.node, resource));
      }
      return;
    }
    const key = termKey(resource);
    let nodes = this.#wanted.get(key);
    if (nodes === undefined) {
      if (this.#wanted.size >= WANTED_MAX) return;
      this.#wanted.set(key, nodes = new Set());
    }
    // Passed on once; otherwise two holders would tell each other for ever.
    if (nodes.has(node) || nodes.size >= WANTED_MAX) return;
    nodes.add(node);
    for (const holder of tables.holdersOf(resource)) {
      if (holder.node === port.node) hurry(resource);
      else if (isHornbeam(holder.node) && holder.node !== node) {
        port.send(holder.node, write.lockWanted(port.node, resource));
      }
    }
  }

  /** A resource is free again on this node. */
  ownLockFreed(resource: unknown): void {
    const { port } = this.#parts;
    const key = termKey(resource);
    const nodes = this.#wanted.get(key);
    this.#wanted.delete(key);
    for (const node of nodes ?? []) {
      if (node !== port.node) {
        port.send(node, write.lockFree(port.node, resource));
      }
    }
    this.lockFreed(port.node, resource);
  }

  /** A resource is free again on a node: requesters that it refused retry. */
  lockFreed(node: string, resource: unknown): void {
    for (const waiter of [...this.#waiting.get(termKey(resource)) ?? []]) {
      // For other waiters it may still be locked on another node.
      if (waiter.refusedBy.includes(node)) waiter.again();
    }
  }
}
