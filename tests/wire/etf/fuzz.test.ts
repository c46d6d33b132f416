/** For any bytes of a peer, decoding ends soon: with a term or a DecodeError. */
import { expect, it } from "vitest";
import { currentRuntime } from "../../helpers/processes.ts";
import { share } from "../../helpers/share.ts";
import { checkMutants } from "./mutants.ts";

/** Each runtime has other seeds. */
const bases = { node: 1, deno: 100_001, bun: 200_001 } as const;

it("survives mutated terms", () => {
  const { accepted, refused } = checkMutants({
    count: share(17_000),
    base: bases[currentRuntime()],
  });
  // With HORNBEAM_SEED set, there is one.
  expect(accepted + refused).toBeGreaterThan(0);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.getPrototypeOf(Object.prototype)).toBe(null);
});
