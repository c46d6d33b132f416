/**
 * Never ends by itself; with an argument it reads the signal and ignores it.
 */
import type { RunningNode } from "../../../runtime/mod.ts";

export default async function deaf(
  _node: RunningNode,
  context: { args: readonly string[]; signal: AbortSignal },
): Promise<void> {
  if (context.args.length > 0) {
    context.signal.addEventListener("abort", () => console.log("ignored"));
  }
  console.log("deaf");
  await new Promise(() => {});
}
