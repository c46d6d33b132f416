/**
 * The violations in the schedule of groups of a seed, for `helpers/mutants.ts`.
 */

import { simulate } from "../../std/testing/mod.ts";
import { groupSchedule } from "./groups/schedule.ts";

export async function violationOf(seed: number): Promise<string | null> {
  try {
    await simulate({ seed, maxSteps: 10_000 }, (sim) => groupSchedule(sim));
    return null;
  } catch (error) {
    return String(error);
  }
}
