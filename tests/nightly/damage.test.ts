/**
 * Damaged bytes at length: on each runtime 700,000 recordings of BEAM nodes for
 * the codec, 200,000 for the handshake and 150,000 for the parser of frames
 * (`tests/wire/beam/beam_fuzz.ts`), and a million mutated terms on all three
 * runtimes together.
 */
import process from "node:process";
import { describe, expect, test } from "vitest";
import {
  BASE_SEED,
  type Chunk,
  chunksOf,
  type Counts,
  firstOf,
  report,
} from "./seeds.ts";
import {
  fuzzCodec,
  fuzzFrames,
  fuzzHandshake,
} from "../wire/beam/beam_fuzz.ts";
import type { Tally } from "../fuzz/inputs.ts";
import { checkMutants } from "../wire/etf/mutants.ts";

const LENGTH = 50_000;

const rounds: readonly (readonly [
  counts: Counts,
  fuzz: (first: number, count: number) => Tally,
])[] = [
  [700_000, fuzzCodec],
  [200_000, fuzzHandshake],
  [150_000, fuzzFrames],
];
const termCounts = { node: 400_000, deno: 300_000, bun: 300_000 } as const;

/** Bytes of the heap when the tables that fill once are full. */
let early = 0;

describe("damaged bytes", () => {
  test.each(chunksOf(700_000, LENGTH))(
    "of $count seeds from $base on are survived",
    (chunk) => {
      for (const [counts, fuzz] of rounds) {
        const { base, count } = firstOf(chunk, counts);
        const { accepted, refused } = fuzz(base, count);
        expect(accepted + refused).toBe(count);
      }
      expectTerms(firstOf(chunk, termCounts));
      const used = process.memoryUsage().heapUsed;
      if (chunk.base === BASE_SEED + 2 * LENGTH) early = used;
      if (early > 0) {
        // What the first inputs have filled is not filled again and again.
        expect((used - early) / 1_000_000).toBeLessThan(500);
      }
      report("damage", chunk);
    },
  );
});

function expectTerms({ base, count }: Chunk): void {
  if (count === 0) return;
  const { accepted, refused } = checkMutants({ base, count });
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
}
