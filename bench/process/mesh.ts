/**
 * A full mesh of nodes in processes of their own, in which one actor of each
 * node sends every message to one actor of each other node.
 */

import type { Pid, Self } from "../../runtime/mod.ts";
import type { Report } from "../inside/turns.ts";
import { type behaviours, FIRST, type Payload } from "../pair/behaviours.ts";
import { partnerNode, withNodes } from "../pair/nodes.ts";
import type { Row } from "../row.ts";

/** The nodes besides the first. */
const OTHERS = ["second", "third", "fourth"].map((part) => `${part}@127.0.0.1`);
const BYTES = 100;
const ROUNDS_MAX = 5_000_000;

/** Spawns the actors on all nodes, from the first one. */
async function broadcast(
  self: Self<Report>,
  rounds: number,
): Promise<void> {
  const spawn = async (
    where: string,
    name: keyof typeof behaviours,
    args: readonly unknown[],
  ): Promise<Pid<Payload>> =>
    (await self.spawnOn<Payload>(where, name, args)).pid;
  const nodes = [FIRST, ...OTHERS];
  const expected = OTHERS.length * rounds;
  const counters = await Promise.all(
    nodes.map((where) => spawn(where, "counter", [expected, self.pid])),
  );
  await Promise.all(nodes.map((where, i) => {
    const to = counters.filter((_, other) => other !== i);
    return spawn(where, "sender", [rounds, to, BYTES]);
  }));
  for (let told = 0; told < nodes.length; told++) await self.receive();
}

export const meshRow: Row = {
  id: "process/broadcast-mesh",
  unit: "messages/s",
  what: "Actors on four nodes send 100 bytes to one on each other node.",
  partner: partnerNode,
  peer: {
    source: new URL("./bench_process.erl", import.meta.url),
    distributed: true,
  },
  run: (bench) =>
    withNodes<Report>(
      bench,
      { names: OTHERS },
      (self, partners) =>
        bench.measure({
          maxCount: ROUNDS_MAX,
          unitsPerCount: (OTHERS.length + 1) * OTHERS.length,
          meters: partners.all,
          run: (rounds) => broadcast(self, rounds),
        }),
    ),
};
