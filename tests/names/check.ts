/** The violations in the program of a seed, for `mutants.ts`. */

import { runProgram } from "./program.ts";

export async function violationOf(seed: number): Promise<string | null> {
  const { violations } = await runProgram(seed);
  return violations[0] ?? null;
}
