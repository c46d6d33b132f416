/** Random programs notice mistakes in `global`; the original makes none. */

import { beforeAll, describe, expect, it } from "vitest";
import { misfits, tryMutants } from "../helpers/mutants.ts";
import { currentRuntime } from "../helpers/processes.ts";
import { isNightly } from "../helpers/share.ts";
import { mutants } from "./mutants.ts";

/** All of them at night; else a sample, which shows that it is no accident. */
const judged = mutants.filter((_, i) =>
  isNightly || i % (currentRuntime() === "node" ? 4 : 12) === 0
);
/** Programs that find these mutants early; see `tests/model/mutants.test.ts`. */
const FIRST: readonly number[] = [1, 2, 4, 25, 42, 136, 151];
/** Programs that a mutant may survive. */
const SEEDS_MAX = 500;
const LIMIT_MS = 180_000;

let verdicts: Awaited<ReturnType<typeof tryMutants>>;

beforeAll(async () => {
  const others = Array.from({ length: SEEDS_MAX }, (_, i) => i + 1);
  verdicts = await tryMutants({
    suite: "tests/names",
    mutants: judged,
    seeds: [...FIRST, ...others],
    limitMs: LIMIT_MS,
  });
}, LIMIT_MS);

describe("mutants of global", () => {
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
});
