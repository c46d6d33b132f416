/** The first node kills its process; the others end by themselves. */
import process from "node:process";
import type { RunningNode } from "../../../runtime/mod.ts";

export default function mortal(
  _node: RunningNode,
  { index }: { index: number },
): void {
  if (index === 0) process.kill(process.pid, "SIGKILL");
}
