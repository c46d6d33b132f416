/**
 * Locks that actors of this node take by name, on nodes of their choice.
 *
 * The holder is the actor itself, so every node removes the lock when the actor
 * ends. A wait of an actor that has ended is given up here.
 */

import { termKey } from "../../../core/terms/key.ts";
import type { Pid } from "../../../core/terms/terms.ts";
import type { GlobalPort, Undo } from "../state/port.ts";
import type { Locking } from "./locking.ts";
import type { Rounds } from "./rounds.ts";
import { bossOf, type LockId, write } from "../protocol/terms.ts";

/** A lock that an actor asks for. */
export type LockWish = {
  readonly id: LockId;
  readonly holder: Pid;
  readonly nodes: readonly string[];
  /** Further tries after the first. */
  readonly retries: number;
  readonly timeoutMs: number;
};

export type UserLocksParts = {
  readonly port: GlobalPort;
  readonly locking: Locking;
  readonly rounds: Rounds;
};

/** An actor that waits for a lock. */
type Wait = {
  readonly wish: LockWish;
  /** Called once, when `isOver` becomes true. */
  readonly done: (isLocked: boolean) => void;
  /** Attempts that were refused and are followed by another. */
  tries: number;
  /** Set once; no further attempt is made then. */
  isOver: boolean;
  /** Stop the monitor of the actor and the timer of its limit. */
  readonly ends: Undo[];
  /** Stops the pause between two attempts; without effect outside of one. */
  endPause: Undo;
};

export class UserLocks {
  readonly #parts: UserLocksParts;

  constructor(parts: UserLocksParts) {
    this.#parts = parts;
  }

  /** Calls `done` once, within the wish's time. */
  takeLock(wish: LockWish, done: (isLocked: boolean) => void): void {
    const { port } = this.#parts;
    const wait: Wait = {
      wish,
      done,
      tries: 0,
      isOver: false,
      ends: [],
      endPause: () => {},
    };
    const giveUp = () => this.#endWait(wait, false);
    wait.ends.push(
      port.monitorPid(wish.holder, giveUp),
      ...(wish.timeoutMs === Infinity
        ? []
        : [port.timer(wish.timeoutMs, giveUp)]),
    );
    this.#tryLock(wait);
  }

  /** Gives a lock back; calls `done` when all nodes have confirmed it. */
  giveLock(
    { id, holder, nodes }: Pick<LockWish, "id" | "holder" | "nodes">,
    done: () => void,
  ): void {
    const request = write.delLock(id);
    const questions = nodes.map((node) => ({ node, holder, request }));
    this.#parts.rounds.ask(questions, done);
  }

  #tryLock(wait: Wait): void {
    const { id, holder, nodes, retries } = wait.wish;
    const { locking } = this.#parts;
    const steps = [[bossOf(nodes)], nodes];
    const isOver = () => wait.isOver;
    const attempt = { id, holder, steps, isOver };
    locking.takeLock(attempt, ({ isLocked, refusedBy }) => {
      if (wait.isOver) {
        // Too late: no caller knows of the lock, so it is given back here.
        if (isLocked) locking.releaseLock(id, holder, nodes);
      } else if (isLocked || wait.tries >= retries) {
        this.#endWait(wait, isLocked);
      } else {
        const again = { refusedBy, tries: wait.tries++ };
        wait.endPause = locking.retryLater(
          id.resource,
          again,
          () => this.#tryLock(wait),
        );
      }
    });
  }

  #endWait(wait: Wait, isLocked: boolean): void {
    if (wait.isOver) return;
    wait.isOver = true;
    wait.endPause();
    for (const end of wait.ends) end();
    wait.done(isLocked);
  }
}

/** Whether a resource is reserved for the changes of names. */
export function isReserved(resource: unknown): boolean {
  return termKey(resource) === RESERVED_KEY;
}

const RESERVED_KEY = termKey(Symbol.for("global"));
