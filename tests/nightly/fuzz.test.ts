/**
 * Ten million random and damaged inputs on the three runtimes together, for all
 * that reads what other programs send (`tests/fuzz/`). A seed gives
 * 20 inputs; a failure names the input and the command that runs it alone.
 */
import process from "node:process";
import { expect, test } from "vitest";
import { fuzzTarget, INPUTS_PER_SEED, targets } from "../fuzz/targets.ts";
import { chunksOf, report } from "./seeds.ts";

/** 3.34 million inputs on each runtime. */
const SEEDS = 167_000;
const LENGTH = 5_000;

/** Bytes of the heap once the tables that fill once are full. */
let early = 0;

test.each(chunksOf(SEEDS, LENGTH))(
  "all inputs of $count seeds from $base on are survived",
  async (chunk) => {
    const { base, count } = chunk;
    let inputs = 0;
    for (const target of targets) {
      const { accepted, refused } = await fuzzTarget(target, base, count);
      inputs += accepted + refused;
    }
    if (process.env["HORNBEAM_SEED"] !== undefined) return;
    expect(inputs).toBe(count * INPUTS_PER_SEED);
    const used = process.memoryUsage().heapUsed;
    if (early === 0) early = used;
    // What the first inputs have filled is not filled again and again.
    expect((used - early) / 1_000_000).toBeLessThan(500);
    report("fuzz", chunk);
  },
  30 * 60_000,
);
