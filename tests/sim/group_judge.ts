/**
 * Runs schedules of groups in copies of the project, one copy after the other,
 * each until something is found. A program of its own, which is started in the
 * folder of the copies; see `tests/helpers/mutant_copies.ts`.
 */

import process from "node:process";
import type { simulate } from "../../std/testing.ts";
import type { groupSchedule } from "./group_schedule.ts";

const [seeds = "[]", ...folders] = process.argv.slice(2);
/** What nobody caught, which is a fault as well. */
let floating: string | null = null;
process.on("unhandledRejection", (error) => floating = `floating: ${error}`);

for (const folder of folders) {
  const at = (file: string) =>
    new URL(`./${folder}/${file}`, import.meta.url).href;
  const testing: { simulate: typeof simulate } = await import(
    at("std/testing.ts")
  );
  const schedule: { groupSchedule: typeof groupSchedule } = await import(
    at("tests/sim/group_schedule.ts")
  );
  let failed: number | null = null;
  let why: string | null = floating = null;
  for (const seed of JSON.parse(seeds) as readonly number[]) {
    try {
      await testing.simulate(
        { seed, maxSteps: 10_000 },
        (sim) => schedule.groupSchedule(sim),
      );
      why = floating;
    } catch (error) {
      why = String(error);
    }
    if (why === null) continue;
    failed = seed;
    break;
  }
  console.log(JSON.stringify({ folder, seed: failed, why }));
}
