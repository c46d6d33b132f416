/**
 * Rows with several nodes, each in a process of its own: the node that measures
 * is the first, and its partners run the others. Used by the suites `process`
 * and `names`.
 */

import type { RunningNode, Self } from "../../runtime/mod.ts";
import type {
  Bench,
  Figures,
  Partner,
  PartnerArgument,
  PartnerHalf,
} from "../row.ts";
import { FIRST, type NodeOptions, startNode } from "./behaviours.ts";

/** Addresses of nodes, by name. */
type Peers = Readonly<Record<string, string>>;

/** The half of a row in a partner's process: a node, connected to its peers. */
export async function partnerNode(
  argument: PartnerArgument,
  options: Pick<NodeOptions, "exports"> = {},
): Promise<PartnerHalf & { readonly node: RunningNode }> {
  const name = String(argument["name"]);
  const peers = argument["peers"] as Peers;
  const connect = Object.keys(peers);
  const node = await startNode({ name, peers, connect, ...options });
  return { node, hello: { port: node.port }, stop: () => node.stop() };
}

/** The partners of a row, each of which runs a `partnerNode`. */
export class PartnerNodes {
  readonly #bench: Bench;
  readonly #areConnected: boolean;
  readonly #partners = new Map<string, Partner>();
  readonly #peers: Record<string, string> = {};

  constructor(bench: Bench, areConnected: boolean) {
    this.#bench = bench;
    this.#areConnected = areConnected;
  }

  /** Those that run, in the order of their start. */
  get all(): readonly Partner[] {
    return [...this.#partners.values()];
  }

  /** The addresses of all nodes that run. */
  get peers(): Peers {
    return this.#peers;
  }

  /** Adds the address of a node, for partners that are started later. */
  addPeer(name: string, port: number): void {
    this.#peers[name] = `127.0.0.1:${port}`;
  }

  async start(name: string): Promise<void> {
    const peers = this.#areConnected ? { ...this.#peers } : {};
    const partner = await this.#bench.startPartner({ name, peers });
    this.#partners.set(name, partner);
    this.addPeer(name, Number(partner.hello["port"]));
  }

  /** Kills a partner's process, so that its node closes no connection. */
  async kill(name: string): Promise<void> {
    delete this.#peers[name];
    await this.#partners.get(name)?.kill();
    this.#partners.delete(name);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((partner) => partner.stop()));
  }
}

/**
 * Starts a partner for each of the names and the first node, which connects to
 * them, and measures in an actor of the first node.
 */
export async function withNodes<M>(
  bench: Bench,
  { names, areConnected = true, ...options }: Omit<NodeOptions, "name"> & {
    readonly names: readonly string[];
    /** Whether the partners connect to each other as well. Default true. */
    readonly areConnected?: boolean;
  },
  measure: (
    self: Self<M>,
    partners: PartnerNodes,
    node: RunningNode,
  ) => Promise<Figures>,
): Promise<Figures> {
  const partners = new PartnerNodes(bench, areConnected);
  try {
    for (const name of names) await partners.start(name);
    const { peers } = partners;
    const first = { name: FIRST, peers, connect: names, ...options };
    await using node = await startNode(first);
    return await node.run((self: Self<M>) => measure(self, partners, node));
  } finally {
    await partners.stop();
  }
}
