/**
 * The changes of names that actors of this node ask for, one batch at a time.
 *
 * OTP's protocol: names are locked on the boss, then on all known nodes; the
 * change is made on all of them; the lock is given back. All changes that wait
 * here go into one batch, and to a Hornbeam node a batch is one message.
 *
 * If all known nodes are Hornbeam nodes, the lock lingers for a moment after a
 * batch, so that an actor which registers one name after the other takes it
 * once; another node that wants the lock gets it at once. If one is a BEAM
 * node, the lock is given back after each batch: that node retries at random
 * times and would hardly ever find the lock free.
 *
 * ```text
 * phase       what ends it, and the next phase
 * idle        submit: locking
 * locking     locked: changing; refused: pausing; nothing waits: idle
 * pausing     the pause ends: locking
 * changing    done, and more waits: changing; done, and a BEAM node is known,
 *             or the lock is wanted or was held for long: lock given back;
 *             else: lingering
 * lingering   submit: changing; time is up or the lock is wanted: lock given
 *             back
 *             (lock given back: locking, or pausing if the lock is wanted)
 * ```
 */

import type { Pid } from "../../../core/terms/terms.ts";
import type { GlobalPort, Undo } from "../state/port.ts";
import type { Locking } from "../locks/locking.ts";
import type { Question, Rounds } from "../locks/rounds.ts";
import type { GlobalTables } from "../state/tables.ts";
import {
  bossOf,
  changeLock,
  globalResource,
  type LockId,
  type Method,
  type NameOp,
  write,
} from "../protocol/terms.ts";

/** How long the lock is kept in case that another change follows. */
const LINGER_MS = 5;
/** Longest that the lock is held in one go, even if more changes wait. */
const HOLD_MS = 5_000;
/** Pause before the lock is taken again when another node wants it. */
const COURTESY_MS = 5;
/** Most changes of one batch. */
const BATCH_MAX = 1_000;
/** Most changes that wait. */
const QUEUE_MAX = 100_000;

/** A change that an actor asks for. */
export type Change =
  | {
    readonly type: "register" | "reRegister";
    readonly name: unknown;
    readonly pid: Pid;
    readonly method: Method;
  }
  | { readonly type: "unregister"; readonly name: unknown };

/** Whether the change was made; `timeout` if it was not begun in time. */
export type ChangeResult = boolean | "timeout" | "overload";

type Waiting = {
  readonly change: Change;
  readonly done: (result: ChangeResult) => void;
  readonly endTimer: Undo;
};

export type RegistrarParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly rounds: Rounds;
  readonly locking: Locking;
  readonly known: () => readonly string[];
  readonly isHornbeam: (node: string) => boolean;
  /** Whether a pid may have several names. */
  readonly allowsSeveral: boolean;
};

/** `nodes` are the nodes on which the lock is held. */
type Phase =
  | { readonly type: "idle" }
  | { readonly type: "locking" }
  | { readonly type: "pausing"; readonly end: Undo }
  | { readonly type: "changing"; readonly nodes: readonly string[] }
  | {
    readonly type: "lingering";
    readonly nodes: readonly string[];
    readonly end: Undo;
  };

const idle: Phase = { type: "idle" };

export class Registrar {
  readonly #parts: RegistrarParts;
  /** The lock of names with this server as its requester. */
  readonly #lock: LockId;
  /**
   * Changes that are not begun, in order of arrival; at most `QUEUE_MAX`. Each
   * has a running timer. Empty while the phase is `idle` or `lingering`.
   */
  readonly #queue: Waiting[] = [];
  /** The lock is held exactly in the phases `changing` and `lingering`. */
  #phase: Phase = idle;
  /** Refusals in a row; 0 once the lock was taken. */
  #tries = 0;
  /** Whether another requester waits for the lock since it was last taken. */
  #isWanted = false;
  /** Whether the lock has been held for `HOLD_MS`. */
  #isHeldLong = false;
  /** Stops the timer that sets `#isHeldLong`. */
  #endHold: Undo = () => {};

  constructor(parts: RegistrarParts) {
    this.#parts = parts;
    this.#lock = changeLock(parts.port.pid);
  }

  /** Whether nothing is under way and nothing is held. */
  get isIdle(): boolean {
    return this.#phase === idle;
  }

