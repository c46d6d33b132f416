/** Prints the nodes of the cluster and node events, until its signal. */
import type { RunningNode } from "../../../runtime/mod.ts";

export default async function steady(
  node: RunningNode,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  node.onNodeEvent((event) => console.log(event.type, event.node), { signal });
  console.log(`begins with ${[...node.nodes()].sort().join(" ")}`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  console.log("closing");
}
