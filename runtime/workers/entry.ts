/**
 * The main module of a worker's thread: waits for the order of its parent,
 * starts the node that the order describes, and then serves calls of the
 * parent.
 *
 * It is the composition root of a thread, as `start.ts` is that of a process.
 */

import { isError } from "../core/terms/error_text.ts";
import type { LogRecord } from "../core/host/ports.ts";
import type { Presence } from "../net/epmd/presence.ts";
import type {
  ParentApi,
  ProgramEnd,
  StartOrder,
  ThreadPorts,
  WorkerApi,
} from "./protocol.ts";
import { UsageError } from "../core/messages/errors.ts";
import { printTerm } from "../core/terms/terms.ts";
import { setTimer } from "../platform/host/event_loop.ts";
import { createHost } from "../platform/host/host.ts";
import { createLog } from "../platform/host/log.ts";
import { WorkerCarriers } from "../platform/workers/carrier.ts";
import { Calls, offer } from "../platform/workers/control.ts";
import {
  endThread,
  onPortClosed,
  onUncaught,
  quitThread,
  threadData,
} from "../platform/workers/thread.ts";
import { type Program, programOf } from "../program.ts";
import { type NamedNode, startNamed } from "../start.ts";

/** The second argument of the default export of a worker's module. */
type Context = Readonly<Record<string, unknown>> & {
  readonly signal: AbortSignal;
};

/** Limit for the parent to note how the program has ended. */
const PROGRAM_ENDED_MS = 1_000;
/** Limit for the parent to take a log record. */
const LOG_MS = 5_000;
/** Limit for connections to take the messages that were sent before the end. */
const SENT_MS = 5_000;
/** Time between two checks for that. */
const POLL_MS = 5;

class HostedNode {
  readonly #parent: Calls<ParentApi>;
  readonly #carriers = new WorkerCarriers();
  readonly #ending = new AbortController();
  /** The node; null until `start` has started it. */
  #started: NamedNode | null = null;
  /** The program; null until `start` has loaded it. */
  #program: Program<Context> | null = null;
  #context: Readonly<Record<string, unknown>> = {};
  /** Resolves when the program has ended; null before it runs. */
  #running: Promise<void> | null = null;
  /**
   * Whether the program has read its signal. `stop` waits for the program only
   * then, because otherwise it cannot know that it should end.
   */
  #isSignalTaken = false;
  /** Whether the thread is about to end. Never set back. */
  #isEnding = false;

