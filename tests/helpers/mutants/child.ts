/**
 * Has a suite judge one copy of the project after the other, each until
 * something is found. A program of its own, since a mutant may do anything; it
 * is started inside of the folder of the copies.
 *
 * Arguments: the suite's folder, the seeds for each as JSON, then the copies'
 * folders. Prints a line of JSON per copy: its folder, the first seed that
 * failed or null, and why.
 */

import process from "node:process";

const [suite = "", seeds = "[]", ...folders] = process.argv.slice(2);
/** A rejection that was not handled, which is a fault as well. */
let floating: string | null = null;
process.on("unhandledRejection", (error) => floating = `floating: ${error}`);

for (const folder of folders) {
  const place = new URL(`../${folder}/${suite}/check.ts`, here());
  const { violationOf }: {
    violationOf: (seed: number) => Promise<string | null>;
  } = await import(place.href);
  let failed: number | null = null;
  let why: string | null = floating = null;
  for (const seed of JSON.parse(seeds) as readonly number[]) {
    why = await violationOf(seed) ?? floating;
    if (why === null) continue;
    failed = seed;
    break;
  }
  console.log(JSON.stringify({ folder, seed: failed, why }));
}

function here(): string {
  return new URL("./", import.meta.url).href;
}
