/**
 * A million random terms of ours and as many of a BEAM node's on each runtime;
 * the BEAM node judges them all.
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
import { chunksOf, report } from "./seeds.ts";

const LENGTH = 20_000;
const chunks = chunksOf(1_000_000, LENGTH);

describe.skipIf(!hasBeam())("random terms", () => {
  const nodes = world({ ours: { exact: true } });
  beforeAll(() => loadTerms(nodes.them));

  it.each(chunks)(
    "$count from seed $base on come back, ours from there and theirs from here",
    async (chunk) => {
      expectAll(await echoThere(nodes, chunk), chunk);
      expectAll(await echoHere(nodes, chunk), chunk);
      report("terms", chunk);
    },
  );

  it.each(chunks.slice(0, 1))("are ordered here as there", async (chunk) => {
    const seen = await checkOrder(nodes, chunk);
    expect(seen.less + seen.equal + seen.greater).toBe(chunk.count);
  });
});
