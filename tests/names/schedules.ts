/** Many random programs for `global`, of which a failing one is shown. */

import { replayCommand } from "../helpers/simulate.ts";
import { runProgram } from "./program.ts";

export type Tally = {
  readonly schedules: number;
  readonly steps: number;
  /** The events, and how often each has happened. */
  readonly events: ReadonlyMap<string, number>;
};

/** Rejects with the first violation, and the command that replays it. */
export async function runSchedules(seeds: readonly number[]): Promise<Tally> {
  const events = new Map<string, number>();
  let steps = 0;
  for (const seed of seeds) {
    const verdict = await runProgram(seed);
    steps += verdict.steps;
    for (const [what, count] of verdict.events) {
      events.set(what, (events.get(what) ?? 0) + count);
    }
    if (verdict.violations.length > 0) {
      throw new Error(
        [
          `global broke its rules with seed ${seed}:`,
          ...verdict.violations,
          `replay: ${replayCommand(seed)}`,
        ].join("\n"),
      );
    }
  }
  return { schedules: seeds.length, steps, events };
}
