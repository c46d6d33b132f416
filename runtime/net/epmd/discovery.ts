/**
 * From a node's name to the address it listens on.
 *
 * Several ways, to be combined: a table, the epmd on the node's host, or one
 * port that every node uses (what Erlang calls `-erl_epmd_port`). Nobody looks
 * for nodes here whose names are not known.
 */

import { parseNodeName } from "../../wire/shared/node_name.ts";
import type { Carrier, Network } from "../carrier/carrier.ts";
import { type EpmdAddress, lookup } from "./client.ts";

/** Where a node listens. */
export type NodeAddress = { readonly host: string; readonly port: number };

/** One way to find a node. */
export interface Discovery {
  /**
   * Null when the node is not known this way. Rejects when that cannot be
   * said: with a `CarrierError` or `EpmdError`, or with a `NodeNameError` for a
   * name without the form `part@host`.
   */
  resolve(nodeName: string): Promise<NodeAddress | null>;
}

/**
 * Nodes at fixed addresses: `{ "b@127.0.0.1": "127.0.0.1:9001" }`. Throws at
 * once when an address has not the form `host:port`.
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

/** Asks the epmd on the node's host. */
export function epmdDiscovery(address: Omit<EpmdAddress, "host">): Discovery {
  return {
    resolve: async (nodeName) => {
      const { part, host } = parseNodeName(nodeName);
      const entry = await lookup({ ...address, host }, part);
      return entry === null ? null : { host, port: entry.port };
    },
  };
}

/** Every node listens on that port of its host. */
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
 * Tries one way after the other. Rejects with the last error when none knows
 * the node and at least one could not say.
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

/** Nodes that are nearer than any network: those of the same process. */
export interface Neighbours {
  /**
   * A carrier to that node, or null when it is none of them. Rejects when it
   * is one and does not answer.
   */
  connect(nodeName: string): Promise<Carrier | null>;
}

/**
 * Finds a node and opens a carrier to it. Null when it was not wanted any more
 * before it was open; rejects when the node cannot be found or reached.
 */
export async function openCarrier(
  nodeName: string,
  ways: {
    readonly discovery: Discovery;
    readonly network: Network;
    readonly timeoutMs: number;
    /** Asked first. */
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
