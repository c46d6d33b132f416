/** Supervisors under random schedules; at length in the nightly run. */
import { describe, test } from "vitest";
import { simulateSeeds } from "../helpers/simulate.ts";
import { schedules } from "./supervisor_schedules.ts";

describe("supervisors under random schedules", () => {
  test.each(schedules)("%s", async (_name, count, body) => {
    await simulateSeeds({ count }, body);
  });
});
