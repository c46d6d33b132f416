/**
 * A million damaged recordings of BEAM nodes; see
 * `tests/wire/beam/beam_fuzz.ts`.
 */
import process from "node:process";
import { describe, expect, test } from "vitest";
import {
  fuzzCodec,
  fuzzFrames,
  fuzzHandshake,
  type Tally,
} from "../wire/beam/beam_fuzz.ts";

/** Other inputs than those of every run come after them. */
const first = 1_000_000;
const rounds: readonly [
  what: string,
  inputs: number,
  fuzz: (first: number, count: number) => Tally,
][] = [
  ["the codec", 700_000, fuzzCodec],
  ["the handshake", 200_000, fuzzHandshake],
  ["the parser of frames", 150_000, fuzzFrames],
];

describe("damaged recordings", () => {
  test.each(rounds)("%s takes %i of them", (_, inputs, fuzz) => {
    const chunk = 50_000;
    let done = 0;
    let early = 0;
    for (let at = 0; at < inputs; at += chunk) {
      const { accepted, refused } = fuzz(first + at, chunk);
      done += accepted + refused;
      if (at === 2 * chunk) early = process.memoryUsage().heapUsed;
    }
    expect(done).toBe(inputs);
    // What the first inputs have filled is not filled again and again.
    const grownMB = (process.memoryUsage().heapUsed - early) / 1_000_000;
    expect(grownMB).toBeLessThan(500);
  });
});
