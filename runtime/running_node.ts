/**
 * A running node as programs see it. It stands in front of the core's node and
 * of the network parts that `start.ts` has joined with it.
 */

import { readableReason } from "./core/messages/reasons.ts";
import type {
  Behaviour,
  CallOptions,
  CallTarget,
  Destination,
  Self,
  SpawnOptions,
} from "./core/contract/self.ts";
import type { ExportedFunction } from "./core/node/functions.ts";
import type { ConnectionEvent, NodeEvent } from "./core/signals/node_events.ts";
import type { Host, LogRecord } from "./core/host/ports.ts";
import type { ExportedBehaviour } from "./core/contract/behaviour.ts";
import type { Pid } from "./core/terms/terms.ts";
import type { Listener } from "./net/carrier/carrier.ts";
import type { Presence } from "./net/epmd/presence.ts";
import type { ConnectionInfo } from "./net/distribution/connection_info.ts";
import type { Distribution } from "./net/distribution/distribution.ts";
import type { ConnectOutcome } from "./net/peers/connect_waiters.ts";
import type { PlatformHost } from "./platform/host/host.ts";
import type { NodeStats } from "./node_stats.ts";
import type { WorkerNode, WorkerOptions } from "./workers/types.ts";
import type { Workers } from "./workers/workers.ts";
import type { ActorInfo } from "./core/contract/actor_info.ts";
import {
  checkRun,
  checkSpawn,
  listenOptions,
  noOptions,
  spawnOptions,
} from "./core/contract/option_tables.ts";
import { infoOf } from "./core/sys/info.ts";
import { ExitError, KilledError, UsageError } from "./core/messages/errors.ts";
import type { Node } from "./core/node/node.ts";
import { erpc } from "./kernel/rpc/erpc.ts";
import { ping } from "./kernel/node/net_kernel.ts";

/** Further parts of a node with a name. */
export type NetParts = {
  readonly distribution: Distribution;
  readonly listener: Listener;
  readonly presence: Presence | null;
  /** Null for a node that may not start workers. */
  readonly workers: Workers | null;
};

/**
 * A running node. It ends by `stop`, or at the end of an `await using` block.
 */
export class RunningNode {
  readonly name: string;
  /** Port on which it listens; 0 for a node without a name. */
  readonly port: number;
  readonly #node: Node;
  readonly #host: Host;
  /** Null for a node without a name. */
  readonly #parts: NetParts | null;
  /** The result of the first call of `stop`; null before. */
  #stopping: Promise<void> | null = null;

  /** @internal Made by `start`. */
  constructor(node: Node, host: Host, parts: NetParts | null) {
    this.name = node.name;
    this.#node = node;
    this.#host = host;
    this.#parts = parts;
    this.port = parts?.listener.port ?? 0;
  }

  /** @internal For functions that act on a node outside of any actor. */
  get owner(): Node {
    return this.#node;
  }

  /** The sender of what this object sends. */
  get pid(): Pid {
    return this.#node.pid;
  }

  /** Starts an actor. Throws `UsageError` when its name is taken. */
  spawn<M = unknown>(
    behaviour: Behaviour<M>,
    options: SpawnOptions = noOptions,
  ): Pid<M> {
    checkSpawn(behaviour, options, spawnOptions);
    return this.#node.spawnActor(behaviour, options, null).pid as Pid<M>;
  }

