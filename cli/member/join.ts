/**
 * How a node of `hornbeam cluster` finds the others: it dials them until each
 * that is expected was seen, and again whenever it has lost one.
 */

import { clearInterval, setInterval } from "node:timers";
import { setTimeout } from "node:timers/promises";
import type { RunningNode } from "../../runtime/mod.ts";

/** Whom a node looks for. */
export type Company = {
  /** Every node of the cluster. */
  readonly nodes: readonly string[];
  /** Those that the program's start waits for. */
  readonly expect: readonly string[];
  /** How long it waits for them. */
  readonly joinMs: number;
};

const JOIN_RETRY_MS = 50;
const REJOIN_MS = 1_000;

/**
 * Connects to the others until each that is expected was seen at least once:
 * one that was quick may have ended already.
 */
export async function join(
  node: RunningNode,
  { nodes, expect, joinMs }: Company,
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
    node.log("warning", "started without nodes that did not come up", {
      missing: [...missing],
    });
  }
}

/** Connects to lost ones again, until the function returned is called. */
export function rejoin(
  node: RunningNode,
  { nodes }: Pick<Company, "nodes">,
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
