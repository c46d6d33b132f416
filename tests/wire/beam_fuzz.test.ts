/**
 * 50,000 damaged inputs for the parser of frames, the handshake and the codec
 * towards BEAM nodes; a million run nightly.
 */
import process from "node:process";
import { describe, expect, test } from "vitest";
import {
  fuzzCodec,
  fuzzFrames,
  fuzzHandshake,
  type Tally,
} from "./beam_fuzz.ts";

const rounds: readonly [
  what: string,
  inputs: number,
  fuzz: (first: number, count: number) => Tally,
][] = [
  ["the codec", 30_000, fuzzCodec],
  ["the handshake", 12_000, fuzzHandshake],
  ["the parser of frames", 8_000, fuzzFrames],
];

describe("damaged recordings", () => {
  test.each(rounds)("%s takes %i of them", (_, inputs, fuzz) => {
    const before = process.memoryUsage().heapUsed;
    const { accepted, refused } = fuzz(1, inputs);
    if (process.env["HORNBEAM_SEED"] !== undefined) return;
    expect(accepted + refused).toBe(inputs);
    // Neither everything nor nothing is refused, so both ways are tried.
    expect(accepted).toBeGreaterThan(inputs / 50);
    expect(refused).toBeGreaterThan(inputs / 50);
    const grownMB = (process.memoryUsage().heapUsed - before) / 1_000_000;
    expect(grownMB).toBeLessThan(400);
  });
});
