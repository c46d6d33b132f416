/** The model test at length: at least 100,000 schedules in one night. */

import { afterAll, describe, expect, it } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { runSchedules } from "../model/schedules.ts";

/** Schedules on each runtime; a trace is the same on all three. */
const COUNTS = { node: 100_000, deno: 30_000, bun: 30_000 } as const;
/** Other seeds than those of every test run, and others on each runtime. */
const BASES = { node: 1_000_000, deno: 2_000_000, bun: 3_000_000 } as const;
const CHUNK = 5_000;

const runtime = currentRuntime();
const chunks = Array.from(
  { length: COUNTS[runtime] / CHUNK },
  (_, i) => BASES[runtime] + i * CHUNK,
);
let schedules = 0;
let steps = 0;

describe("model", () => {
  it.each(chunks)("programs from seed %i on keep the rules", async (base) => {
    const seeds = Array.from({ length: CHUNK }, (_, i) => base + i);
    const tally = await runSchedules(seeds);
    schedules += tally.schedules;
    steps += tally.steps;
    expect(tally.schedules).toBe(CHUNK);
  });

  afterAll(() => {
    console.log(
      `model: ${schedules} schedules, ${steps} steps on ${runtime}`,
    );
  });
});
