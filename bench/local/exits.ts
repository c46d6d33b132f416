/** The end of many actors at once: all are linked to one, and that one ends. */

import { reasons, type Self } from "../../runtime/mod.ts";
import { inBatches, letOthersRun, type Report } from "../inside/turns.ts";
import type { Row, TimedPart } from "../row.ts";
import { type Owner, ownerRow, withSlowdown } from "./owner.ts";

const CROWD_SIZE = 100_000;
/** The crowd with which `slowdown` compares. */
const SMALL_SIZE = 1_000;
const ROUNDS_MAX = 10_000;

const waiting = async (self: Self<never>): Promise<void> => {
  for (;;) await self.receive();
};

/** Spawns the actors, linked to one; then that one ends, and all with it. */
async function massExit(
  { self, node }: Pick<Owner<unknown>, "self" | "node">,
  size: number,
): Promise<void> {
  const before = node.stats().actors;
  const { ref } = self.spawnMonitor(async (hub: Self<Report>) => {
    await inBatches(hub, size, () => hub.spawnLink(waiting));
    hub.exit(reasons.shutdown);
  });
  await self.receive(ref);
  while (node.stats().actors > before) await letOthersRun(self);
}

function rounds(owner: Owner<unknown>, full: number): TimedPart {
  const size = owner.bench.size(full);
  return {
    maxCount: ROUNDS_MAX,
    unitsPerCount: size,
    run: async (count) => {
      for (let i = 0; i < count; i++) await massExit(owner, size);
    },
  };
}

export const massExitRow: Row = ownerRow<unknown>({
  name: "mass-exit-100k",
  unit: "actors/s",
  what: "100,000 function actors start, linked to one, and end with it.",
  measure: async (owner) => {
    const small = await owner.bench.measure(rounds(owner, SMALL_SIZE));
    const large = await owner.bench.measure(rounds(owner, CROWD_SIZE));
    return withSlowdown(large, small);
  },
});
