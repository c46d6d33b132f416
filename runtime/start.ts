/**
 * The composition root: joins core, net, kernel and platform into a node that
 * runs on this machine.
 *
 * Besides tests, this is the only module that knows all parts of a node.
 */

import type { Host } from "./core/host/ports.ts";
import {
  type Carrier,
  CarrierError,
  type Network,
} from "./net/carrier/carrier.ts";
import {
  type Discovery,
  epmdDiscovery,
  firstOf,
  fixedPortDiscovery,
  type Neighbours,
  staticDiscovery,
} from "./net/epmd/discovery.ts";
import { copy, freeze, type Isolate } from "./core/messages/isolation.ts";
import { Node } from "./core/node/node.ts";
import { UsageError } from "./core/messages/errors.ts";
import { Distribution } from "./net/distribution/distribution.ts";
import { listenLastingly } from "./net/carrier/lasting_listener.ts";
import { epmdShare, handshakeShare } from "./net/carrier/shares.ts";
import { EpmdPresence, type Presence } from "./net/epmd/presence.ts";
import {
  createMemoryNetwork,
  type MemoryNetwork,
} from "./net/carrier/memory.ts";
import { globalOptions } from "./kernel/global/server.ts";
import { startKernel } from "./kernel/kernel.ts";
import { macrotask } from "./platform/host/event_loop.ts";
import { descriptorLimit } from "./platform/host/descriptors.ts";
import { createHost } from "./platform/host/host.ts";
import { createLog } from "./platform/host/log.ts";
import { writeOutput } from "./platform/host/output.ts";
import { createTcpNetwork } from "./platform/sockets/tcp.ts";
import { createTlsNetwork } from "./platform/sockets/tls.ts";
import { checkTlsOptions } from "./platform/sockets/tls_options.ts";
import { isPlatformHost, RunningNode } from "./running_node.ts";
import {
  type NamedOptions,
  type StartOptions,
  startOptions,
} from "./start_options.ts";
import { parseNodeName } from "./wire/shared/node_name.ts";
import { Workers, type WorkersParts } from "./workers/workers.ts";

const ALONE = "nonode@nohost";
const DEFAULT_EPMD_PORT = 4369;

/**
 * A network in memory, for `start({ network })`: for several nodes in one
 * thread, with links that a test can cut. `std/testing` has helpers for it.
 */
export function memoryNetwork(): MemoryNetwork {
  return createMemoryNetwork({ macrotask });
}

/** This machine's clock, event loop and entropy, for simulators to build on. */
export function systemHost(): Host {
  return createHost();
}

/**
 * Starts a node.
 *
 * Rejects with `UsageError` for invalid options, with `NodeNameError` for an
 * invalid name, with `CarrierError` (`in-use`) when the port is taken, and with
 * `DuplicateNameError` when the name is taken.
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
  startOptions.check(options);
  if (options.global) globalOptions.check(options.global);
  const host: Host = options.host ?? createHost({
    log: options.log ?? createLog({ level: options.logLevel ?? "warning" }),
  });
  const { name, cookie } = options;
  if (name === undefined) return startAlone(host, options);
  if (cookie === undefined || cookie === "") {
    throw new UsageError(
      `expected a cookie for ${name}, got none; give all nodes of a ` +
        "cluster the same secret: start({ name, cookie })",
    );
  }
  const { running } = await startNamed({ ...options, name, cookie }, host);
  return running;
}

/** What the parent of a worker's node provides. */
export type Surroundings = {
  readonly neighbours: Neighbours;
  /** Null where the node is not registered with epmd. */
  readonly presence: ((listenPort: number) => Presence) | null;
};

/** A node with a name, and those of its parts that `workers/entry.ts` needs. */
export type NamedNode = {
  readonly running: RunningNode;
  readonly node: Node;
  readonly distribution: Distribution;
};

/**
 * Starts a node with a name. Rejects as `start` does. A node without
 * `surroundings` is no worker and may have workers.
 */
export async function startNamed(
  given: NamedOptions,
  host: Host,
  surroundings?: Surroundings,
): Promise<NamedNode> {
  const maxHandshakes = handshakeShare(descriptorLimit());
  const options = { ...given, limits: { maxHandshakes, ...given.limits } };
  const { host: ownHost } = parseNodeName(options.name);
  const network = options.network ?? createTcpNetwork();
  const nodeNetwork = makeNodeNetwork(options, options.name, network, host);
  const early: Carrier[] = [];
  let accept = (carrier: Carrier): void => {
    early.push(carrier);
  };
  const listener = await listenLastingly({
    network: nodeNetwork,
    at: { host: options.listenHost ?? ownHost, port: options.port ?? 0 },
    accept: (carrier) => accept(carrier),
    timers: host,
    log: (level, message, fields) =>
      host.log({ level, category: "net", node: options.name, message, fields }),
  });
  let presence: Presence | null = null;
  try {
    if (surroundings !== undefined) {
      presence = surroundings.presence?.(listener.port) ?? null;
    } else if (usesEpmd(options)) {
      presence = makePresence(options, network, host, listener.port);
    }
    const creation = presence === null
      ? randomCreation(host)
      : (await presence.start()).creation;
    const node = makeNode(options.name, creation, host, options);
    const workers = surroundings === undefined && mayHaveWorkers(options)
      ? new Workers({
        node,
        options,
        accept: (carrier) => distribution.accept(carrier),
        connect: (nodeName) => distribution.connect(nodeName),
        presence: workerPresence(options, network, host),
      })
      : null;
    const neighbours = surroundings?.neighbours ?? workers;
    const distribution: Distribution = new Distribution({
      node,
      network: nodeNetwork,
      discovery: options.discovery ?? makeDiscovery(options, network, host),
      ...(neighbours === null ? {} : { neighbours }),
      cookie: cookieOf(options.cookie, options.cookies ?? {}),
      hidden: options.hidden ?? false,
      terms: {
        exact: options.exact ?? false,
        binaries: options.binaries ?? "text",
      },
      limits: options.limits,
      withoutFlags: options.withoutFlags ?? 0n,
    });
    node.joinCluster(distribution);
    if (isPlatformHost(host)) host.retain();
    const running = new RunningNode(node, host, {
      distribution,
      listener,
      presence,
      workers,
    });
    addKernel(node, running, options);
    accept = (carrier) => distribution.accept(carrier);
    for (const carrier of early) accept(carrier);
    await connectAll(running, options.connect ?? []);
    return { running, node, distribution };
  } catch (error) {
    for (const carrier of early) carrier.destroy();
    await presence?.stop();
    await listener.close();
    throw error;
  }
}

