/**
 * The coordinator: it hands files to workers on all nodes, collects their
 * counts, and hands the files of a worker that has ended to the others.
 *
 * It monitors every worker. A `Down` is its only notice when an actor or its
 * process ends or the connection is lost, and it is enough: a file counts only
 * when its last part has come, so files that an ended worker had not delivered
 * go back to the queue. An answer of a worker that does not hold the file is
 * dropped, so no file is counted twice.
 */

import type { Down, ExitReason, Pid, Ref, Self } from "../../runtime/mod.ts";
import type { CorpusFile } from "./corpus.ts";
import type { FileFacts } from "./count.ts";
import { WordIndex } from "./index.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

/** Actors on each node: while one waits for its disk, another counts. */
const WORKERS_PER_NODE = 2;
/** Files that a worker holds at a time, so that it never waits for the next. */
const FILES_IN_FLIGHT = 4;
/** A file that ends so many workers ends the job. */
const MAX_ATTEMPTS = 3;

/** What the coordinator reports while it works. */
export type Happening =
  | {
    readonly type: "handed";
    readonly files: number;
    readonly workers: number;
    readonly waiting: number;
  }
  | { readonly type: "progress"; readonly done: number }
  | {
    readonly type: "killed";
    readonly node: string;
    readonly held: HeldFile[];
  }
  | {
    readonly type: "down";
    readonly worker: Pid;
    readonly reason: ExitReason;
    /** What it held. */
    readonly names: string[];
  }
  | { readonly type: "again"; readonly name: string; readonly node: string }
  | { readonly type: "finished"; readonly dropped: number };

export type HeldFile = { readonly name: string; readonly isCounted: boolean };

/** An accident on purpose: `strike` kills the node in the middle of the job. */
export type Accident = { readonly node: string; readonly strike: () => void };

export type Job = {
  readonly files: readonly CorpusFile[];
  /** Where workers run. Each exports `word_worker`. */
  readonly nodes: readonly string[];
  readonly accident: Accident | null;
  readonly tell: (happening: Happening) => void;
};

/** What the coordinator receives. */
export type Inbox = FromWorker | Down;

type Worker = {
  readonly pid: Pid<ToWorker>;
  readonly ref: Ref | null;
  readonly holds: Set<Task>;
};

/** A file on its way from the queue into the index. */
type Task = {
  readonly file: number;
  readonly path: string;
  readonly name: string;
  attempts: number;
  /** What the present holder has answered so far. */
  facts: FileFacts | null;
  parts: ReadonlyMap<string, number>[];
};

/**
 * The body of the coordinator; run it with `node.run`. Rejects when no worker
 * is left, or when a file ends one worker after the other.
 */
export async function coordinate(
  self: Self<Inbox>,
  job: Job,
): Promise<WordIndex> {
  const coordinator = new Coordinator(self, job);
  await coordinator.hire();
  while (!coordinator.isDone) {
    const message = await self.receive();
    switch (message.type) {
      case "counted":
        coordinator.counted(message);
        break;
      case "part":
        coordinator.part(message);
        break;
      case "DOWN":
        coordinator.down(message);
        break;
      default:
        message satisfies never;
    }
    coordinator.handOut();
    coordinator.strikeIfDue();
  }
  return coordinator.finish();
}

class Coordinator {
  readonly #self: Self<Inbox>;
  readonly #job: Job;
  readonly #index = new WordIndex();
  /** Files that no worker holds, the next one last. */
  readonly #queue: Task[];
  #workers: Worker[] = [];
  #done = 0;
  /** Answers of workers that no longer held the file. */
  #dropped = 0;
  /** The accident, until it has happened. */
  #accident: Accident | null;
  /** A counted file that stays where the accident will be. */
  #bait: Task | null = null;

