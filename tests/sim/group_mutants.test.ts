/** Schedules of groups notice mistakes: each mutant is found, the original not. */

import { afterAll, beforeAll, expect, it } from "vitest";
import {
  misfits,
  MutantCopies,
  type Verdict,
} from "../helpers/mutant_copies.ts";
import { describeOnNode, isNightly } from "../helpers/share.ts";
import { groupMutants } from "./group_mutants.ts";

/** In every run those that are found quickly, and all of them at night. */
const judged = isNightly ? groupMutants : groupMutants.slice(0, 6);
/** Seeds that find all of these; others are tried when they do no more. */
const FIRST = [34, 273, 15, 48, 11, 2];
const SEEDS_MAX = 2_000;
const LIMIT_MS = 180_000;
const ORIGINAL = "original";

describeOnNode("mutants of groups", () => {
  let copies: MutantCopies;
  let verdicts: readonly Verdict[] = [];

  beforeAll(async () => {
    copies = new MutantCopies([
      "runtime",
      "std/testing",
      "std/testing.ts",
      "tests/sim/group_place.ts",
      "tests/sim/group_schedule.ts",
    ]);
    copies.add(ORIGINAL, null);
    judged.forEach((mutant, i) => copies.add(`m${i}`, mutant));
    const run = (folders: readonly string[], seeds: readonly number[]) =>
      copies.judge("tests/sim/group_judge.ts", folders, seeds, LIMIT_MS);
    const others = Array.from({ length: SEEDS_MAX }, (_, i) => i + 1);
    const folders = judged.map((_, i) => `m${i}`);
    const found = await run(folders, [...FIRST, ...others]);
    const seeds = new Set(found.flatMap(({ seed }) => seed ?? []));
    verdicts = [...found, ...await run([ORIGINAL], [...seeds])];
  }, LIMIT_MS);

  afterAll(() => copies?.remove());

  const of = (folder: string) =>
    verdicts.find((verdict) => verdict.folder === folder);

  it("the original is innocent", () => {
    expect(of(ORIGINAL)).toMatchObject({ seed: null, why: null });
  });

  it.each(judged.map((mutant, i) => ({ ...mutant, folder: `m${i}` })))(
    "$name",
    (mutant) => {
      expect(misfits(mutant), "each patch must apply exactly once").toEqual([]);
      expect(of(mutant.folder)?.why).toMatch(/./);
    },
  );
});
