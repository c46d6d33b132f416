/** What the model tests find in the program of a seed, for `mutants.ts`. */

import { programOf } from "./program.ts";
import { runProgram } from "./run.ts";

export async function violationOf(seed: number): Promise<string | null> {
  const { violations } = await runProgram(programOf(seed));
  return violations[0] ?? null;
}
