/**
 * The workers of a node: starts their threads, makes the links between nodes of
 * the process, and tells all of these nodes when a thread has ended.
 *
 * Only this thread has a port to every other thread, so it makes all links. Two
 * workers that have a link do not need this thread any more. This thread also
 * registers workers with epmd. So a name is free again as soon as the end of
 * its thread is known, even if that thread still holds sockets open.
 */

import type { Node } from "../core/node/node.ts";
import { type Carrier, CarrierError } from "../net/carrier/carrier.ts";
import type { Neighbours } from "../net/epmd/discovery.ts";
import type { ConnectOutcome } from "../net/peers/connect_waiters.ts";
import {
  createLink,
  type LinkEnd,
  WorkerCarriers,
} from "../platform/workers/carrier.ts";
import type { Presence } from "../net/epmd/presence.ts";
import type { NamedOptions } from "../start_options.ts";
import {
  inheritedNames,
  type InheritedOptions,
  type ParentApi,
  type StartOrder,
  type WorkerApi,
} from "./protocol.ts";
import { option, OptionTable } from "../core/messages/options.ts";
import { UsageError } from "../core/messages/errors.ts";
import { printTerm } from "../core/terms/terms.ts";
import { macrotask, within } from "../platform/host/event_loop.ts";
import {
  Calls,
  createPorts,
  offer,
  withPort,
  WorkerError,
} from "../platform/workers/control.ts";
import { moduleAddress, startThread } from "../platform/workers/thread.ts";
import { parseNodeName } from "../wire/shared/node_name.ts";
import { HostedWorker } from "./hosted_worker.ts";
import type { WorkerExit, WorkerNode, WorkerOptions } from "./types.ts";

/** Workers of one node at a time. */
const MAX_WORKERS = 256;
const START_MS = 10_000;
/** Limit for all workers to stop, when their node stops. */
const STOP_MS = 5_000;
/** Limit for reading the bytes that an ended thread has written. */
const READ_MS = 5_000;

/** The main module of threads, built or not. */
const entry = new URL(
  `./entry${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`,
  import.meta.url,
);

/** The parts of their node that workers need. */
export type WorkersParts = {
  readonly node: Node;
  readonly options: NamedOptions;
  readonly accept: (carrier: Carrier) => void;
  readonly connect: (nodeName: string) => Promise<ConnectOutcome>;
  /** Registers a worker with epmd; null where there is no epmd. */
  readonly presence:
    | ((nodeName: string, listenPort: number) => Presence)
    | null;
};

export class Workers implements Neighbours {
  readonly #parts: WorkersParts;
  /**
   * Exactly the workers whose end is not known, by name; at most `MAX_WORKERS`.
   */
  readonly #hosted = new Map<string, HostedWorker>();
  /** The carriers from this node to its workers. */
  readonly #carriers = new WorkerCarriers();
  /** Number in the last generated name. Never decreases. */
  #lastNumber = 0;
  /** Set by `stop`, for ever: no worker is started after that. */
  #isStopped = false;

  constructor(parts: WorkersParts) {
    this.#parts = parts;
  }

  /** The workers with a running thread. */
  list(): readonly WorkerNode[] {
    return [...this.#hosted.values()];
  }

  /** See `RunningNode.startWorker`. */
  async start(options: WorkerOptions): Promise<WorkerNode> {
    return await this.#launch(this.#order(options));
  }

  async #launch(order: StartOrder): Promise<WorkerNode> {
    const worker = this.#host(order);
    try {
      await worker.start();
      const outcome = await this.#parts.connect(order.name);
      if (!outcome.isUp) {
        throw new CarrierError(
          "refused",
          `expected to connect to ${order.name}, but: ${outcome.why}`,
        );
      }
      await worker.run();
      return worker;
    } catch (error) {
      const exit = await worker.terminate();
      throw reasonOf(worker, exit, error);
    }
  }

