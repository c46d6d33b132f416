/**
 * A thousandth of the nightly part `fuzz` on each runtime: random and damaged
 * handshakes, frames, signals, requests to epmd and messages to the kernel.
 */
import process from "node:process";
import { expect, test } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { fuzzTarget, targets } from "./targets.ts";

/** Each runtime has other seeds. */
const bases = { node: 1, deno: 10_001, bun: 20_001 } as const;
const SEEDS = 167;

test.each(targets)("random input: $name", async (target) => {
  const count = SEEDS * target.inputs;
  const tally = await fuzzTarget(target, bases[currentRuntime()], SEEDS);
  if (process.env["HORNBEAM_SEED"] !== undefined) return;
  expect(tally.accepted + tally.refused).toBe(count);
  expect(tally.accepted).toBeGreaterThan(count / 20);
});