  constructor(self: Self<Inbox>, job: Job) {
    this.#self = self;
    this.#job = job;
    this.#accident = job.accident;
    this.#queue = job.files.map(({ path, name }, file) => ({
      file,
      path,
      name,
      attempts: 0,
      facts: null,
      parts: [],
    })).reverse();
  }

  get isDone(): boolean {
    return this.#done === this.#job.files.length;
  }

  /** Starts the workers, and gives each its first files. */
  async hire(): Promise<void> {
    const nodes = [...this.#job.nodes];
    // Where there are not enough files for all, that node must get one.
    if (this.#accident !== null && this.#queue.length < nodes.length) {
      nodes.unshift(...nodes.splice(nodes.indexOf(this.#accident.node), 1));
    }
    for (let n = 0; n < WORKERS_PER_NODE; n++) {
      for (const node of nodes) {
        const { pid, ref } = await this.#self.spawnOn<ToWorker>(
          node,
          "word_worker",
          [this.#self.pid],
          { monitor: true },
        );
        this.#workers.push({ pid, ref, holds: new Set() });
      }
    }
    this.handOut();
    this.#job.tell({
      type: "handed",
      files: this.#job.files.length - this.#queue.length,
      workers: this.#workers.length,
      waiting: this.#queue.length,
    });
  }

  /** Fills up the workers evenly, one file each, then the next. */
  handOut(): void {
    for (let held = 0; held < FILES_IN_FLIGHT; held++) {
      for (const worker of this.#workers) {
        if (worker.holds.size > held) continue;
        const task = this.#queue.pop();
        if (task === undefined) return;
        this.#hand(task, worker);
      }
    }
  }

  #hand(task: Task, worker: Worker): void {
    const { file, path, name } = task;
    worker.holds.add(task);
    this.#self.send(worker.pid, { type: "count", file, path });
    if (task.attempts > 0) {
      this.#job.tell({ type: "again", name, node: worker.pid.node });
    }
  }

  /** A worker has counted a file: its parts can be collected. */
  counted({ from, file, facts }: Extract<Inbox, { type: "counted" }>): void {
    const task = this.#heldBy(from, file);
    if (task === null) return;
    task.facts = facts;
    if (from.node === this.#accident?.node && this.#bait === null) {
      this.#bait = task;
    } else {
      this.#self.send(from, { type: "collect", file });
    }
  }

  part({ from, file, part }: Extract<Inbox, { type: "part" }>): void {
    const task = this.#heldBy(from, file);
    if (task === null || task.facts === null) return;
    task.parts.push(part.counts);
    if (!part.isLast) {
      this.#self.send(from, { type: "collect", file });
      return;
    }
    this.#workerOf(from)?.holds.delete(task);
    this.#index.add(file, task.facts, task.parts);
    task.parts = [];
    this.#done++;
    this.#job.tell({ type: "progress", done: this.#done });
  }

  /** A worker is gone: its files are for the others. */
  down({ ref, reason }: Down): void {
    const worker = this.#workers.find((one) => one.ref === ref);
    if (worker === undefined) return;
    this.#workers = this.#workers.filter((one) => one !== worker);
    const { pid, holds } = worker;
    const names = [...holds].map(({ name }) => name);
    this.#job.tell({ type: "down", worker: pid, reason, names });
    for (const task of holds) this.#takeBack(task);
    if (this.#workers.length === 0 && !this.isDone) {
      throw new Error("expected a worker to be left, but all have died");
    }
  }

  #takeBack(task: Task): void {
    if (++task.attempts === MAX_ATTEMPTS) {
      throw new Error(
        `expected ${task.name} to be counted, but ${MAX_ATTEMPTS} workers ` +
          "died while they held it",
      );
    }
    task.facts = null;
    task.parts = [];
    if (task === this.#bait) this.#bait = null;
    this.#queue.push(task);
  }

  /**
   * Kills the doomed node once a third of the files is done. The bait is
   * counted but not collected, so the node certainly dies with work in hand.
   */
  strikeIfDue(): void {
    const accident = this.#accident;
    const isDue = this.#done >= Math.floor(this.#job.files.length / 3);
    if (accident === null || this.#bait === null || !isDue) return;
    this.#accident = null;
    accident.strike();
    const held = this.#workers
      .filter(({ pid }) => pid.node === accident.node)
      .flatMap(({ holds }) => [...holds])
      .map(({ name, facts }) => ({ name, isCounted: facts !== null }));
    this.#job.tell({ type: "killed", node: accident.node, held });
  }

  /** Hands the index over. The workers end because their coordinator does. */
  finish(): WordIndex {
    this.#job.tell({ type: "finished", dropped: this.#dropped });
    return this.#index;
  }

  #workerOf(pid: Pid): Worker | undefined {
    return this.#workers.find((worker) => worker.pid === pid);
  }

  /** The task, if that worker holds it now; else the answer is dropped. */
  #heldBy(pid: Pid, file: number): Task | null {
    for (const task of this.#workerOf(pid)?.holds ?? []) {
      if (task.file === file) return task;
    }
    this.#dropped++;
    return null;
  }
}
