/** Supervisors under 100 times as many random schedules as in each test run. */
import { describe, test } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { schedules } from "../sim/supervisor_schedules.ts";

/** Other seeds than those of every test run, and others on each runtime. */
const BASES = { node: 1_000_000, deno: 2_000_000, bun: 3_000_000 } as const;

describe("supervisors at length", () => {
  test.each(schedules)("%s", async (_name, seeds, body) => {
    const base = BASES[currentRuntime()];
    await simulateSeeds({ count: seeds * 100, base }, body);
  });
});