  submit(
    change: Change,
    timeoutMs: number,
    done: (result: ChangeResult) => void,
  ): void {
    if (this.#queue.length >= QUEUE_MAX) {
      done("overload");
      return;
    }
    const endTimer = this.#parts.port.timer(timeoutMs, () => {
      const at = this.#queue.indexOf(waiting);
      if (at < 0) return;
      this.#queue.splice(at, 1);
      done("timeout");
    });
    const waiting: Waiting = { change, done, endTimer };
    this.#queue.push(waiting);
    if (this.#phase.type === "idle") this.#takeLock();
    else if (this.#phase.type === "lingering") {
      this.#resumeFromLinger(this.#phase);
    }
  }

  /** Another requester waits for a resource: a lingering lock is given back. */
  hurry(resource: unknown): void {
    if (resource !== globalResource) return;
    this.#isWanted = true;
    if (this.#phase.type === "lingering") this.#releaseLock(this.#phase.nodes);
  }

  #takeLock(): void {
    const { port, locking, known } = this.#parts;
    if (this.#queue.length === 0) {
      this.#phase = idle;
      return;
    }
    this.#phase = { type: "locking" };
    const nodes = [port.node, ...known()];
    const attempt = {
      id: this.#lock,
      holder: port.pid,
      steps: [[bossOf(nodes)], nodes],
    };
    locking.takeLock(attempt, ({ isLocked, refusedBy }) => {
      if (isLocked) this.#locked(nodes);
      else this.#pause(refusedBy, this.#tries++);
    });
  }

  #pause(refusedBy: readonly string[], tries: number): void {
    const end = this.#parts.locking.retryLater(
      globalResource,
      { refusedBy, tries },
      () => this.#takeLock(),
    );
    this.#phase = { type: "pausing", end };
  }

  #locked(nodes: readonly string[]): void {
    this.#tries = 0;
    this.#isWanted = false;
    this.#isHeldLong = false;
    this.#endHold = this.#parts.port.timer(HOLD_MS, () => {
      this.#isHeldLong = true;
    });
    this.#makeBatch(nodes);
  }

  #resumeFromLinger(
    { nodes, end }: Extract<Phase, { readonly type: "lingering" }>,
  ): void {
    end();
    this.#makeBatch(nodes);
  }

  #makeBatch(nodes: readonly string[]): void {
    const { port, rounds, known } = this.#parts;
    if (known().some((node) => !nodes.includes(node))) {
      // A node has joined meanwhile; the change must be made there as well.
      this.#releaseLock(nodes);
      return;
    }
    this.#phase = { type: "changing", nodes };
    const batch = this.#queue.splice(0, BATCH_MAX);
    const ops: NameOp[] = [];
    const results = batch.map(({ change, endTimer }) => {
      endTimer();
      const op = this.#opOf(change);
      if (op === null) return change.type === "unregister";
      this.#parts.tables.apply(op);
      ops.push(op);
      return true;
    });
    const others = known().filter((node) => node !== port.node);
    rounds.ask(this.#questions(others, ops), () => {
      batch.forEach(({ done }, i) => done(results[i] ?? false));
      this.#afterBatch(nodes);
    });
  }

  #questions(nodes: readonly string[], ops: readonly NameOp[]): Question[] {
    const { port: { pid: holder }, isHornbeam } = this.#parts;
    if (ops.length === 0) return [];
    return nodes.flatMap((node) =>
      isHornbeam(node)
        ? [{ node, holder, request: write.changes(ops) }]
        : ops.map((op) => ({ node, holder, request: write.change(op) }))
    );
  }

  /** The operation that makes a change; null if there is nothing to do. */
  #opOf(change: Change): NameOp | null {
    const { tables, allowsSeveral, port } = this.#parts;
    const known = tables.find(change.name);
    switch (change.type) {
      case "unregister":
        return known === null ? null : { type: "delete", name: change.name };
      case "register":
        if (known !== null) return null;
        if (!allowsSeveral && tables.hasName(change.pid)) {
          port.log(
            "warning",
            `global: ${change.pid} has a name already, and gets no second one`,
          );
          return null;
        }
        break;
      case "reRegister":
        break;
      default:
        change satisfies never;
    }
    const { name, pid, method } = change;
    return { type: "insert", entry: { name, pid, method } };
  }

  #afterBatch(nodes: readonly string[]): void {
    if (this.#isWanted || this.#isHeldLong) {
      this.#releaseLock(nodes);
    } else if (this.#queue.length > 0) {
      this.#makeBatch(nodes);
    } else if (this.#parts.known().every(this.#parts.isHornbeam)) {
      const end = this.#parts.port.timer(
        LINGER_MS,
        () => this.#releaseLock(nodes),
      );
      this.#phase = { type: "lingering", nodes, end };
    } else {
      this.#releaseLock(nodes);
    }
  }

  #releaseLock(nodes: readonly string[]): void {
    const { port, locking } = this.#parts;
    if (this.#phase.type === "lingering") this.#phase.end();
    this.#endHold();
    const isWanted = this.#isWanted;
    this.#phase = { type: "locking" };
    locking.releaseLock(this.#lock, port.pid, nodes);
    if (!isWanted || this.#queue.length === 0) {
      this.#takeLock();
      return;
    }
    const end = port.timer(COURTESY_MS, () => this.#takeLock());
    this.#phase = { type: "pausing", end };
  }
}
