/** Whatever a peer sends, decoding ends soon: with a term or a DecodeError. */
import { expect, it } from "vitest";
import { currentRuntime } from "../helpers/processes.ts";
import { checkMutants } from "./etf_mutants.ts";

/** Together more than 50,000, with other ones on each runtime. */
const SEEDS = {
  node: { count: 17_000, base: 1 },
  deno: { count: 17_000, base: 100_001 },
  bun: { count: 17_000, base: 200_001 },
} as const;

it("survives mutated terms", () => {
  const { accepted, refused } = checkMutants(SEEDS[currentRuntime()]);
  // With HORNBEAM_SEED set, there is one.
  expect(accepted + refused).toBeGreaterThan(0);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.getPrototypeOf(Object.prototype)).toBe(null);
});
