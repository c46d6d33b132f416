/** Groups under random schedules and faults: all nodes come to agree. */

import { describe, expect, it } from "vitest";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { share } from "../../helpers/share.ts";
import { groupSchedule, type GroupTally } from "./schedule.ts";

const COUNT = 300;

describe("groups", () => {
  it("random schedules leave every node with the same view", async () => {
    const tally: GroupTally = {};
    const runs = await simulateSeeds(
      { count: COUNT, maxSteps: 10_000 },
      (sim) => groupSchedule(sim, tally),
    );
    if (runs.length < share(COUNT)) return;
    // All of this must have happened, or nothing was tested.
    for (const what of expectedEvents) {
      expect(tally[what] ?? 0, what).toBeGreaterThan(0);
    }
  }, 120_000);
});

const expectedEvents = [
  ...["join", "leave", "end", "kill", "crash", "restart", "stall", "cut"],
  ...["partition", "pause", "hold", "lag", "create", "delete"],
  ...["groupjoin", "groupleave"],
];
