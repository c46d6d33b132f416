/**
 * Clusters for tests: several nodes in one thread over a network in memory.
 *
 * A `testCluster` has real time and real scheduling, but no sockets and no other
 * processes, so it starts quickly, and a test can cut its links. It is no
 * simulator: the machine decides how actors interleave. In `simulate` a seed
 * decides that: a failure names its seed, and
 * `HORNBEAM_SEED=5 <your test command>` replays it in a test that gives no seed
 * of its own.
 */

import {
  type LogRecord,
  type MemoryNetwork,
  memoryNetwork,
  option,
  OptionTable,
  type RunningNode,
  start,
  type StartOptions,
} from "../../runtime/mod.ts";

/** Options of `testCluster`. Options of nodes apply to each node. */
export type TestClusterOptions =
  & Pick<StartOptions, "exports" | "limits" | "global">
  & {
    /** Gets the log records of all nodes, which `records` has as well. */
    readonly log?: (record: LogRecord) => void;
    /** Whether to connect all nodes to each other. Default true. */
    readonly connect?: boolean;
  };

const clusterOptions = new OptionTable<TestClusterOptions>("testCluster", {
  exports: option.object,
  limits: option.object,
  global: option.either(option.exactly(false), option.object),
  log: option.callback,
  connect: option.flag,
});

/** How many log records are kept; the oldest are dropped first. */
const MAX_RECORDS = 10_000;
const FIRST_PORT = 9_001;

/** Nodes in one thread, until `stop` or the end of an `await using` block. */
export class TestCluster {
  readonly nodes: readonly RunningNode[];
  readonly #network: MemoryNetwork;
  readonly #ports: ReadonlyMap<number, string>;
  readonly #records: readonly LogRecord[];

  /** @internal Made by `testCluster`. */
  constructor(
    nodes: readonly RunningNode[],
    network: MemoryNetwork,
    records: readonly LogRecord[],
  ) {
    this.nodes = nodes;
    this.#network = network;
    this.#records = records;
    this.#ports = new Map(nodes.map((node) => [node.port, node.name]));
  }

  /** The log records of all nodes, oldest first. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  /** The node of a name. Throws `RangeError` when there is none. */
  node(name: string): RunningNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    const names = this.nodes.map((node) => node.name).join(", ");
    throw new RangeError(`expected one of ${names}, got ${name}`);
  }

  /**
   * Cuts every connection, as if all cables were pulled for a moment. The nodes
   * notice it at once and may connect again. Returns the number of connections.
   */
  cutAll(): number {
    return this.#network.cut();
  }

  /** Cuts the connections that other nodes have made to this node. */
  cutInto(name: string): number {
    return this.#network.cut((link) => {
      const port = Number(link.to.slice(link.to.lastIndexOf(":") + 1));
      return this.#ports.get(port) === name;
    });
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Starts a node for each name, all connected to each other.
 *
 * @example
 * ```ts
 * import type { Self } from "hornbeam";
 * import { testCluster } from "hornbeam/testing";
 *
 * await using cluster = await testCluster(["a@test", "b@test"], {
 *   exports: {
 *     echo: () => async (self: Self<{ from: never; n: number }>) => {
 *       const { from, n } = await self.receive();
 *       self.send(from, n + 1);
 *     },
 *   },
 * });
 * const answer = await cluster.node("a@test").run<number, number>(
 *   async (self) => {
 *     const { pid } = await self.spawnOn("b@test", "echo");
 *     self.send(pid, { from: self.pid, n: 41 });
 *     return await self.receive();
 *   },
 * );
 * console.log(answer); // prints: 42
 * ```
 */
export async function testCluster(
  names: readonly string[],
  options: TestClusterOptions = {},
): Promise<TestCluster> {
  clusterOptions.check(options);
  const network = memoryNetwork();
  const records: LogRecord[] = [];
  const log = (record: LogRecord) => {
    records.push(record);
    if (records.length > MAX_RECORDS) records.shift();
    options.log?.(record);
  };
  const host = "127.0.0.1";
  const peers = Object.fromEntries(
    names.map((name, index) => [name, `${host}:${FIRST_PORT + index}`]),
  );
  const nodes: RunningNode[] = [];
  try {
    for (const [index, name] of names.entries()) {
      nodes.push(
        await start({
          name,
          cookie: "test",
          network,
          peers,
          epmdPort: false,
          listenHost: host,
          port: FIRST_PORT + index,
          log,
          ...(options.exports === undefined
            ? {}
            : { exports: options.exports }),
          ...(options.limits === undefined ? {} : { limits: options.limits }),
          ...(options.global === undefined ? {} : { global: options.global }),
          ...(options.connect === false ? {} : {
            connect: names.slice(0, index),
          }),
        }),
      );
    }
  } catch (error) {
    for (const node of nodes) await node.stop();
    throw error;
  }
  return new TestCluster(nodes, network, records);
}

export {
  type SimNodeOptions,
  simulate,
  type SimulateOptions,
  Simulation,
  SimulationError,
  type SimulationResult,
} from "./simulator.ts";