  /**
   * Runs an actor and resolves with what it returns. Rejects with what it
   * throws, and with `KilledError` when an exit signal ends it.
   */
  run<T, M = unknown>(
    body: (self: Self<M>) => Promise<T> | T,
    options: SpawnOptions = noOptions,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      checkRun(body, options);
      let settleRun = (reason: unknown): void =>
        reject(new KilledError(reason));
      const actor = this.#node.spawnActor(
        async (self: Self<M>) => {
          try {
            const result = await body(self);
            settleRun = () => resolve(result);
          } catch (error) {
            settleRun = () => reject(error);
            // The caller gets the error, so it is not counted as a crash.
            const reason = readableReason(error);
            throw reason instanceof ExitError ? reason : new ExitError(reason);
          }
        },
        options,
        null,
      );
      // When the actor has ended, so that its name is free by then.
      actor.onExit = (reason) => settleRun(reason);
    });
  }

  /** Calls a server from outside of any actor; see `Self.call`. */
  call<R = unknown>(
    to: CallTarget,
    request: unknown,
    options?: CallOptions,
  ): Promise<R> {
    return this.run<R>((self) => self.call<R>(to, request, options));
  }

  /** Sends in the node's name; see `Self.send`. */
  send<T>(to: Destination<T>, message: T): boolean {
    return this.#node.sendFrom(this.#node.pid, to as Destination, message);
  }

  /** The local actor with this registered name; null if there is none. */
  whereis(name: string): Pid | null {
    return this.#node.names.whereis(name);
  }

  /** Connected visible nodes. */
  nodes(): readonly string[] {
    return this.#node.nodes();
  }

  /**
   * Connects to a node. Resolves with true when the connection can be used: all
   * that the peer had sent by then was read, and it had not ended the
   * connection. Resolves with false, and logs why, if that fails.
   */
  async connect(node: string): Promise<boolean> {
    const outcome = await this.tryConnect(node);
    if (!outcome.isUp) {
      this.#node.log(
        "warning",
        "net",
        `could not connect to ${node}: ${outcome.why}`,
      );
    }
    return outcome.isUp;
  }

  /** As `connect`, but the result holds the reason. */
  tryConnect(node: string): Promise<ConnectOutcome> {
    if (this.#parts === null) {
      return Promise.resolve({
        isUp: false,
        why: "this node has no name; start it with one",
      });
    }
    return this.#parts.distribution.connect(node);
  }

  /** Whether a node can be reached; see the function `ping`. */
  ping(node: string, options?: CallOptions): Promise<"pong" | "pang"> {
    return this.run((self) => ping(self, node, options));
  }

  /** Registered names of this node, the kernel's included. */
  registered(): readonly string[] {
    return this.#node.names.registered();
  }

  /** Whether a local actor is live. Throws `UsageError` for a remote actor. */
  isAlive(pid: Pid): boolean {
    return this.#node.isActorAlive(pid);
  }

  /** Figures of a local actor; null for an ended or a remote actor. */
  info(pid: Pid): ActorInfo | null {
    const actor = this.#node.localActor(pid);
    return actor === null ? null : infoOf(actor);
  }

  /** Ends the connection to a node; returns whether there was one. */
  disconnect(node: string): boolean {
    return this.#parts?.distribution.disconnect(node) ?? false;
  }

  /** Calls `listener` when nodes join or leave, until the signal is aborted. */
  onNodeEvent(
    listener: (event: NodeEvent) => void,
    options?: { readonly signal?: AbortSignal },
  ): void {
    listenOptions.check(options, "onNodeEvent");
    this.#node.nodeEvents.listen(listener, options?.signal);
  }

  /**
   * Calls `listener` when a connection cannot keep up with its senders and when
   * it can again (`NodeBusy`), and when a Hornbeam node has been silent for
   * `suspectAfterMs` and when it sends again (`NodeSuspect`).
   */
  onConnectionEvent(
    listener: (event: ConnectionEvent) => void,
    options?: { readonly signal?: AbortSignal },
  ): void {
    listenOptions.check(options, "onConnectionEvent");
    this.#node.nodeEvents.listenToConnections(listener, options?.signal);
  }

  /** Figures of the connections that are up. */
  connections(): readonly ConnectionInfo[] {
    return this.#parts?.distribution.connections() ?? [];
  }

  /** Offers a behaviour to other nodes under a name. */
  export(name: string, behaviour: ExportedBehaviour): void {
    this.#node.exports.set(name, behaviour);
  }

  /**
   * Offers a function to other nodes under a name, as the option `functions`
   * does. Throws `UsageError`.
   */
  exportFunction(name: string, called: ExportedFunction): void {
    this.#node.functions.offer(name, called);
  }

  /** Calls a function on a node from outside of any actor; see `erpc.call`. */
  erpc(
    node: string,
    called: string,
    args?: readonly unknown[],
    options?: CallOptions,
  ): Promise<unknown> {
    return this.run((self) => erpc.call(self, node, called, args, options));
  }

  /** Figures of the node. */
  stats(): NodeStats {
    return {
      name: this.name,
      runtime: this.#host.runtime,
      actors: this.#node.actorCount,
      messages: this.#node.delivered,
      crashes: this.#node.crashes,
      lostMessages: this.#node.lostMessages,
      lostLogRecords: this.#host.lostRecords?.() ?? 0,
      nodes: this.nodes(),
      workers: this.workers().map(({ name, state }) => ({ name, state })),
    };
  }

  /**
   * Starts a worker: a node in a thread of this process, with this node's
   * cookie and options. Resolves when the worker is up and connected to this
   * node. Nodes of one process reach each other through shared memory; for all
   * other nodes, a worker is a node like any other. It ends with this node.
   *
   * Rejects with `UsageError` when this node has no name, is a worker itself,
   * or was started with a network or host of its own, and for invalid options;
   * with `DuplicateNameError` when the name is taken; with `WorkerError` when
   * the worker is not up within `startTimeoutMs`; and with the error that the
   * module throws when it is loaded.
   *
   * @example
   * ```ts
   * import { type Pid, type Self, start } from "hornbeam";
   *
   * // The worker loads this same file, for what it exports.
   * export const exports = {
   *   square: () => async (self: Self<{ n: number; from: Pid<number> }>) => {
   *     const { n, from } = await self.receive();
   *     self.send(from, n * n);
   *   },
   * };
   *
   * if (import.meta.main) {
   *   const name = "a@127.0.0.1";
   *   const epmdPort = 4372;
   *   await using node = await start({ name, cookie: "secret", epmdPort });
   *   const worker = await node.startWorker({ module: import.meta.url });
   *   const squared = await node.run<number, number>(async (self) => {
   *     const { pid } = await self.spawnOn(worker.name, "square");
   *     self.send(pid, { n: 12, from: self.pid });
   *     return await self.receive();
   *   });
   *   console.log(worker.name, squared); // prints: a-w1@127.0.0.1 144
   * }
   * ```
   */
  async startWorker(options: WorkerOptions): Promise<WorkerNode> {
    const workers = this.#parts?.workers ?? null;
    if (workers === null) {
      throw new UsageError(
        "expected a node with a name, on this machine's own network and host, " +
          `that is no worker itself, to start a worker; ${this.name} is not`,
      );
    }
    return await workers.start(options);
  }

  /** Its workers with a running thread. */
  workers(): readonly WorkerNode[] {
    return this.#parts?.workers?.list() ?? [];
  }

  /** Writes to the node's log. */
  log(
    level: LogRecord["level"],
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void {
    this.#node.log(level, "app", message, fields);
  }

  /**
   * Ends every actor with reason `shutdown`, closes all connections and frees
   * the name. Safe to call twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#node.stop();
    this.#parts?.distribution.stop();
    await Promise.all([
      this.#parts?.presence?.stop(),
      this.#parts?.listener.close(),
      this.#parts?.workers?.stop(),
    ]);
    if (isPlatformHost(this.#host)) this.#host.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Whether this is the machine's own host, which counts the nodes that use it.
 */
export function isPlatformHost(host: Host): host is PlatformHost {
  return "retain" in host;
}
