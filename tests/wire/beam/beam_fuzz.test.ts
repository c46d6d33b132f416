/**
 * 50,000 damaged inputs for the parser of frames, the handshake and the codec
 * towards BEAM nodes, and a fifth on Deno and Bun; a million run nightly.
 */
import process from "node:process";
import { describe, expect, test } from "vitest";
import type { Tally } from "../../fuzz/inputs.ts";
import { share } from "../../helpers/share.ts";
import { fuzzCodec, fuzzFrames, fuzzHandshake } from "./beam_fuzz.ts";

const rounds: readonly [
  what: string,
  inputs: number,
  fuzz: (first: number, count: number) => Tally,
][] = [
  ["the codec", share(30_000), fuzzCodec],
  ["the handshake", share(12_000), fuzzHandshake],
  ["the parser of frames", share(8_000), fuzzFrames],
];

describe("damaged recordings", () => {
  test.each(rounds)("%s takes %i of them", (_, inputs, fuzz) => {
    const before = process.memoryUsage().heapUsed;
    const { accepted, refused } = fuzz(1, inputs);
    if (process.env["HORNBEAM_SEED"] !== undefined) return;
    expect(accepted + refused).toBe(inputs);
    // Some inputs are refused and some are not, so both paths are tested.
    expect(accepted).toBeGreaterThan(inputs / 50);
    expect(refused).toBeGreaterThan(inputs / 50);
    const grownMB = (process.memoryUsage().heapUsed - before) / 1_000_000;
    expect(grownMB).toBeLessThan(400);
  });
});
