/**
 * Runs many random programs, counts what they did, and makes a short story of
 * the first one that fails.
 */

import { replayCommand } from "../helpers/simulate.ts";
import { type Event, printEvent } from "./history.ts";
import { printProgram, type Program, programOf, shrink } from "./program.ts";
import { type Outcome, runProgram } from "./run.ts";

/** What the programs of a test came to. */
export type Tally = {
  readonly schedules: number;
  readonly steps: number;
  /** How often each kind of event came. */
  readonly events: ReadonlyMap<Event["is"], number>;
};

/** The test that runs a seed's program alone. */
const replaying = {
  file: "tests/model/model.test.ts",
  name: "random programs",
};

/** Rejects with the first program that breaks a rule, made small. */
export async function runSchedules(seeds: readonly number[]): Promise<Tally> {
  const events = new Map<Event["is"], number>();
  let steps = 0;
  for (const seed of seeds) {
    const program = programOf(seed);
    const outcome = await runProgram(program);
    if (outcome.violations.length > 0) {
      throw new Error(await tell(program, outcome));
    }
    steps += outcome.steps;
    for (const { is } of outcome.history) {
      events.set(is, (events.get(is) ?? 0) + 1);
    }
  }
  return { schedules: seeds.length, steps, events };
}

async function tell(program: Program, outcome: Outcome): Promise<string> {
  const kind = kindOf(outcome.violations);
  const small = await shrink(
    program,
    async (candidate) =>
      kindOf((await runProgram(candidate)).violations) === kind,
  );
  const { violations, history, trace } = await runProgram(small);
  return [
    `seed ${program.seed} breaks the rules: ${outcome.violations[0]}`,
    `replay: ${replayCommand(program.seed, replaying)}`,
    "",
    `a smaller program that does, ${printProgram(small)}`,
    "",
    ...violations,
    "",
    "its history:",
    ...history.map(printEvent),
    "",
    "the end of its trace:",
    ...trace.slice(-TAIL_LINES),
  ].join("\n");
}

const TAIL_LINES = 40;

/** Which rule was broken first, without the actors that broke it. */
function kindOf(violations: readonly string[]): string | undefined {
  return violations[0]?.replaceAll(/\d+/g, "#");
}
