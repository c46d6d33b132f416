/**
 * Terms at length: 1,000,000 mutated ones, and on each runtime as many random
 * ones of ours and of a BEAM node's, which judges them all.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { checkOrder } from "../beam/terms/order.ts";
import {
  echoHere,
  echoThere,
  expectAll,
  loadTerms,
} from "../beam/terms/rounds.ts";
import { world } from "../beam/world.ts";
import { hasBeam } from "../helpers/beam.ts";
import { currentRuntime } from "../helpers/processes.ts";
import { checkMutants } from "../wire/etf/mutants.ts";

/** Seeds on each runtime; others than those of every test run. */
const MUTANTS = { node: 400_000, deno: 300_000, bun: 300_000 } as const;
const TERMS = 1_000_000;
const BASES = { node: 1_000_000, deno: 2_000_000, bun: 3_000_000 } as const;
const CHUNK = 20_000;

const runtime = currentRuntime();

function chunks(count: number): number[] {
  const length = count / CHUNK;
  return Array.from({ length }, (_, i) => BASES[runtime] + i * CHUNK);
}

describe("mutated terms", () => {
  it.each(chunks(MUTANTS[runtime]))("from seed %i on are survived", (base) => {
    const { accepted, refused } = checkMutants({ count: CHUNK, base });
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});

describe.skipIf(!hasBeam())("random terms", () => {
  const nodes = world({ ours: { exact: true } });
  beforeAll(() => loadTerms(nodes.them));

  it.each(chunks(TERMS))("of ours from seed %i on come back", async (base) => {
    const seeds = { count: CHUNK, base };
    expectAll(await echoThere(nodes, seeds), seeds);
  });

  it.each(chunks(TERMS))("of a BEAM's from seed %i on do", async (base) => {
    const seeds = { count: CHUNK, base };
    expectAll(await echoHere(nodes, seeds), seeds);
  });

  it("are ordered here as there", async () => {
    const seeds = { count: CHUNK, base: BASES[runtime] };
    const seen = await checkOrder(nodes, seeds);
    expect(seen.less + seen.equal + seen.greater).toBe(CHUNK);
  });
});
