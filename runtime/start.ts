/**
 * The composition root: joins core, net, kernel and platform into a node that
 * runs on this machine.
 *
 * The only module besides tests that knows all the parts.
 */

import type { CallOptions, CallTarget } from "./core/calls.ts";
import type { Behaviour, Destination, Self } from "./core/self.ts";
import type { ExportedBehaviour, SpawnOptions } from "./core/self.ts";
import type { Host, LogLevel, LogRecord } from "./core/ports.ts";
import type { NodeEvent } from "./core/node_events.ts";
import type { Pid } from "./core/terms.ts";
import type { Carrier, Listener, Network } from "./net/carrier.ts";
import type { Discovery } from "./net/discovery.ts";
import { type ActorInfo, infoOf } from "./core/info.ts";
import { checkOptions } from "./core/check_options.ts";
import { copy, freeze, type Isolate } from "./core/isolation.ts";
import { Node } from "./core/node.ts";
import { ExitError, KilledError, UsageError } from "./core/messages.ts";
import { CarrierError } from "./net/carrier.ts";
import { type ConnectOutcome, Distribution } from "./net/distribution.ts";
import type { DistributionLimits } from "./net/limits.ts";
import {
  epmdDiscovery,
  firstOf,
  fixedPortDiscovery,
  staticDiscovery,
} from "./net/discovery.ts";
import { EpmdPresence } from "./net/epmd_presence.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./net/memory.ts";
import { nodeInfo } from "./kernel/node_info.ts";
import { macrotask } from "./platform/event_loop.ts";
import { createHost, type PlatformHost } from "./platform/host.ts";
import { createLog } from "./platform/log.ts";
import { createTcpNetwork } from "./platform/tcp.ts";
import { parseNodeName } from "./wire/node_name.ts";

/** Options of `start`. Without a name the node is alone, as `nonode@nohost`. */
export type StartOptions = {
  /** `part@host`; the host is where others reach this node. */
  readonly name?: string;
  /** Shared secret of the cluster. Needed with a name; is not encryption. */
  readonly cookie?: string;
  /** Nodes to connect to before `start` resolves; rejects if one fails. */
  readonly connect?: readonly string[];
  /** Behaviours that other nodes may spawn here, by name. Nothing else. */
  readonly exports?: Readonly<Record<string, ExportedBehaviour>>;
  /** Invisible in other nodes' `nodes()`. Default false. */
  readonly hidden?: boolean;
  /** Address to listen on. Default: the host of the name. */
  readonly listenHost?: string;
  /** Port to listen on. Default 0: a free one, which epmd tells others. */
  readonly port?: number;
  /** Port of epmd, or false to do without. Default 4369. */
  readonly epmdPort?: number | false;
  /** Known nodes: `{ "b@127.0.0.1": "127.0.0.1:9001" }`. Asked before epmd. */
  readonly peers?: Readonly<Record<string, string>>;
  /** Port that every node of the cluster listens on, where there is no epmd. */
  readonly peerPort?: number;
  readonly limits?: DistributionLimits;
  /**
   * Deep-freezes messages between actors of this node, so that whoever still
   * writes to what it has sent gets an error. For development and tests.
   */
  readonly strict?: boolean;
  /**
   * A turn of an actor that takes this long is reported with its name, since
   * nobody else could go on meanwhile. Default 100; Infinity: never.
   */
  readonly longTurnMs?: number;
  /** `copy` copies messages between actors of this node. Default: neither. */
  readonly isolate?: "copy";
  /** What carries the connections. Default: TCP. */
  readonly network?: Network;
  /** How nodes are found. Default: `peers`, then epmd or `peerPort`. */
  readonly discovery?: Discovery;
  /** Clock, event loop, entropy and log. Default: this machine's. */
  readonly host?: Host;
  /** Least severe level that is written to standard error. Default `warning`. */
  readonly logLevel?: LogLevel;
  /** Receives every log record instead; `logLevel` means nothing then. */
  readonly log?: (record: LogRecord) => void;
};

/** Figures of a node, all since its start unless said otherwise. */
export type NodeStats = {
  readonly name: string;
  readonly runtime: string;
  /** Living actors now, the kernel's included. */
  readonly actors: number;
  /** Messages that were put into mailboxes. */
  readonly messages: number;
  readonly crashes: number;
  /** Messages lost to limits of mailboxes. */
  readonly lostMessages: number;
  readonly nodes: readonly string[];
};

const ALONE = "nonode@nohost";
const DEFAULT_EPMD_PORT = 4369;

/**
 * A running node. Ends with `stop`, or at the end of an `await using` block.
 */
export class RunningNode {
  readonly name: string;
  /** Port it listens on; 0 when it is alone. */
  readonly port: number;
  readonly #node: Node;
  readonly #host: Host;
  readonly #parts: NetParts | null;
  #stopping: Promise<void> | null = null;

