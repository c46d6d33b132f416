/**
 * A worker as its parent sees it: the thread, the calls to it, and its end.
 *
 * One object is one incarnation. `workers/entry.ts` runs in the thread;
 * `workers/workers.ts` knows all workers of a node.
 */

import { option, OptionTable } from "../core/messages/options.ts";
import { isError } from "../core/terms/error_text.ts";
import { printTerm } from "../core/terms/terms.ts";
import type { Presence } from "../net/epmd/presence.ts";
import type { NodeStats, WorkerState } from "../node_stats.ts";
import type { LinkEnd } from "../platform/workers/carrier.ts";
import type { Thread, ThreadExit } from "../platform/workers/thread.ts";
import type { ProgramEnd, StartOrder, WorkerApi } from "./protocol.ts";
import type { WorkerCallOptions, WorkerExit, WorkerNode } from "./types.ts";
import { within } from "../platform/host/event_loop.ts";
import { type Calls, withPort } from "../platform/workers/control.ts";
import { stopsBusyThreads } from "../platform/workers/thread.ts";

const CALL_MS = 5_000;
/**
 * How long a thread may take to end once it is terminated or has taken the order
 * to quit. On a busy machine many threads end slowly.
 */
const TERMINATE_MS = 10_000;
/** How long a thread that cannot be stopped may take to take that order. */
const QUIT_MS = 500;

/** The parts of a hosted worker. */
export type HostedWorkerParts = {
  readonly order: StartOrder;
  readonly thread: Thread;
  readonly calls: Calls<WorkerApi>;
  /** Tells all other nodes of the process that the thread has ended. */
  readonly onExit: (worker: HostedWorker, exit: WorkerExit) => Promise<void>;
  readonly restart: () => Promise<WorkerNode>;
  /** Whether `thread.terminate` ends a busy thread. Default: as it is here. */
  readonly stopsBusy?: boolean;
};

/** A worker, from the start of its thread to its end. */
export class HostedWorker implements WorkerNode {
  readonly name: string;
  readonly exited: Promise<WorkerExit>;
  /**
   * Its place in epmd; null while it has none. The parent holds it, so that it
   * does not outlast the thread.
   */
  presence: Presence | null = null;
  /** The error that kept it from being registered; null if there was none. */
  refusal: unknown = null;
  /** Resolves with whether the node has started, once that is known. */
  readonly started: Promise<boolean>;
  /** Whether its program was started. Never set back. */
  wasUp = false;
  readonly #parts: HostedWorkerParts;
  readonly #exit = Promise.withResolvers<WorkerExit>();
  readonly #starting = Promise.withResolvers<boolean>();
  /** Only moves forward: starting, up, stopping, then ended or lost. */
  #state: WorkerState = "starting";
  /** How its program has ended, as told by the thread; null before. */
  #programExit: WorkerExit | null = null;
  /** The order to end that it got last; null if it got none. */
  #orderedEnd: "stop" | "terminate" | null = null;
  /** Whether its end was noted. True exactly when `#state` is ended or lost. */
  #hasEnded = false;

