/** The duration of a run, and the number of repeats. */

import type { Plan } from "./row.ts";

export const defaultPlan: Plan = {
  warmupMs: 200,
  timedMs: 1_000,
  sizeDivisor: 1,
};
export const DEFAULT_REPEATS = 3;

/** For tests: the runs are too short for their figures to mean anything. */
export const quickPlan: Plan = {
  warmupMs: 2,
  timedMs: 10,
  sizeDivisor: 100,
};
export const QUICK_REPEATS = 1;
