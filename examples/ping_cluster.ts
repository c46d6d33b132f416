/**
 * A cluster in which every node pings every other, twenty times a second.
 *
 * ```text
 * hornbeam cluster examples/ping_cluster.ts --nodes 3 --runtime mixed
 * hornbeam cluster examples/ping_cluster.ts --nodes 3 -- 5
 * ```
 *
 * It ends after the seconds given as its argument, else by a signal. It shows a
 * running cluster and measures nothing; `hornbeam bench` does that.
 */

import { handler, type Pid, type RunningNode } from "../runtime/mod.ts";

type Ping = { readonly from: Pid<Message> };
type Message = { readonly type: "pong" } | { readonly type: "next" };

const ROUND_MS = 50;

export default async function pingCluster(
  node: RunningNode,
  { args, signal }: {
    readonly args: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const seconds = Number(args[0] ?? Infinity);
  if (!(seconds > 0)) {
    throw new Error(`expected a number of seconds, got ${args[0]}`);
  }
  node.spawn(
    handler(0, (count: number, { from }: Ping, self) => {
      self.send(from, { type: "pong" });
      return count + 1;
    }),
    { name: "ping" },
  );
  const rounds = seconds * 1_000 / ROUND_MS;
  const answers = await node.run<number, Message>(async (self) => {
    let count = 0;
    for (let round = 0; round < rounds && !signal.aborted; round++) {
      for (const other of self.nodes()) {
        self.send({ name: "ping", node: other }, { from: self.pid });
      }
      self.sendAfter(ROUND_MS, self.pid, { type: "next" });
      while ((await self.receive()).type === "pong") count++;
    }
    return count;
  });
  console.log(`${node.name} got ${answers} answers`);
}
