/**
 * A full mesh of nodes in processes of their own, in which one actor of each
 * node sends every message to one actor of each other node.
 */

import type { Pid, Self } from "../../runtime/mod.ts";
import type { Report } from "../inside/turns.ts";
import {
  type behaviours,
  FIRST,
  type Payload,
  startNode,
} from "../pair/behaviours.ts";
import type { Partner, PartnerArgument, PartnerHalf, Row } from "../row.ts";

/** Nodes besides the first. */
const OTHERS = ["second", "third", "fourth"].map((part) => `${part}@127.0.0.1`);
const BYTES = 100;
const ROUNDS_MAX = 5_000_000;

type Peers = Readonly<Record<string, string>>;

/** A node that connects to those that are there already. */
export async function another(argument: PartnerArgument): Promise<PartnerHalf> {
  const name = String(argument["name"]);
  const peers = argument["peers"] as Peers;
  const node = await startNode({ name, peers, connect: Object.keys(peers) });
  return { hello: { port: node.port }, stop: () => node.stop() };
}

/** Runs on the first node, but for what it spawns on all of them. */
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
  partner: another,
  peer: {
    source: new URL("./bench_process.erl", import.meta.url),
    distributed: true,
  },
  run: async (bench) => {
    const partners: Partner[] = [];
    const peers: Record<string, string> = {};
    try {
      for (const name of OTHERS) {
        const partner = await bench.startPartner({ name, peers });
        partners.push(partner);
        peers[name] = `127.0.0.1:${partner.hello["port"]}`;
      }
      await using node = await startNode({
        name: FIRST,
        peers,
        connect: OTHERS,
      });
      return await node.run((self: Self<Report>) =>
        bench.measure({
          maxCount: ROUNDS_MAX,
          unitsPerCount: (OTHERS.length + 1) * OTHERS.length,
          meters: partners,
          run: (rounds) => broadcast(self, rounds),
        })
      );
    } finally {
      await Promise.all(partners.map((partner) => partner.stop()));
    }
  },
};
