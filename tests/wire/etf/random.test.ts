/** Random terms through the stand-alone codec. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { termEquals } from "../../../runtime/core/terms/order.ts";
import { decode, encode } from "../../../runtime/etf.ts";
import { toHex } from "../../helpers/hex.ts";
import { randomTerm } from "../../helpers/terms/random_terms.ts";
import { checkProperty, term as anyValue } from "../cbor/pair.ts";

/** Seeds of terms and their size, which shrinks. */
const seed = fc.record({
  seed: fc.nat({ max: 2 ** 31 }),
  size: fc.integer({ min: 1, max: 60 }),
});

describe("a random term", () => {
  it("comes back the same", () => {
    checkProperty(
      fc.property(seed, ({ seed, size }) => {
        const term = randomTerm(seed, { size });
        const bytes = encode(term);
        const back = decode(bytes, { exact: true });
        expect(termEquals(back, term)).toBe(true);
        // Comparing text costs less than comparing bytes with `toEqual`.
        expect(toHex(encode(back))).toBe(toHex(bytes));
        const asBytes = decode(bytes, { exact: true, binaries: "bytes" });
        expect(termEquals(asBytes, term)).toBe(true);
      }),
      2_000,
    );
  });

  it("comes back from compression", () => {
    checkProperty(
      fc.property(seed, ({ seed, size }) => {
        const term = randomTerm(seed, { size });
        const packed = encode(term, { compressed: true });
        expect(termEquals(decode(packed, { exact: true }), term)).toBe(true);
      }),
      200,
    );
  });
});

describe("a value of any kind", () => {
  it("is refused or comes back as something that is stable", () => {
    let written = 0;
    checkProperty(
      fc.property(anyValue, (value) => {
        let bytes: Uint8Array;
        try {
          bytes = encode(value);
        } catch (error) {
          expect((error as Error).name).toBe("EncodeError");
          return;
        }
        written += 1;
        // A list whose tail is a list arrives as one list.
        const back = decode(bytes, { exact: true });
        const again = encode(back);
        const same = decode(again, { exact: true });
        expect(termEquals(same, back)).toBe(true);
        expect(toHex(encode(same))).toBe(toHex(again));
      }),
      1_000,
    );
    expect(written).toBeGreaterThan(0);
  });
});
