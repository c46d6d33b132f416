/** A program without end, whose two actors keep the event loop busy. */
import type { Pid, RunningNode, Self } from "../../../runtime/mod.ts";

type Ball = { readonly from: Pid<Ball> };

export default async function busy(
  node: RunningNode,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const player = async (self: Self<Ball>): Promise<void> => {
    for await (const { from } of self) self.send(from, { from: self.pid });
  };
  const first = node.spawn(player);
  node.send(first, { from: node.spawn(player) });
  console.log("busy", signal.aborted);
  await new Promise(() => {});
}
