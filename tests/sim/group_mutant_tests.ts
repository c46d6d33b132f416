/**
 * Tests that schedules of groups notice mistakes: each mutant is found, and the
 * original is not.
 */

import { afterAll, beforeAll, expect, it } from "vitest";
import {
  misfits,
  MutantCopies,
  type Verdict,
} from "../helpers/mutant_copies.ts";
import { describeOnNode } from "../helpers/share.ts";
import type { Mutant } from "../model/mutants.ts";

/** Seeds that find the first six; others are tried after them. */
const FIRST = [34, 273, 15, 48, 11, 2];
const SEEDS_MAX = 2_000;
const LIMIT_MS = 180_000;
const ORIGINAL = "original";

/** Defines the tests, for a test file; on Node.js only. */
export function testGroupMutants(judged: readonly Mutant[]): void {
  describeOnNode("mutants of groups", () => tests(judged));
}

function tests(judged: readonly Mutant[]): void {
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
}
