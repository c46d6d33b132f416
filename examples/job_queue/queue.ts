/**
 * A queue of jobs: it sends each job to a worker on some node. When the job
 * fails or its worker is lost, the queue sends it to another worker, until it
 * is done or has failed too often.
 *
 * A job is done at least once: when a node is lost after its worker has done
 * the work and before its answer came, the work is done again. So jobs must be
 * repeatable.
 */

import {
  Down,
  NodeUp,
  type Pid,
  printTerm,
  type Ref,
  type ReplyTo,
  Timeout,
} from "../../runtime/mod.ts";
import { genServer, noReply, type Server } from "../../std/gen_server/mod.ts";
import type { Answer, Task } from "./worker.ts";

export type QueueOptions = {
  /** The name under which nodes export the worker. */
  readonly worker: string;
  /** Workers on each node. Default 2. */
  readonly workersPerNode?: number;
  /** How often a job is tried. Default 3. */
  readonly attemptsMax?: number;
  /** Wait before a failed job is tried again; doubled each time. Default 50. */
  readonly backoffMs?: number;
  /** Jobs that may be in the queue; more are refused. Default 10,000. */
  readonly jobsMax?: number;
};

/** The result of a job. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly attempts: number }
  | { readonly ok: false; readonly reason: string; readonly attempts: number };

type Job = {
  readonly id: number;
  readonly input: unknown;
  readonly from: ReplyTo;
  attempts: number;
};

type Worker = {
  readonly pid: Pid<Task>;
  readonly node: string;
  job: Job | null;
};

class Jobs {
  readonly options: Required<QueueOptions>;
  /** Jobs that wait for a worker, the oldest first. */
  readonly ready: Job[] = [];
  /** Jobs that wait to be tried again, by their timer. */
  readonly resting = new Map<Ref, Job>();
  /** Workers by their monitor. */
  readonly workers = new Map<Ref, Worker>();
  submitted = 0;
  unfinished = 0;

  constructor(options: QueueOptions) {
    this.options = {
      workersPerNode: 2,
      attemptsMax: 3,
      backoffMs: 50,
      jobsMax: 10_000,
      ...options,
    };
  }
}

type Queue = Server<Jobs>;

export const JobQueue = genServer({
  name: "JobQueue",
  init: (self, options: QueueOptions) => {
    self.monitorNodes();
    // Those that are there already.
    for (const node of self.nodes()) self.send(self.pid, new NodeUp(node));
    return new Jobs(options);
  },
  calls: {
    /** Resolves when the job is done, or has failed too often. */
    submit: (queue, input: unknown): Outcome | typeof noReply => {
      const { state, from } = queue;
      if (state.unfinished >= state.options.jobsMax) {
        return { ok: false, reason: "the queue is full", attempts: 0 };
      }
      state.unfinished++;
      state.ready.push({ id: state.submitted++, input, from, attempts: 0 });
      handOut(queue);
      return noReply;
    },
    /** For display and tests. */
    stats: ({ state }) => ({
      unfinished: state.unfinished,
      workers: state.workers.size,
    }),
  },
  info: (queue, message) => {
    if (message instanceof NodeUp) return hire(queue, message.node);
    if (message instanceof Down) return lose(queue, message);
    if (message instanceof Timeout) return tryAgain(queue, message.ref);
    if (isAnswer(message)) take(queue, message);
  },
});

function isAnswer(message: unknown): message is Answer {
  return (message as Partial<Answer> | null)?.type === "answer";
}

/** A node may offer no workers, or be gone again. */
async function hire(queue: Queue, node: string): Promise<void> {
  const { self, state } = queue;
  const { worker, workersPerNode } = state.options;
  const isOn = (w: Worker) => w.node === node;
  let count = [...state.workers.values()].filter(isOn).length;
  for (; count < workersPerNode; count++) {
    try {
      const { pid, ref } = await self.spawnOn<Task>(node, worker, [], {
        monitor: true,
      });
      state.workers.set(ref as Ref, { pid, node, job: null });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      self.log("info", `no worker on ${node}: ${why}`);
      return;
    }
  }
  handOut(queue);
}

function handOut({ self, state }: Queue): void {
  for (const [ref, worker] of state.workers) {
    if (worker.job !== null) continue;
    const job = state.ready.shift();
    if (job === undefined) return;
    worker.job = job;
    job.attempts++;
    const { id, input, attempts } = job;
    self.send(worker.pid, { id, input, attempts, ref, from: self.pid });
  }
}

function take(queue: Queue, answer: Answer): void {
  const worker = queue.state.workers.get(answer.ref);
  const job = worker?.job;
  // A late answer of a lost worker is ignored.
  if (worker === undefined || job?.id !== answer.id) return;
  worker.job = null;
  if (answer.ok) {
    finish(queue, job, {
      ok: true,
      value: answer.value,
      attempts: job.attempts,
    });
  } else {
    fail(queue, job, answer.reason);
  }
  handOut(queue);
}

/** A worker has ended or its node is lost: its job goes back to the queue. */
async function lose(queue: Queue, { ref, reason }: Down): Promise<void> {
  const { self, state } = queue;
  const worker = state.workers.get(ref);
  if (worker === undefined) return;
  state.workers.delete(ref);
  if (worker.job !== null) fail(queue, worker.job, printTerm(reason));
  if (self.nodes().includes(worker.node)) await hire(queue, worker.node);
}

function fail(queue: Queue, job: Job, reason: string): void {
  const { self, state } = queue;
  const { attemptsMax, backoffMs } = state.options;
  if (job.attempts >= attemptsMax) {
    finish(queue, job, { ok: false, reason, attempts: job.attempts });
  } else {
    const delayMs = backoffMs * 2 ** (job.attempts - 1);
    state.resting.set(self.startTimer(delayMs, null), job);
  }
}

function tryAgain(queue: Queue, timer: Ref): void {
  const { resting, ready } = queue.state;
  const job = resting.get(timer);
  if (job === undefined) return;
  resting.delete(timer);
  ready.push(job);
  handOut(queue);
}

function finish(queue: Queue, job: Job, outcome: Outcome): void {
  queue.state.unfinished--;
  queue.reply(job.from, outcome);
}
