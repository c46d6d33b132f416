/** Random programs for `global` at length: 10,000 schedules on each runtime. */

import { describe, expect, it } from "vitest";
import { chunksOf, report, seedsIn } from "./seeds.ts";
import { runSchedules } from "../names/schedules.ts";

describe("global", () => {
  it.each(chunksOf(10_000, 500))(
    "$count programs from seed $base on keep the rules",
    async (chunk) => {
      const { schedules } = await runSchedules(seedsIn(chunk));
      expect(schedules).toBe(chunk.count);
      report("global", chunk);
    },
  );
});
