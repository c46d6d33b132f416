/** The model tests notice mistakes: each mutant is found, the original is not. */

import { beforeAll, describe, expect, it } from "vitest";
import { misfits, tryMutants } from "../helpers/mutants.ts";
import { currentRuntime } from "../helpers/processes.ts";
import { isNightly } from "../helpers/share.ts";
import { mutants } from "./mutants.ts";

/** All of them at night; else a sample, which shows that it is no accident. */
const judged = mutants.filter((_, i) =>
  isNightly || i % (currentRuntime() === "node" ? 3 : 12) === 0
);
/**
 * Seeds of programs that find all of these mutants, nearly all of them twice:
 * they are tried first. A change of the runtime lets programs run differently,
 * so others may have to be looked for then, which only takes longer.
 */
const FIRST = [
  ...[101, 4, 76, 120, 10, 48, 142, 7, 34, 58, 67, 138, 159, 308, 378, 559],
  ...[31, 91, 125, 174, 448, 14, 36, 119, 307, 932],
];
/** Programs that a mutant may survive. */
const SEEDS_MAX = 2_000;
const LIMIT_MS = 180_000;

let verdicts: Awaited<ReturnType<typeof tryMutants>>;

beforeAll(async () => {
  const others = Array.from({ length: SEEDS_MAX }, (_, i) => i + 1);
  verdicts = await tryMutants({
    suite: "tests/model",
    mutants: judged,
    seeds: [...FIRST, ...others],
    limitMs: LIMIT_MS,
  });
}, LIMIT_MS);

describe("mutants", () => {
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