  /** @internal Made by `start`. */
  constructor(node: Node, host: Host, parts: NetParts | null) {
    this.name = node.name;
    this.#node = node;
    this.#host = host;
    this.#parts = parts;
    this.port = parts?.listener.port ?? 0;
  }

  /** The sender of what this object sends. */
  get pid(): Pid {
    return this.#node.pid;
  }

  /** Starts an actor. Throws `UsageError` when its name is taken. */
  spawn<M = unknown>(behaviour: Behaviour<M>, options?: SpawnOptions): Pid<M> {
    return this.#node.spawnActor(behaviour, options ?? {}, null).pid as Pid<M>;
  }

  /**
   * Runs an actor and resolves with what it returns. Rejects with what it
   * throws, and with `KilledError` when an exit signal ends it.
   */
  run<T, M = unknown>(
    body: (self: Self<M>) => Promise<T> | T,
    options?: SpawnOptions,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let settle = (reason: unknown): void => reject(new KilledError(reason));
      const actor = this.#node.spawnActor(
        async (self: Self<M>) => {
          try {
            const result = await body(self);
            settle = () => resolve(result);
          } catch (error) {
            settle = () => reject(error);
            // It reaches the caller, so it is no crash of the node's.
            throw error instanceof ExitError ? error : new ExitError(error);
          }
        },
        options ?? {},
        null,
      );
      // Only when the actor has ended, so that its name is free again.
      actor.onExit = (reason) => settle(reason);
    });
  }

  /** Calls from outside of any actor; see `Self.call`. */
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

  /** Local registered name. */
  whereis(name: string): Pid | null {
    return this.#node.names.whereis(name);
  }

  /** Connected visible nodes. */
  nodes(): readonly string[] {
    return this.#node.nodes();
  }

  /** Connects to a node; false, with the reason in the log, if that fails. */
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

  /** As `connect`, with the reason in the result. */
  tryConnect(node: string): Promise<ConnectOutcome> {
    if (this.#parts === null) {
      return Promise.resolve({
        isUp: false,
        why: "this node has no name; start it with one",
      });
    }
    return this.#parts.distribution.connect(node);
  }

  /** Names that are registered on this node, the kernel's included. */
  registered(): readonly string[] {
    return this.#node.names.registered();
  }

  /** Whether a local actor lives. Throws `UsageError` for one elsewhere. */
  isAlive(pid: Pid): boolean {
    return this.#node.isActorAlive(pid);
  }

  /** Figures of a local actor; null when it has ended or lives elsewhere. */
  info(pid: Pid): ActorInfo | null {
    const actor = this.#node.localActor(pid);
    return actor === null ? null : infoOf(actor);
  }

  /** Ends the connection to a node; returns whether there was one. */
  disconnect(node: string): boolean {
    return this.#parts?.distribution.disconnect(node) ?? false;
  }

  /** Calls back when nodes join or leave, until the signal is aborted. */
  onNodeEvent(
    listener: (event: NodeEvent) => void,
    options?: { readonly signal?: AbortSignal },
  ): void {
    this.#node.nodeEvents.listen(listener, options?.signal);
  }

  /** Offers a behaviour to other nodes under a name. */
  export(name: string, behaviour: ExportedBehaviour): void {
    this.#node.exports.set(name, behaviour);
  }

  stats(): NodeStats {
    return {
      name: this.name,
      runtime: this.#host.runtime,
      actors: this.#node.actorCount,
      messages: this.#node.delivered,
      crashes: this.#node.crashes,
      lostMessages: this.#node.lostMessages,
      nodes: this.nodes(),
    };
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
    ]);
    if (isPlatformHost(this.#host)) this.#host.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * A network in memory, for `start({ network })`: several nodes in one thread,
 * with links that a test can cut. See `std/testing` for the comfortable form.
 */
export function memoryNetwork(): MemoryNetwork {
  return createMemoryNetwork({ macrotask });
}

/** This machine's clock, event loop and entropy, for simulators to build on. */
export function systemHost(): Host {
  return createHost();
}

/** The machine's own host has to know how many nodes use it. */
function isPlatformHost(host: Host): host is PlatformHost {
  return "retain" in host;
}

/** What a node with a name has in addition. */
type NetParts = {
  readonly distribution: Distribution;
  readonly listener: Listener;
  readonly presence: EpmdPresence | null;
};

/**
 * Starts a node.
 *
 * Rejects with `UsageError` for options that make no sense, with
 * `NodeNameError` for a bad name, with `CarrierError` (`in-use`) for a port
 * that is taken, and with `DuplicateNameError` for a name that is.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 *
 * await using node = await start();
 * const sum = await node.run<number, number>(async (self) => {
 *   self.send(self.pid, 1);
 *   self.send(self.pid, 2);
 *   return await self.receive() + await self.receive();
 * });
 * console.log(sum); // prints: 3
 * ```
 */
export async function start(options: StartOptions = {}): Promise<RunningNode> {
  checkOptions(options, {
    strings: ["name", "cookie", "listenHost"],
    ports: ["port", "peerPort"],
    portsOrFalse: ["epmdPort"],
  });
  const host: Host = options.host ?? createHost({
    log: options.log ?? createLog({ level: options.logLevel ?? "warning" }),
  });
  if (options.name === undefined) return startAlone(host, options);
  const { host: ownHost } = parseNodeName(options.name);
  if (options.cookie === undefined || options.cookie === "") {
    throw new UsageError(
      `expected a cookie for ${options.name}, got none; give all nodes of a ` +
        "cluster the same secret: start({ name, cookie })",
    );
  }
  const network = options.network ?? createTcpNetwork();
  const early: Carrier[] = [];
  let accept = (carrier: Carrier): void => {
    early.push(carrier);
  };
  const listener = await network.listen(
    { host: options.listenHost ?? ownHost, port: options.port ?? 0 },
    (carrier) => accept(carrier),
  );
  let presence: EpmdPresence | null = null;
  try {
    presence = makePresence(options, network, host, listener.port);
    const creation = presence === null
      ? randomCreation(host)
      : (await presence.start()).creation;
    const node = makeNode(options.name, creation, host, options);
    const distribution = new Distribution({
      node,
      network,
      discovery: options.discovery ?? makeDiscovery(options, network, host),
      cookie: options.cookie,
      hidden: options.hidden ?? false,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    node.remote = distribution;
    if (isPlatformHost(host)) host.retain();
    const running = new RunningNode(node, host, {
      distribution,
      listener,
      presence,
    });
    startKernel(running);
    accept = (carrier) => distribution.accept(carrier);
    for (const carrier of early) accept(carrier);
    await connectAll(running, options.connect ?? []);
    return running;
  } catch (error) {
    for (const carrier of early) carrier.destroy();
    await presence?.stop();
    await listener.close();
    throw error;
  }
}

/**
 * An incarnation that nobody gave. Below 2^31, so that engines keep it in the
 * pid and not in an object beside it; small ones mean something to old nodes.
 */
function randomCreation(host: Host): number {
  return 4 + host.randomU32() % 0x7fff_fff0;
}

function startAlone(host: Host, options: StartOptions): RunningNode {
  if (options.cookie !== undefined || options.connect !== undefined) {
    throw new UsageError(
      "expected a name along with a cookie or nodes to connect to, got none; " +
        'give one: start({ name: "a@127.0.0.1", cookie })',
    );
  }
  const creation = randomCreation(host);
  const node = makeNode(ALONE, creation, host, options);
  if (isPlatformHost(host)) host.retain();
  const running = new RunningNode(node, host, null);
  startKernel(running);
  return running;
}

function makeNode(
  name: string,
  creation: number,
  host: Host,
  options: StartOptions,
): Node {
  const { exports, longTurnMs } = options;
  return new Node({
    name,
    creation,
    host,
    exports: exports ?? {},
    isolate: isolationOf(options),
    ...(longTurnMs === undefined ? {} : { longTurnMs }),
  });
}

function isolationOf(options: StartOptions): Isolate | null {
  if (options.isolate === "copy") return copy;
  return options.strict ? freeze : null;
}

/** The actors every node has. */
function startKernel(running: RunningNode): void {
  running.spawn(nodeInfo(() => running.stats()), { name: "node_info" });
}

function makePresence(
  options: StartOptions,
  network: Network,
  host: Host,
  listenPort: number,
): EpmdPresence | null {
  if (options.epmdPort === false || options.peerPort !== undefined) return null;
  return new EpmdPresence({
    network,
    platform: host,
    nodeName: options.name as string,
    listenPort,
    hidden: options.hidden ?? false,
    epmdPort: options.epmdPort ?? DEFAULT_EPMD_PORT,
  });
}

function makeDiscovery(
  options: StartOptions,
  network: Network,
  host: Host,
): Discovery {
  const ways: Discovery[] = [staticDiscovery(options.peers ?? {})];
  if (options.peerPort !== undefined) {
    ways.push(fixedPortDiscovery(options.peerPort));
  } else if (options.epmdPort !== false) {
    ways.push(
      epmdDiscovery({
        network,
        timers: host,
        epmdPort: options.epmdPort ?? DEFAULT_EPMD_PORT,
      }),
    );
  }
  return firstOf(...ways);
}

async function connectAll(
  running: RunningNode,
  nodes: readonly string[],
): Promise<void> {
  for (const node of nodes) {
    const outcome = await running.tryConnect(node);
    if (outcome.isUp) continue;
    await running.stop();
    throw new CarrierError(
      "refused",
      `expected to connect to ${node}, but: ${outcome.why}; is it running, ` +
        "and does it have the same cookie?",
    );
  }
}
