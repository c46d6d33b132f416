/** How long a run takes, and how often it is repeated. */

import type { Plan } from "./row.ts";

export const defaultPlan: Plan = {
  warmupMs: 200,
  timedMs: 1_000,
  sizeDivisor: 1,
};
export const defaultRepeats = 3;

/** For tests: the figures are valid but say nothing. */
export const quickPlan: Plan = {
  warmupMs: 2,
  timedMs: 10,
  sizeDivisor: 100,
};
export const quickRepeats = 1;
