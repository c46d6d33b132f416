/**
 * The tests of a set of mutants: their patches fit the source, each mutant that
 * is tried is found, and the original is not.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { misfits, type Trial, tryMutants } from "./mutants.ts";

const LIMIT_MS = 180_000;

/** What a set of mutants is tried with. */
export type MutantTests = Pick<Trial, "suite" | "mutants"> & {
  /** Which of `mutants` are tried. The patches of all of them must fit. */
  readonly isTried: (index: number) => boolean;
  /**
   * Seeds of programs that find these mutants: they are tried first. A change
   * of the runtime lets programs run differently, so others may have to be
   * looked for then, which only takes longer.
   */
  readonly first: readonly number[];
  /** Programs that a mutant may survive. */
  readonly seedsMax: number;
};

/** Defines the tests, inside of a `describe`. */
export function testMutants(
  { suite, mutants: all, isTried, first, seedsMax }: MutantTests,
): void {
  it("each patch applies exactly once", () => {
    expect(all.flatMap(misfits)).toEqual([]);
  });

  describe("tried", () => {
    const mutants = all.filter((_, i) => isTried(i));
    let verdicts: Awaited<ReturnType<typeof tryMutants>>;

    beforeAll(async () => {
      const others = Array.from({ length: seedsMax }, (_, i) => i + 1);
      const seeds = [...first, ...others];
      verdicts = await tryMutants({ suite, mutants, seeds, limitMs: LIMIT_MS });
    }, LIMIT_MS);

    it("the original is innocent", () => {
      expect(verdicts.original).toMatchObject({ seed: null, why: null });
    });

    it.each(mutants.map(({ name }, i) => ({ name, i })))("$name", ({ i }) => {
      expect(verdicts.mutants[i]?.why).toMatch(/./);
    });
  });
}
