/**
 * The term codec at length: 1,000,000 mutated terms, and as many random ones
 * that a BEAM judges.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBeam } from "../helpers/beam.ts";
import { currentRuntime } from "../helpers/processes.ts";
import { TermPeer } from "../helpers/term_peer.ts";
import { checkOrder, checkRoundTrips } from "../wire/etf_judge.ts";
import { checkMutants } from "../wire/etf_mutants.ts";

/** Seeds on each runtime; others than those of every test run. */
const MUTANTS = { node: 400_000, deno: 300_000, bun: 300_000 } as const;
const TERMS = { node: 400_000, deno: 300_000, bun: 300_000 } as const;
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

describe.skipIf(!hasBeam())("a BEAM", () => {
  let peer: TermPeer;
  beforeAll(async () => {
    peer = await TermPeer.start();
  });
  afterAll(() => peer.stop());

  it.each(chunks(TERMS[runtime]))(
    "judges terms from seed %i on",
    async (base) => {
      expect(await checkRoundTrips(peer, { count: CHUNK, base })).toBe(CHUNK);
    },
  );

  it("orders terms as we do", async () => {
    const seen = await checkOrder(peer, { count: CHUNK, base: BASES[runtime] });
    expect(seen.less + seen.equal + seen.greater).toBe(CHUNK);
  });
});