/** The network between nodes: TCP or TLS. For epmd it is always TCP. */
function makeNodeNetwork(
  options: StartOptions,
  name: string,
  network: Network,
  host: Host,
): Network {
  const { tls, limits } = options;
  if (tls === undefined) return network;
  if (options.network !== undefined) {
    throw new UsageError(
      "expected one of the options tls and network, got both",
    );
  }
  checkTlsOptions(tls, name);
  return createTlsNetwork({
    ...tls,
    ...(limits?.setupTimeoutMs === undefined
      ? {}
      : { handshakeTimeoutMs: limits.setupTimeoutMs }),
    ...(limits?.maxHandshakes === undefined
      ? {}
      : { maxHandshakes: limits.maxHandshakes }),
    log: (level, message) =>
      host.log({ level, category: "net", node: name, message, fields: {} }),
  });
}

/** The cookie for each node. */
function cookieOf(
  usual: string,
  others: Readonly<Record<string, string>>,
): (nodeName: string) => string {
  const known = new Map(Object.entries(others));
  return (nodeName) => known.get(nodeName) ?? usual;
}

/**
 * A creation for a node that epmd gives none. It is below 2^31, so that engines
 * store it in the pid and not in an object beside it, and not below 4, because
 * small creations have a meaning for old nodes.
 */
function randomCreation(host: Host): number {
  return 4 + host.randomU32() % 0x7fff_fff0;
}

function startAlone(host: Host, options: StartOptions): RunningNode {
  const { cookie, connect, tls } = options;
  if (cookie !== undefined || connect !== undefined || tls !== undefined) {
    throw new UsageError(
      "expected a name along with a cookie, tls or nodes to connect to, got " +
        'none; give one: start({ name: "a@127.0.0.1", cookie })',
    );
  }
  const creation = randomCreation(host);
  const node = makeNode(ALONE, creation, host, options);
  if (isPlatformHost(host)) host.retain();
  const running = new RunningNode(node, host, null);
  addKernel(node, running, options);
  return running;
}

function makeNode(
  name: string,
  creation: number,
  host: Host,
  options: StartOptions,
): Node {
  const { exports, functions, longTurnMs, trace } = options;
  return new Node({
    name,
    creation,
    host,
    exports: exports ?? {},
    functions: functions ?? {},
    isolate: isolationOf(options),
    ...(longTurnMs === undefined ? {} : { longTurnMs }),
    ...(trace === undefined ? {} : { trace }),
  });
}

function isolationOf(options: StartOptions): Isolate | null {
  if (options.isolate === "copy") return copy;
  return options.strict ? freeze : null;
}

function addKernel(
  node: Node,
  running: RunningNode,
  options: StartOptions,
): void {
  startKernel(node, {
    stats: () => running.stats(),
    output: options.output ?? writeOutput,
    inspectable: options.inspectable ?? true,
    global: options.global ?? {},
    disconnect: (peer) => void running.disconnect(peer),
  });
}

/** Workers need this machine's own network and host. */
function mayHaveWorkers({ network, discovery, host }: StartOptions): boolean {
  return network === undefined && discovery === undefined && host === undefined;
}

function workerPresence(
  options: NamedOptions,
  network: Network,
  host: Host,
): WorkersParts["presence"] {
  if (!usesEpmd(options)) return null;
  return (name, listenPort) =>
    makePresence({ ...options, name }, network, host, listenPort);
}

function usesEpmd({ epmdPort, peerPort }: StartOptions): boolean {
  return epmdPort !== false && peerPort === undefined;
}

function makePresence(
  options: NamedOptions,
  network: Network,
  host: Host,
  listenPort: number,
): Presence {
  return new EpmdPresence({
    network,
    platform: host,
    nodeName: options.name,
    listenPort,
    hidden: options.hidden ?? false,
    epmdPort: options.epmdPort || DEFAULT_EPMD_PORT,
    mayHost: options.hostEpmd ?? true,
    maxConnections: epmdShare(descriptorLimit()),
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
