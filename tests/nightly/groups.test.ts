/**
 * Groups under random schedules at length: 10,000 of them on each runtime, or
 * as many as HORNBEAM_SCHEDULES says.
 */

import process from "node:process";
import { expect, it } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { groupSchedule, type GroupTally } from "../sim/groups/schedule.ts";

const COUNT = Number(process.env["HORNBEAM_SCHEDULES"] ?? "10000");
/** Other seeds than those of every test run, and others on each runtime. */
const BASES = { node: 1_000_000, deno: 2_000_000, bun: 3_000_000 } as const;

it("random schedules of groups leave every node with the same view", async () => {
  const runtime = currentRuntime();
  const tally: GroupTally = {};
  const runs = await simulateSeeds(
    { count: COUNT, base: BASES[runtime], maxSteps: 10_000 },
    (sim) => groupSchedule(sim, tally),
  );
  const steps = runs.reduce((sum, run) => sum + run.steps, 0);
  console.log(`groups: ${runs.length} schedules, ${steps} steps on ${runtime}`);
  expect(runs.length).toBeGreaterThan(0);
});
