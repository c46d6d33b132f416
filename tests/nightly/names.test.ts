/**
 * Random programs for `global` at length: 10,000 schedules, or as many as the
 * environment variable HORNBEAM_NAMES says.
 */

import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { runSchedules } from "../names/schedules.ts";

const wanted = Number(process.env["HORNBEAM_NAMES"] ?? 10_000);
/** Other seeds than those of every test run, and others on each runtime. */
const BASES = { node: 1_000_000, deno: 2_000_000, bun: 3_000_000 } as const;
const CHUNK = 500;

const base = BASES[currentRuntime()];
const chunks = Array.from(
  { length: Math.ceil(wanted / CHUNK) },
  (_, i) => base + i * CHUNK,
);
let schedules = 0;
let steps = 0;

describe("global", () => {
  it.each(chunks)("programs from seed %i on keep the rules", async (first) => {
    const seeds = Array.from({ length: CHUNK }, (_, i) => first + i);
    const tally = await runSchedules(seeds);
    schedules += tally.schedules;
    steps += tally.steps;
    expect(tally.schedules).toBe(CHUNK);
  });

  afterAll(() => {
    console.log(
      `global: ${schedules} schedules, ${steps} steps on ${currentRuntime()}`,
    );
  });
});
