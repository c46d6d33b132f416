/** Prints its context and ends. */
import type { RunningNode } from "../../../runtime/mod.ts";

export default function hello(
  node: RunningNode,
  context: { args: readonly string[]; index: number; nodes: readonly string[] },
): void {
  const { args, index, nodes } = context;
  console.log(JSON.stringify({ name: node.name, args, index, nodes }));
}
