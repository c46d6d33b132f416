/**
 * A worker node as the node that started it sees it: a thread, what is said to
 * it, and how it ended.
 *
 * One object is one incarnation. What runs in the thread is `workers/entry.ts`;
 * who is in the same process is `workers/workers.ts`.
 */

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
/** How long a thread may take to end once it is told to. */
const TERMINATE_MS = 2_000;
/** How long one that can be asked only may take to hear of it. */
const QUIT_MS = 500;

/** What a hosted worker is made of. */
export type HostedWorkerParts = {
  readonly order: StartOrder;
  readonly thread: Thread;
  readonly calls: Calls<WorkerApi>;
  /**
   * Tells everybody that the thread is gone, and resolves when that is done.
   */
  readonly onExit: (worker: HostedWorker, exit: WorkerExit) => Promise<void>;
  readonly restart: () => Promise<WorkerNode>;
};

/** A worker from its thread's start to its end. */
export class HostedWorker implements WorkerNode {
  readonly name: string;
  readonly exited: Promise<WorkerExit>;
  /** Its place in epmd, held here so that it outlives no thread. */
  presence: Presence | null = null;
  /** What kept it from being registered. */
  refusal: unknown = null;
  /** Whether its node has started; resolves when that is decided. */
  readonly started: Promise<boolean>;
  /** Whether its program was begun. */
  wasUp = false;
  readonly #parts: HostedWorkerParts;
  readonly #exit = Promise.withResolvers<WorkerExit>();
  readonly #starting = Promise.withResolvers<boolean>();
  #state: WorkerState = "starting";
  /** What it said of its end, before its thread ended. */
  #lastWord: WorkerExit | null = null;
  /** What it was told to do. */
  #told: "stop" | "terminate" | null = null;
  #isOver = false;

  constructor(parts: HostedWorkerParts) {
    this.name = parts.order.name;
    this.#parts = parts;
    this.exited = this.#exit.promise;
    this.started = this.#starting.promise;
    void parts.thread.exited.then((exit) => this.#over(this.#exitOf(exit)));
  }

  get state(): WorkerState {
    return this.#state;
  }

  /**
   * Starts the node in the thread; rejects with what keeps it from starting.
   */
  async start(): Promise<void> {
    const { calls, order } = this.#parts;
    await calls.call("start", [order], order.timeoutMs);
    this.#starting.resolve(true);
  }

  /** The node is up and connected: its program may begin. */
  async run(): Promise<void> {
    const { calls, order } = this.#parts;
    await calls.call("run", [], order.timeoutMs);
    this.wasUp = true;
    if (this.#state === "starting") this.#state = "up";
  }

  /** Hands it one end of a link with `from`. */
  async accept(from: string, end: LinkEnd): Promise<void> {
    const { calls, order } = this.#parts;
    await calls.call("accept", [from, withPort(end)], order.timeoutMs);
  }

  /** Tells it that the thread of a sibling is gone. */
  tellLost(nodeName: string, reason: string): void {
    // One that does not answer will find out by itself.
    this.#parts.calls.call("lost", [nodeName, reason], CALL_MS)
      .catch(() => {});
  }

  /** Its last word. */
  ended(end: ProgramEnd): void {
    this.#lastWord = end.type === "done"
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
    if (!this.#isOver && this.#told === null) {
      this.#told = "stop";
      this.#state = "stopping";
      this.#parts.calls.call("stop", [], limitOf(options)).catch(() => {});
    }
    return await this.#within(limitOf(options)) ?? await this.terminate();
  }

  async terminate(): Promise<WorkerExit> {
    if (this.#isOver) return await this.exited;
    this.#told = "terminate";
    this.#state = "stopping";
    const { thread, calls } = this.#parts;
    if (!stopsBusyThreads) {
      calls.call("quit", [], QUIT_MS).catch(() => {});
      const exit = await this.#within(QUIT_MS);
      if (exit !== null) return exit;
      this.#over({ type: "terminated", isLost: true });
    }
    thread.terminate();
    const exit = await this.#within(TERMINATE_MS);
    if (exit === null) this.#over({ type: "terminated", isLost: true });
    return await this.exited;
  }

  restart(): Promise<WorkerNode> {
    return this.#parts.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** How it has ended, or null if it has not within the time. */
  #within(timeoutMs: number): Promise<WorkerExit | null> {
    return within(this.exited, timeoutMs);
  }

  #exitOf({ code, error }: ThreadExit): WorkerExit {
    if (this.#lastWord !== null) return this.#lastWord;
    if (this.#told === "stop") return { type: "stopped" };
    if (this.#told === "terminate") {
      return { type: "terminated", isLost: false };
    }
    if (error === null) return { type: "exited", code };
    return {
      type: "failed",
      error: error instanceof Error ? error : new Error(String(error)),
    };
  }

  #over(exit: WorkerExit): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const isLost = exit.type === "terminated" && exit.isLost;
    this.#state = isLost ? "lost" : "ended";
    this.#parts.calls.close();
    this.#starting.resolve(false);
    const told = (): void => this.#exit.resolve(exit);
    this.#parts.onExit(this, exit).then(told, told);
  }
}

function limitOf(options: WorkerCallOptions | undefined): number {
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