  constructor(parent: Calls<ParentApi>) {
    this.#parent = parent;
    onUncaught((error) => this.#endByItself(failedWith(error), 1));
  }

  get #node(): NamedNode {
    if (this.#started !== null) return this.#started;
    throw new UsageError("expected a worker that has started, got one before");
  }

  async start(order: StartOrder): Promise<void> {
    const { name, cookie, options, module, timeoutMs } = order;
    const program = programOf<Context>(await import(module), module);
    const host = createHost({ log: (record) => this.#log(record) });
    this.#program = program;
    this.#context = order.context;
    this.#started = await startNamed(
      {
        ...options,
        ...program.options,
        name,
        cookie,
        port: order.port,
        exports: chosen(program.exports, order.exports, module),
      },
      host,
      {
        neighbours: {
          connect: (nodeName) => this.#connect(nodeName, timeoutMs),
        },
        presence: order.isRegistered
          ? (listenPort) => this.#presence(listenPort, timeoutMs)
          : null,
      },
    );
  }

  run(): void {
    const { run } = this.#program ?? { run: null };
    if (run === null) return;
    const takeSignal = (): AbortSignal => {
      this.#isSignalTaken = true;
      return this.#ending.signal;
    };
    const context: Context = {
      ...this.#context,
      get signal() {
        return takeSignal();
      },
    };
    const { running } = this.#node;
    this.#running = (async () => {
      try {
        await run(running, context);
      } catch (error) {
        if (isAbort(error, this.#ending.signal)) return;
        if (this.#isEnding) {
          const why = "the program failed while it was stopped";
          running.log("error", why, { error });
        } else {
          this.#endByItself(failedWith(error), 1);
        }
        return;
      }
      if (!this.#ending.signal.aborted) this.#endByItself({ type: "done" }, 0);
    })();
  }

  accept(from: string, end: Parameters<WorkerApi["accept"]>[1]): void {
    this.#node.distribution.accept(this.#carriers.take(from, end));
  }

  siblingLost(nodeName: string, reason: string): void {
    void this.#carriers.lose(nodeName, reason);
  }

  stats(): ReturnType<WorkerApi["stats"]> {
    return this.#node.running.stats();
  }

  exported(): readonly string[] {
    return [...this.#node.node.exports.keys()];
  }

  async stop(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#ending.abort(new Error("the worker stops"));
    if (this.#isSignalTaken) await this.#running;
    await this.#started?.running.stop();
    await endThread(0);
  }

  /** The parent's thread has closed the port or has ended. */
  orphaned(): void {
    quitThread(1);
  }

  /** The program has ended: tells the parent how, and ends the thread. */
  async #endByItself(end: ProgramEnd, code: number): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    // Other nodes see a failure as a crash, but they get the sent messages.
    this.#started?.node.scheduler.flush();
    if (end.type === "done") {
      await this.#allSent();
      await this.#started?.running.stop();
    }
    try {
      await this.#parent.notify("programEnded", [end], PROGRAM_ENDED_MS);
    } catch {
      // The exit code says the same, in short.
    }
    await endThread(code);
  }

  /**
   * Waits until all messages are written. A connection that is closed waits for
   * a second at most, and large messages are written only as fast as the other
   * end reads them.
   */
  async #allSent(): Promise<void> {
    const isSending = () =>
      this.#node.running.connections().some(({ waitingBytes, waitingLarge }) =>
        waitingBytes + waitingLarge > 0
      );
    for (let left = SENT_MS; left > 0 && isSending(); left -= POLL_MS) {
      await new Promise<void>((resolve) => void setTimer(resolve, POLL_MS));
    }
  }

  async #connect(nodeName: string, timeoutMs: number) {
    const end = await this.#parent.call("makeLink", [nodeName], timeoutMs);
    return end === null ? null : this.#carriers.take(nodeName, end);
  }

  /**
   * The parent registers the node, so that the name is free once it has ended.
   */
  #presence(listenPort: number, timeoutMs: number): Presence {
    return {
      start: () => this.#parent.call("register", [listenPort], timeoutMs),
      stop: () => Promise.resolve(),
    };
  }

  #log(record: LogRecord): void {
    const { fields = {} } = record;
    const plain = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, printed(value)]),
    );
    this.#parent.notify("log", [{ ...record, fields: plain }], LOG_MS)
      .catch(() => createLog({ level: "warning" })(record));
  }
}

function chosen(
  all: Program<Context>["exports"],
  names: readonly string[] | null,
  module: string,
): Program<Context>["exports"] {
  if (names === null) return all;
  const missing = names.find((name) => !Object.hasOwn(all, name));
  if (missing !== undefined) {
    throw new UsageError(
      `expected ${module} to have "${missing}" among its \`exports\`, got ` +
        `${Object.keys(all).join(", ") || "none"}`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, all[name]!]));
}

/** Whether a program has failed only because its signal was aborted. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason ||
    (isError(error) && error.name === "AbortError"));
}

function failedWith(error: unknown): ProgramEnd {
  try {
    if (error instanceof Error) {
      const { name, message, stack } = error;
      const thrown = {
        name: String(name),
        message: String(message),
        stack: stack === undefined ? null : String(stack),
      };
      return { type: "failed", thrown };
    }
  } catch {
    // It is printed as a term, which never throws.
  }
  const thrown = { name: null, message: printTerm(error), stack: null };
  return { type: "failed", thrown };
}

/** A field of a log record in a form that can be cloned. */
function printed(value: unknown): unknown {
  return typeof value === "object" || typeof value === "function" ||
      typeof value === "symbol"
    ? printTerm(value)
    : value;
}

const { orders, questions } = threadData() as ThreadPorts;
const hosted = new HostedNode(new Calls<ParentApi>(questions, "the parent"));
onPortClosed(orders, () => hosted.orphaned());
offer<WorkerApi>(orders, {
  start: (order) => hosted.start(order),
  run: () => hosted.run(),
  accept: (from, end) => hosted.accept(from, end),
  siblingLost: (nodeName, reason) => hosted.siblingLost(nodeName, reason),
  stats: () => hosted.stats(),
  exported: () => hosted.exported(),
  stop: () => void hosted.stop(),
  quit: () => quitThread(1),
});
