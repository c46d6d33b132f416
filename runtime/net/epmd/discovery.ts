/**
 * Discovery: finds the address on which a node listens, by the node's name.
 *
 * There are three ways, which can be combined: a table, the epmd on the node's
 * host, and one port that every node uses (`-erl_epmd_port` in Erlang). This
 * module does not search for nodes whose names are unknown.
 */

import { parseNodeName } from "../../wire/shared/node_name.ts";
import type { Carrier, Network } from "../carrier/carrier.ts";
import { type EpmdAddress, lookup } from "./client.ts";

/** Where a node listens. */
export type NodeAddress = { readonly host: string; readonly port: number };

/** One way to find a node. */
export interface Discovery {
  /**
   * The address, or null when this way does not know the node. Rejects when
   * the search itself fails: with a `CarrierError` or `EpmdError`, or with a
   * `NodeNameError` for a name that is not of the form `part@host`.
   */
  resolve(nodeName: string): Promise<NodeAddress | null>;
}

/**
 * Nodes at fixed addresses: `{ "b@127.0.0.1": "127.0.0.1:9001" }`. Throws at
 * once for an address that is not of the form `host:port`.
 */
export function staticDiscovery(
  table: Readonly<Record<string, string>>,
): Discovery {
  const addresses = new Map(
    Object.entries(table).map(([nodeName, address]) => {
      parseNodeName(nodeName);
      return [nodeName, parseAddress(nodeName, address)];
    }),
  );
  return {
    resolve: (nodeName) => Promise.resolve(addresses.get(nodeName) ?? null),
  };
}

/** Asks the epmd on the host of the node. */
export function epmdDiscovery(address: Omit<EpmdAddress, "host">): Discovery {
  return {
    resolve: async (nodeName) => {
      const { part, host } = parseNodeName(nodeName);
      const entry = await lookup({ ...address, host }, part);
      return entry === null ? null : { host, port: entry.port };
    },
  };
}

/** Every node listens on this port of its host. */
export function fixedPortDiscovery(port: number): Discovery {
  checkPort(port, `the fixed port`);
  return {
    resolve: (nodeName) => {
      try {
        return Promise.resolve({ host: parseNodeName(nodeName).host, port });
      } catch (error) {
        return Promise.reject(error);
      }
    },
  };
}

/**
 * Tries one way after the other. When no way knows the node and at least one
 * has failed, rejects with the last error.
 */
export function firstOf(...ways: readonly Discovery[]): Discovery {
  return {
    resolve: async (nodeName) => {
      let failure: { readonly error: unknown } | null = null;
      for (const way of ways) {
        try {
          const found = await way.resolve(nodeName);
          if (found !== null) return found;
        } catch (error) {
          failure = { error };
        }
      }
      if (failure !== null) throw failure.error;
      return null;
    },
  };
}

/** The nodes in the same operating-system process, reached without network. */
export interface Neighbours {
  /**
   * A carrier to a node of this process, or null for any other node. Rejects
   * when the node is in this process and does not answer.
   */
  connect(nodeName: string): Promise<Carrier | null>;
}

/**
 * Finds a node and opens a carrier to it. Null when `isWanted` has become false
 * meanwhile. Rejects when the node cannot be found or reached.
 */
export async function openCarrier(
  nodeName: string,
  ways: {
    readonly discovery: Discovery;
    readonly network: Network;
    readonly timeoutMs: number;
    /** Asked before `discovery`. */
    readonly neighbours?: Neighbours;
  },
  isWanted: () => boolean,
): Promise<Carrier | null> {
  const { discovery, network, timeoutMs, neighbours } = ways;
  const near = neighbours === undefined
    ? null
    : await neighbours.connect(nodeName);
  if (near !== null) return wanted(near, isWanted);
  const address = await discovery.resolve(nodeName);
  if (address === null) throw new Error("no such node is registered");
  if (!isWanted()) return null;
  const carrier = await network.connect({ ...address, timeoutMs, nodeName });
  return wanted(carrier, isWanted);
}

function wanted(carrier: Carrier, isWanted: () => boolean): Carrier | null {
  if (isWanted()) return carrier;
  carrier.destroy();
  return null;
}

function parseAddress(nodeName: string, address: string): NodeAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  if (match === null) {
    throw new TypeError(
      `expected the address of ${nodeName} as "host:port" or "[ipv6]:port", ` +
        `got ${JSON.stringify(address)}`,
    );
  }
  const port = Number(match[3]);
  checkPort(port, `the port of ${nodeName}`);
  return { host: match[1] ?? match[2]!, port };
}

function checkPort(port: number, what: string): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(
      `expected ${what} to be between 1 and 65535, got ${port}`,
    );
  }
}