  constructor(parts: HostedWorkerParts) {
    this.name = parts.order.name;
    this.#parts = parts;
    this.exited = this.#exit.promise;
    this.started = this.#starting.promise;
    void parts.thread.exited.then((exit) => this.#noteEnd(this.#exitOf(exit)));
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Starts the node in the thread. Rejects when that fails. */
  async start(): Promise<void> {
    const { calls, order } = this.#parts;
    await calls.call("start", [order], order.timeoutMs);
    this.#starting.resolve(true);
  }

  /** Starts the program, once the node is up and connected. */
  async run(): Promise<void> {
    const { calls, order } = this.#parts;
    await calls.call("run", [], order.timeoutMs);
    this.wasUp = true;
    if (this.#state === "starting") this.#state = "up";
  }

  /** Gives it one end of a link with the node `from`. */
  async accept(from: string, end: LinkEnd): Promise<void> {
    const { calls, order } = this.#parts;
    await calls.call("accept", [from, withPort(end)], order.timeoutMs);
  }

  /** Tells it that the thread of another worker has ended. */
  tellSiblingLost(nodeName: string, reason: string): void {
    // A worker that does not answer notices the silence by itself.
    this.#parts.calls.notify("siblingLost", [nodeName, reason], CALL_MS)
      .catch(() => {});
  }

  /** The thread tells how its program has ended. */
  programEnded(end: ProgramEnd): void {
    this.#programExit = end.type === "done"
      ? end
      : { type: "failed", error: errorOf(end.thrown) };
  }

  stats(options?: WorkerCallOptions): Promise<NodeStats> {
    return this.#parts.calls.call("stats", [], limitOf(options));
  }

  exports(options?: WorkerCallOptions): Promise<readonly string[]> {
    return this.#parts.calls.call("exported", [], limitOf(options));
  }

  async stop(options?: WorkerCallOptions): Promise<WorkerExit> {
    // It may be busy with loading its module, and has nothing to finish yet.
    if (this.#state === "starting") return await this.terminate();
    if (!this.#hasEnded && this.#orderedEnd === null) {
      this.#orderedEnd = "stop";
      this.#state = "stopping";
      this.#parts.calls.notify("stop", [], limitOf(options)).catch(() => {});
    }
    return await this.#within(limitOf(options)) ?? await this.terminate();
  }

  async terminate(): Promise<WorkerExit> {
    if (this.#hasEnded) return await this.exited;
    this.#orderedEnd = "terminate";
    this.#state = "stopping";
    const { thread, calls, stopsBusy = stopsBusyThreads } = this.#parts;
    let quits = stopsBusy;
    if (!stopsBusy) {
      const isTaken = calls.order("quit", [], QUIT_MS);
      const exit = await this.#within(QUIT_MS);
      if (exit !== null) return exit;
      quits = isTaken();
    }
    if (stopsBusy) thread.terminate();
    const exit = quits ? await this.#within(TERMINATE_MS) : null;
    if (exit === null) this.#noteEnd({ type: "terminated", isLost: true });
    if (!stopsBusy) thread.terminate();
    return await this.exited;
  }

  restart(): Promise<WorkerNode> {
    return this.#parts.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** How it has ended, or null when it has not ended within the time. */
  #within(timeoutMs: number): Promise<WorkerExit | null> {
    return within(this.exited, timeoutMs);
  }

  #exitOf({ code, error }: ThreadExit): WorkerExit {
    if (this.#programExit !== null) return this.#programExit;
    if (this.#orderedEnd === "stop") return { type: "stopped" };
    if (this.#orderedEnd === "terminate") {
      return { type: "terminated", isLost: false };
    }
    if (error === null) return { type: "exited", code };
    return {
      type: "failed",
      error: isError(error) ? error : new Error(printTerm(error)),
    };
  }

  #noteEnd(exit: WorkerExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const isLost = exit.type === "terminated" && exit.isLost;
    this.#state = isLost ? "lost" : "ended";
    this.#parts.calls.close();
    this.#starting.resolve(false);
    const resolveExit = (): void => this.#exit.resolve(exit);
    this.#parts.onExit(this, exit).then(resolveExit, resolveExit);
  }
}

const workerCallOptions = new OptionTable<WorkerCallOptions>("the worker", {
  timeoutMs: option.timeout,
});

function limitOf(options: WorkerCallOptions | undefined): number {
  workerCallOptions.check(options);
  return options?.timeoutMs ?? CALL_MS;
}

function errorOf(
  { name, message, stack }: Extract<ProgramEnd, { type: "failed" }>["thrown"],
): Error {
  if (name === null) return new Error(`thrown: ${message}`);
  const error = new Error(message);
  error.name = name;
  if (stack !== null) error.stack = stack;
  return error;
}