  /** A carrier to a worker of this node; see `Neighbours`. */
  async connect(nodeName: string): Promise<Carrier | null> {
    const end = await this.#linkTo(nodeName, this.#parts.node.name);
    return end === null ? null : this.#carriers.take(nodeName, end);
  }

  /** Stops all workers. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(
      [...this.#hosted.values()].map((worker) =>
        worker.stop({ timeoutMs: STOP_MS })
      ),
    );
  }

  #order(options: WorkerOptions): StartOrder {
    const module = checkedModule(options);
    const { options: own, node } = this.#parts;
    return {
      name: this.#nameFor(options.name),
      cookie: own.cookie,
      parent: node.name,
      options: inherited(own),
      port: options.port ?? 0,
      isRegistered: this.#parts.presence !== null,
      module,
      exports: options.exports ?? null,
      context: options.context ?? {},
      timeoutMs: options.startTimeoutMs ?? START_MS,
    };
  }

  #nameFor(wanted: string | undefined): string {
    const own = this.#parts.node.name;
    const { part, host } = parseNodeName(own);
    if (wanted === undefined) {
      let name: string;
      do name = `${part}-w${++this.#lastNumber}@${host}`; while (
        this.#hosted.has(name)
      );
      return name;
    }
    const name = wanted.includes("@") ? wanted : `${wanted}@${host}`;
    parseNodeName(name);
    return name;
  }

  /** Starts the thread of a worker. */
  #host(order: StartOrder): HostedWorker {
    if (this.#isStopped) {
      throw new UsageError(
        `expected ${order.parent} to run, but it has stopped`,
      );
    }
    if (this.#hosted.size >= MAX_WORKERS) {
      throw new UsageError(
        `expected at most ${MAX_WORKERS} workers of ${order.parent}, got one ` +
          "more",
      );
    }
    if (order.name === order.parent || this.#hosted.has(order.name)) {
      throw new UsageError(
        `expected another name than ${order.name} for a worker of ` +
          `${order.parent}, since a node of this process has it`,
      );
    }
    const [orders, ordersThere] = createPorts();
    const [questions, questionsThere] = createPorts();
    const ports = { orders: ordersThere, questions: questionsThere };
    const thread = startThread(
      entry,
      ports,
      [ordersThere, questionsThere],
      order.name,
    );
    const worker: HostedWorker = new HostedWorker({
      order,
      thread,
      calls: new Calls<WorkerApi>(orders, order.name),
      onExit: async (one, exit) => {
        questions.close();
        await this.#threadEnded(one, exit);
      },
      restart: async () => {
        await worker.terminate();
        return await this.#launch(order);
      },
    });
    this.#hosted.set(order.name, worker);
    offer<ParentApi>(questions, {
      register: (listenPort) => this.#register(worker, listenPort),
      makeLink: (nodeName) => this.#makeLink(worker, nodeName),
      log: (record) => this.#parts.node.host.log(record),
      programEnded: (end) => worker.programEnded(end),
    });
    return worker;
  }

  async #register(
    worker: HostedWorker,
    listenPort: number,
  ): Promise<{ readonly creation: number }> {
    const presence = this.#parts.presence?.(worker.name, listenPort);
    if (presence === undefined || worker.state !== "starting") {
      throw new UsageError(`expected ${worker.name} to start, but it does not`);
    }
    worker.presence = presence;
    try {
      const { creation } = await presence.start();
      // The worker may have ended meanwhile.
      if (worker.state !== "starting") await presence.stop();
      return { creation };
    } catch (error) {
      worker.refusal = error;
      throw error;
    }
  }

  /** Makes a link from a worker to a node of this process. */
  async #makeLink(
    worker: HostedWorker,
    nodeName: string,
  ): Promise<LinkEnd | null> {
    if (nodeName !== this.#parts.node.name) {
      const end = await this.#linkTo(nodeName, worker.name);
      return end === null ? null : withPort(end);
    }
    const [here, there] = createLink();
    this.#parts.accept(this.#carriers.take(worker.name, here));
    return withPort(there);
  }

  /** Makes a link to a worker, which gets one end; returns the other end. */
  async #linkTo(nodeName: string, from: string): Promise<LinkEnd | null> {
    const worker = this.#hosted.get(nodeName);
    if (worker === undefined || !await worker.started) return null;
    const [here, there] = createLink();
    try {
      await worker.accept(from, there);
    } catch (error) {
      here.port.close();
      throw error;
    }
    return here;
  }

  /** A thread has ended: tells all nodes that have a link to it. */
  async #threadEnded(worker: HostedWorker, exit: WorkerExit): Promise<void> {
    const { name, presence } = worker;
    const reason = describe(exit);
    if (this.#hosted.get(name) === worker) this.#hosted.delete(name);
    const read = this.#carriers.lose(name, reason);
    for (const other of this.#hosted.values()) {
      other.tellSiblingLost(name, reason);
    }
    const isUnexpected = exit.type === "failed" || exit.type === "exited" ||
      (exit.type === "terminated" && exit.isLost);
    if (isUnexpected && worker.wasUp) {
      this.#parts.node.log("warning", "node", `${name} is gone: ${reason}`);
    }
    await Promise.all([presence?.stop(), this.#allRead(read)]);
  }

  /**
   * Waits until all messages of an ended worker are in mailboxes and actors had
   * a turn. So a caller that is told of the end finds them processed. The wait
   * has a limit, because a thread that Deno could not stop may go on writing.
   */
  async #allRead(read: Promise<void>): Promise<void> {
    await within(read, READ_MS);
    await new Promise<void>((resolve) => macrotask(resolve));
  }
}

