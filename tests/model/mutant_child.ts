/**
 * Runs the model tests of one copy of the project after the other, each until
 * something is found. A program of its own, since a mutant may do anything;
 * it is started inside of the folder of the copies.
 *
 * Arguments: the seeds for each as JSON, then the copies' folders. Prints a line
 * of JSON per copy: its folder, the first seed that failed or null, and why.
 */

import process from "node:process";
import type { programOf } from "./program.ts";
import type { runProgram } from "./run.ts";

const [seeds = "[]", ...folders] = process.argv.slice(2);
/** What nobody caught, which is a fault as well. */
let floating: string | null = null;
process.on("unhandledRejection", (error) => floating = `floating: ${error}`);

for (const folder of folders) {
  const at = (file: string) => new URL(`${folder}/tests/model/${file}`, here());
  const program: { programOf: typeof programOf } = await import(
    at("program.ts").href
  );
  const run: { runProgram: typeof runProgram } = await import(
    at("run.ts").href
  );
  let failed: number | null = null;
  let why: string | null = floating = null;
  for (const seed of JSON.parse(seeds) as readonly number[]) {
    const outcome = await run.runProgram(program.programOf(seed));
    why = outcome.violations[0] ?? floating;
    if (why === null) continue;
    failed = seed;
    break;
  }
  console.log(JSON.stringify({ folder, seed: failed, why }));
}

function here(): string {
  return new URL("./", import.meta.url).href;
}
