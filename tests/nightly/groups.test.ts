/** Groups under random schedules at length: 10,000 of them on each runtime. */

import { describe, expect, it } from "vitest";
import { chunksOf, report } from "./seeds.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { groupSchedule, type GroupTally } from "../sim/groups/schedule.ts";

describe("groups", () => {
  it.each(chunksOf(10_000, 500))(
    "$count schedules from seed $base on leave every node with the same view",
    async (chunk) => {
      const tally: GroupTally = {};
      const runs = await simulateSeeds(
        { ...chunk, maxSteps: 10_000 },
        (sim) => groupSchedule(sim, tally),
      );
      expect(runs.length).toBeGreaterThan(0);
      report("groups", chunk);
    },
  );
});
