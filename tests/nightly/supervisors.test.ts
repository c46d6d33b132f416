/** Supervisors under 100 times as many random schedules as in each test run. */
import { describe, test } from "vitest";
import { chunksOf, firstOf, report } from "./seeds.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { schedules } from "../sim/supervisor_schedules.ts";

const longest = Math.max(...schedules.map(([, seeds]) => seeds));

describe("supervisors at length", () => {
  test.each(chunksOf(100 * longest, 500))(
    "under $count schedules of each kind from seed $base on",
    async (chunk) => {
      for (const [, seeds, body] of schedules) {
        await simulateSeeds(firstOf(chunk, 100 * seeds), body);
      }
      report("supervisors", chunk);
    },
  );
});
