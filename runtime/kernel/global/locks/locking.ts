/**
 * Taking locks on several nodes: in steps, all or nothing, and what becomes of
 * those who were refused.
 *
 * As in OTP, nobody waits while holding something: who is refused gives back
 * what it has and tries again after a random time. Hornbeam nodes spare each
 * other most of that time: a node that has refused tells when the lock is free,
 * and asks its holder to hurry.
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
/** Nodes that are told of one lock, and locks that are told of. */
const WANTED_MAX = 1_000;

/** A lock to be taken. */
export type LockAttempt = {
  readonly id: LockId;
  readonly holder: Pid;
  /** Nodes by step; a step begins when all of the last have agreed. */
  readonly steps: readonly (readonly string[])[];
  /** Whether nobody wants it any more. */
  readonly isOver?: () => boolean;
};

/** What came of it. Nothing is held where it was refused. */
export type LockOutcome = {
  readonly isLocked: boolean;
  readonly refusedBy: readonly string[];
};

/** Who waits for a node that has refused to have the lock free again. */
type Waiter = {
  readonly refusedBy: readonly string[];
  readonly again: () => void;
};

export type LockingParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly rounds: Rounds;
  readonly isHornbeam: (node: string) => boolean;
  /** Somebody waits for what this node holds. */
  readonly hurry: (resource: unknown) => void;
};

export class Locking {
  readonly #parts: LockingParts;
  /** By resource: nodes that want to know when it is free. */
  readonly #wanted = new Map<string, Set<string>>();
  /** By resource: who of this node waits for another try. */
  readonly #waiting = new Map<string, Set<Waiter>>();
  /** By lock and holder: attempts that wait for the one under way. */
  readonly #taking = new Map<string, (() => void)[]>();

  constructor(parts: LockingParts) {
    this.#parts = parts;
  }

  /**
   * One attempt at a time for a lock and a holder: one that was given up is
   * answered late and then gives back what it got, and that must not be what a
   * later one has got.
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
      // One that gives no answer is gone, and its lock with it.
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
   * Gives a lock back everywhere, without waiting: on the boss after the other
   * nodes, and here last of all, since whoever waits here goes on at once.
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
   * Calls back when it is worth another try: when one of those who refused says
   * so, or after a pause that grows with the number of `tries`.
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
    // Own refusals that are over by now need no pause.
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

  /** A node waits for a lock that is held here. */
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
    // ServerMessage once, or two holders would tell each other for ever.
    if (nodes.has(node) || nodes.size >= WANTED_MAX) return;
    nodes.add(node);
    for (const holder of tables.holdersOf(resource)) {
      if (holder.node === port.node) hurry(resource);
      else if (isHornbeam(holder.node) && holder.node !== node) {
        port.send(holder.node, write.lockWanted(port.node, resource));
      }
    }
  }

  /** A resource of this node is free again. */
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

  /** On a node a resource is free again. */
  lockFreed(node: string, resource: unknown): void {
    for (const waiter of [...this.#waiting.get(termKey(resource)) ?? []]) {
      // Others may still hold it elsewhere.
      if (waiter.refusedBy.includes(node)) waiter.again();
    }
  }
}
