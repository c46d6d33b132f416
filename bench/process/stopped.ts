/**
 * One way between two nodes while a third does not read: its process is
 * stopped, and the connection to it is full. Compared with `one-way-16B`, the
 * row shows that this does not slow down other connections.
 */

import type { RunningNode, Self } from "../../runtime/mod.ts";
import { type Message, payloadOf, SECOND } from "../pair/behaviours.ts";
import { partnerNode, withNodes } from "../pair/nodes.ts";
import { FOREVER, oneWayShape, spawnFar } from "../pair/shapes.ts";
import type { Partner, Row } from "../row.ts";

const STOPPED = "stopped@127.0.0.1";
const BYTES = 16;
const FILLER_BYTES = 65_536;
const POLL_MS = 5;

/** So long that the stopped node is not removed while the row runs. */
const limits = { suspectAfterMs: 600_000, downAfterMs: 1_200_000 };

/** Stops the process, and sends until the connection is full. */
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
  partner: partnerNode,
  peer: {
    source: new URL("./bench_process.erl", import.meta.url),
    distributed: true,
  },
  run: (bench) => {
    const nodes = { names: [SECOND, STOPPED], areConnected: false, limits };
    return withNodes<Message>(bench, nodes, async (self, partners, node) => {
      const [second, stopped] = partners.all;
      await fill(self, node, stopped!);
      const far = { node: SECOND, prefix: "" } as const;
      const part = await oneWayShape.prepare(self, far, BYTES);
      const figures = await bench.measure({ ...part, meters: [second!] });
      if (!isFull(node)) {
        throw new Error(`expected a full connection to ${STOPPED} to the end`);
      }
      return figures;
    });
  },
};
