/** Random terms through the stand-alone codec, and bytes that are none. */
import { describe, expect, it } from "vitest";
import { termEquals } from "../../runtime/core/term_order.ts";
import { printTerm } from "../../runtime/core/terms.ts";
import { decode, encode } from "../../runtime/etf.ts";
import { toHex } from "../helpers/hex.ts";
import { eachSeed, randomTerm } from "../helpers/random_terms.ts";

describe("a random term", () => {
  it("comes back the same", () => {
    eachSeed({ count: 20_000 }, (seed) => {
      const term = randomTerm(seed);
      const bytes = encode(term);
      const back = decode(bytes, { exact: true });
      if (!termEquals(back, term)) throw new Error(printTerm(term));
      // Comparing text costs less than comparing bytes with `toEqual`.
      expect(toHex(encode(back))).toBe(toHex(bytes));
    });
  });
});
