/**
 * One way between two nodes while a third does not read: its process is
 * stopped, and the connection to it full. What this shows is that nobody else
 * pays for that; the row to compare with is `one-way-16B`.
 */

import type { RunningNode, Self } from "../../runtime/mod.ts";
import {
  FIRST,
  type Message,
  payloadOf,
  SECOND,
  startNode,
} from "../pair/behaviours.ts";
import { FOREVER, oneWayShape, spawnFar } from "../pair/shapes.ts";
import type { Partner, Row } from "../row.ts";
import { another } from "./mesh.ts";

const STOPPED = "stopped@127.0.0.1";
const BYTES = 16;
const FILLER_BYTES = 65_536;
const POLL_MS = 5;

/** The stopped node is to stay a member, however long the row takes. */
const limits = { suspectAfterMs: 600_000, downAfterMs: 1_200_000 };

/** Stops the process and sends until the connection takes no more. */
async function fill(
  self: Self<Message>,
  node: RunningNode,
  partner: Partner,
): Promise<void> {
  const far = { node: STOPPED, prefix: "" } as const;
  const sink = await spawnFar(self, far, "counter", [FOREVER, self.pid]);
  partner.freeze();
  self.spawn(async (filler: Self<never>) => {
    for (const payload = payloadOf(FILLER_BYTES);;) {
      if (!filler.send(sink, payload)) await filler.ready(sink);
    }
  });
  while (!isFull(node)) await self.receive({ timeoutMs: POLL_MS });
}

function isFull(node: RunningNode): boolean {
  return node.connections().some(({ node, isBusy }) =>
    node === STOPPED && isBusy
  );
}

export const stoppedRow: Row = {
  id: "process/one-way-beside-stopped",
  unit: "messages/s",
  what: "As one-way-16B, beside a full connection to a stopped process.",
  partner: another,
  peer: {
    source: new URL("./bench_process.erl", import.meta.url),
    distributed: true,
  },
  run: async (bench) => {
    const partners: Partner[] = [];
    try {
      const peers: Record<string, string> = {};
      for (const name of [SECOND, STOPPED]) {
        const partner = await bench.startPartner({ name, peers: {} });
        partners.push(partner);
        peers[name] = `127.0.0.1:${partner.hello["port"]}`;
      }
      const connect = Object.keys(peers);
      await using node = await startNode({
        name: FIRST,
        peers,
        connect,
        limits,
      });
      return await node.run(async (self: Self<Message>) => {
        await fill(self, node, partners[1]!);
        const far = { node: SECOND, prefix: "" } as const;
        const part = await oneWayShape.prepare(self, far, BYTES);
        const figures = await bench.measure({
          ...part,
          meters: [partners[0]!],
        });
        if (!isFull(node)) {
          throw new Error(
            `expected a full connection to ${STOPPED} to the end`,
          );
        }
        return figures;
      });
    } finally {
      await Promise.all(partners.map((partner) => partner.stop()));
    }
  },
};
