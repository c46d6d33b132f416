/**
 * Monitors of one actor on another node, which then ends: as many signals go
 * there, and as many come back.
 */

import type { Self } from "../../runtime/mod.ts";
import { inBatches } from "../inside/turns.ts";
import { withSlowdown } from "../local/owner.ts";
import { type Message, payloadOf, SECOND } from "../pair/behaviours.ts";
import { partnerNode, withNodes } from "../pair/nodes.ts";
import { type Far, spawnFar } from "../pair/shapes.ts";
import type { Bench, GapMeter, Row, TimedPart } from "../row.ts";

const MONITORS = 100_000;
/** The number of monitors with which `slowdown` compares. */
const FEW_MONITORS = 1_000;
const ROUNDS_MAX = 10_000;

const far: Far = { node: SECOND, prefix: "" };

/** Sets the monitors, ends their target, and takes all that it causes. */
async function monitorAndEnd(
  self: Self<Message>,
  count: number,
): Promise<void> {
  // It ends at its first message, and reports that.
  const target = await spawnFar(self, far, "counter", [1, self.pid]);
  await inBatches(self, count, () => self.monitor(target));
  self.send(target, payloadOf(1));
  for (let got = 0; got < count + 1; got++) await self.receive();
}

function rounds(
  self: Self<Message>,
  bench: Bench,
  full: number,
  meters: readonly GapMeter[],
): TimedPart {
  const size = bench.size(full);
  return {
    maxCount: ROUNDS_MAX,
    unitsPerCount: size,
    meters,
    run: async (count) => {
      for (let i = 0; i < count; i++) await monitorAndEnd(self, size);
    },
  };
}

export const monitorsRow: Row = {
  id: "process/monitors-100k",
  unit: "monitors/s",
  what: "100,000 monitors of one actor on the other node, which then ends.",
  partner: partnerNode,
  peer: {
    source: new URL("./bench_process.erl", import.meta.url),
    distributed: true,
  },
  run: (bench) =>
    withNodes<Message>(bench, { names: [SECOND] }, async (self, partners) => {
      const part = (count: number) => rounds(self, bench, count, partners.all);
      const few = await bench.measure(part(FEW_MONITORS));
      return withSlowdown(await bench.measure(part(MONITORS)), few);
    }),
};
