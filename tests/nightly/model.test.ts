/** The model test at length: at least 100,000 schedules in one night. */

import { describe, expect, it } from "vitest";
import { chunksOf, report, seedsIn } from "./seeds.ts";
import { runSchedules } from "../model/schedules.ts";

/** Schedules on each runtime; a trace is the same on all three. */
const counts = { node: 100_000, deno: 30_000, bun: 30_000 } as const;

describe("model", () => {
  it.each(chunksOf(counts, 5_000))(
    "$count programs from seed $base on keep the rules",
    async (chunk) => {
      const { schedules } = await runSchedules(seedsIn(chunk));
      expect(schedules).toBe(chunk.count);
      report("model", chunk);
    },
  );
});
