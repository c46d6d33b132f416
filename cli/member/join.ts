/**
 * How a node of `hornbeam cluster` connects to the others: it dials them until
 * it has seen each expected node, and later dials nodes that it has lost.
 */

import { clearInterval, setInterval } from "node:timers";
import { setTimeout } from "node:timers/promises";
import type { RunningNode } from "../../runtime/mod.ts";

/** The nodes that a node connects to. */
export type JoinOptions = {
  /** Every node of the cluster. */
  readonly nodes: readonly string[];
  /** The nodes that the program's start waits for. */
  readonly expect: readonly string[];
  /** How long it waits for them. */
  readonly joinMs: number;
};

const JOIN_RETRY_MS = 50;
const REJOIN_MS = 1_000;

/**
 * Connects to the others until each expected node was seen at least once; it
 * may have ended again since.
 */
export async function join(
  node: RunningNode,
  { nodes, expect, joinMs }: JoinOptions,
  signal: AbortSignal,
): Promise<void> {
  const missing = new Set(expect);
  missing.delete(node.name);
  const seen = new AbortController();
  node.onNodeEvent((event) => {
    if (event.type === "nodeup") missing.delete(event.node);
  }, { signal: seen.signal });
  for (const name of node.nodes()) missing.delete(name);
  const deadline = performance.now() + joinMs;
  while (!signal.aborted) {
    await dial(node, nodes);
    if (missing.size === 0 || performance.now() > deadline) break;
    await setTimeout(JOIN_RETRY_MS);
  }
  seen.abort();
  if (missing.size > 0 && !signal.aborted) {
    node.log("warning", "started without nodes that have not come up", {
      missing: [...missing],
    });
  }
}

/** Dials lost nodes regularly, until the returned function is called. */
export function rejoin(
  node: RunningNode,
  { nodes }: Pick<JoinOptions, "nodes">,
): () => void {
  const timer = setInterval(() => void dial(node, nodes), REJOIN_MS);
  return () => clearInterval(timer);
}

async function dial(
  node: RunningNode,
  nodes: readonly string[],
): Promise<void> {
  const up = new Set([node.name, ...node.nodes()]);
  await Promise.all(
    nodes.filter((name) => !up.has(name)).map((name) => node.tryConnect(name)),
  );
}