const workerOptions = new OptionTable<WorkerOptions>("startWorker", {
  // Checked below, with the form that it should have.
  module: option.any,
  name: option.text,
  exports: option.list,
  context: option.object,
  port: option.port,
  startTimeoutMs: option.endlessDuration,
});

/** Checks the options and returns the address of the module. */
function checkedModule(options: WorkerOptions): string {
  workerOptions.check(options ?? null);
  const { module } = options;
  const isModule = typeof module === "string" || module instanceof URL;
  const address = isModule ? moduleAddress(module) : null;
  if (address === null) {
    throw new UsageError(
      "expected the module of a worker as a URL or an absolute path, got " +
        `${printTerm(module)}; write: new URL("./worker.ts", import.meta.url)`,
    );
  }
  return address;
}

function inherited(options: NamedOptions): InheritedOptions {
  const all: { -readonly [Name in keyof InheritedOptions]: unknown } = {};
  for (const name of inheritedNames) {
    if (options[name] !== undefined) all[name] = options[name];
  }
  return all as InheritedOptions;
}

/** Describes an exit, for the log and for other nodes. */
function describe(exit: WorkerExit): string {
  switch (exit.type) {
    case "done":
      return "its program is done";
    case "stopped":
      return "it was stopped";
    case "failed":
      return `it failed: ${exit.error.message}`;
    case "exited":
      return `it ended itself with exit code ${exit.code}`;
    case "terminated":
      return exit.isLost
        ? "it was cut off, since its thread could not be stopped"
        : "it was terminated";
    default:
      return exit satisfies never;
  }
}

/** Why a worker could not start: the most exact error that is known. */
function reasonOf(
  worker: HostedWorker,
  exit: WorkerExit,
  error: unknown,
): unknown {
  if (worker.refusal !== null) return worker.refusal;
  if (exit.type === "failed") return exit.error;
  if (exit.type === "exited") {
    return new WorkerError(
      "ended",
      `expected ${worker.name} to start, but its module ended the thread ` +
        `with exit code ${exit.code}`,
    );
  }
  // The class of the error was lost between the threads.
  return error instanceof Error && error.name === "UsageError"
    ? new UsageError(error.message)
    : error;
}
