/**
 * Tests that schedules of groups notice mistakes: each mutant is found, and the
 * original is not.
 */

import { beforeAll, expect, it } from "vitest";
import { misfits, type Mutant, tryMutants } from "../helpers/mutants.ts";
import { describeOnNode } from "../helpers/share.ts";

/** Seeds that find the first six; others are tried after them. */
const FIRST = [34, 273, 15, 48, 11, 2];
const SEEDS_MAX = 2_000;
const LIMIT_MS = 180_000;

/** Defines the tests, for a test file; on Node.js only. */
export function testGroupMutants(judged: readonly Mutant[]): void {
  describeOnNode("mutants of groups", () => tests(judged));
}

function tests(judged: readonly Mutant[]): void {
  let verdicts: Awaited<ReturnType<typeof tryMutants>>;

  beforeAll(async () => {
    const others = Array.from({ length: SEEDS_MAX }, (_, i) => i + 1);
    verdicts = await tryMutants({
      suite: "tests/sim",
      mutants: judged,
      seeds: [...FIRST, ...others],
      limitMs: LIMIT_MS,
    });
  }, LIMIT_MS);

  it("the original is innocent", () => {
    expect(verdicts.original).toMatchObject({ seed: null, why: null });
  });

  it.each(judged.map((mutant, i) => ({ ...mutant, i })))(
    "$name",
    (mutant) => {
      expect(misfits(mutant), "each patch must apply exactly once").toEqual([]);
      expect(verdicts.mutants[mutant.i]?.why).toMatch(/./);
    },
  );
}
