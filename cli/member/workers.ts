/**
 * The worker nodes of one process of `hornbeam cluster`: starts them, and
 * restarts a worker that ends unexpectedly.
 */

import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import type { RunningNode, WorkerExit, WorkerNode } from "../../runtime/mod.ts";
import { describeThrown, failure } from "../shared/errors.ts";
import { Restarts } from "../shared/restarts.ts";
import type { WorkerOrder } from "./worker_program.ts";

/** One worker of a process. */
export type MemberWorker = {
  readonly name: string;
  readonly order: WorkerOrder;
};

const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
const module = new URL(`./worker_program${extension}`, import.meta.url);
/** Long, because all workers load the program at the same time. */
const START_MS = 30_000;
/** How long a program that uses its `signal` may run on after it. */
const STOP_MS = 2_500;

export class MemberWorkers {
  readonly #node: RunningNode;
  readonly #maxRestarts: number;
  #workers: readonly WorkerNode[] = [];

  constructor(node: RunningNode, maxRestarts: number) {
    this.#node = node;
    this.#maxRestarts = maxRestarts;
  }

  /** The number of workers that were started. */
  get count(): number {
    return this.#workers.length;
  }

  /** Rejects with a `CliError` when a worker cannot start. */
  async start(all: readonly MemberWorker[]): Promise<void> {
    this.#workers = await Promise.all(all.map(async ({ name, order }) => {
      try {
        const startTimeoutMs = START_MS;
        const context = order;
        const options = { name, module, context, startTimeoutMs };
        return await this.#node.startWorker(options);
      } catch (error) {
        throw failure(`${name} could not start: ${describeThrown(error)}`);
      }
    }));
  }

  /**
   * Resolves when the programs of all workers have ended, or when the workers
   * were stopped by the signal. Rejects when a worker may not be restarted any
   * more.
   */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.#workers.map((worker) => this.#supervise(worker, signal)),
    );
  }

  async #supervise(first: WorkerNode, signal: AbortSignal): Promise<void> {
    const restarts = new Restarts(this.#maxRestarts);
    for (let worker = first;;) {
      const exit = await exitOf(worker, signal);
      if (signal.aborted || exit.type === "done") return;
      const cause = explain(exit);
      const delayMs = restarts.next();
      if (delayMs === null) {
        const { complaint } = restarts;
        throw new Error(`${worker.name} is down: ${cause}${complaint}`);
      }
      this.#node.log("warning", `${worker.name} ended: ${cause}`, {
        startsAgainInMs: delayMs,
      });
      await setTimeout(delayMs);
      if (signal.aborted) return;
      worker = await worker.restart();
    }
  }
}

/** Waits for a worker's exit, and stops it when the signal is aborted. */
async function exitOf(
  worker: WorkerNode,
  signal: AbortSignal,
): Promise<WorkerExit> {
  const stop = (): void => void worker.stop({ timeoutMs: STOP_MS });
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const exit = await worker.exited;
  signal.removeEventListener("abort", stop);
  return exit;
}

function explain(exit: WorkerExit): string {
  switch (exit.type) {
    case "failed":
      process.stderr.write(`${inspect(exit.error)}\n`);
      return describeThrown(exit.error);
    case "exited":
      return `exit code ${exit.code}`;
    case "done":
    case "stopped":
    case "terminated":
      return exit.type;
    default:
      return exit satisfies never;
  }
}
