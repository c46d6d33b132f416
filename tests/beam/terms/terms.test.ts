/**
 * Random terms of every kind, there and back between a BEAM node and a node of
 * ours: 100,000 of each side's in every run, most of them on Node.js, and a
 * million nightly.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { hasBeam } from "../../helpers/beam.ts";
import { currentRuntime } from "../../helpers/processes.ts";
import { seedsOf } from "../../helpers/simulate.ts";
import { checkOrder } from "./order.ts";
import { echoHere, echoThere, expectAll, loadTerms } from "./rounds.ts";
import { world } from "../world.ts";

/** Other ones on each runtime. */
const seeds = {
  node: { count: 80_000, base: 1 },
  deno: { count: 10_000, base: 200_001 },
  bun: { count: 10_000, base: 300_001 },
}[currentRuntime()];

describe.skipIf(!hasBeam())("random terms", { timeout: 120_000 }, () => {
  const nodes = world({ ours: { exact: true } });
  beforeAll(() => loadTerms(nodes.them));

  test("of ours come back from a BEAM node unchanged", async () => {
    expectAll(await echoThere(nodes, seeds), seeds);
    expect(nodes.ours.logs.complaints).toEqual([]);
  });

  test("of a BEAM node come back from ours unchanged", async () => {
    expectAll(await echoHere(nodes, seeds), seeds);
    expect(nodes.ours.logs.complaints).toEqual([]);
  });

  test("are ordered here as there", async () => {
    const pairs = { count: 4_000 };
    const { less, equal, greater } = await checkOrder(nodes, pairs);
    // With HORNBEAM_SEED set, there is one.
    const least = Math.floor(seedsOf(pairs).length / 40);
    expect(Math.min(less, equal, greater)).toBeGreaterThanOrEqual(least);
  });
});
