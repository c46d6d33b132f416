/**
 * The changes of names that actors of this node ask for, one batch at a time.
 *
 * OTP's protocol: names are locked on the boss, then on all nodes that are
 * known; the change is made on all of them; the lock is given back. All that
 * waits here goes into one batch, and among Hornbeam nodes a batch is one
 * message per node. Between Hornbeam nodes the lock is also kept for a moment
 * after a batch, so that an actor which registers one name after the other
 * takes it once; whoever wants it gets it at once. With a BEAM node as a member
 * it is given back after each batch, since that would have to wait for chance.
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

/** How long the lock is kept in case that something follows. */
const LINGER_MS = 5;
/** Longest that it is kept in one go, however much follows. */
const HOLD_MS = 5_000;
/** Pause before it is taken again where somebody else wants it. */
const COURTESY_MS = 5;
/** Most changes of one batch. */
const BATCH_MAX = 1_000;
/** Most changes that wait. */
const QUEUE_MAX = 100_000;

/** What an actor asks for. */
export type Change =
  | {
    readonly type: "register" | "reRegister";
    readonly name: unknown;
    readonly pid: Pid;
    readonly method: Method;
  }
  | { readonly type: "unregister"; readonly name: unknown };

/** Whether the change was made; `timeout` when it was not even begun. */
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

/** `nodes`: where the lock is held. */
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
  readonly #lock: LockId;
  #queue: Waiting[] = [];
  #phase: Phase = idle;
  #tries = 0;
  #isWanted = false;
  #isHeldLong = false;
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

  /** Somebody else waits for the lock. */
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
      // One has joined: the change must be made there as well.
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

  /** What there is to do; null when the answer is known without. */
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
