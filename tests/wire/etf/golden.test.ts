/**
 * The bytes that OTP 25 writes for terms. Ours have to be the same, and bytes that
 * OTP refuses have to be refused. `meta` in `tests/fixtures/etf_vectors.json` says
 * how the file was made.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { termEquals } from "../../../runtime/core/terms/order.ts";
import { Float, Tuple } from "../../../runtime/core/terms/terms.ts";
import { decode, DecodeError, encode } from "../../../runtime/etf.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";
import { root } from "../../helpers/processes.ts";

/** The bytes that OTP writes for one term with several options. */
type Encoded =
  & { readonly id: string; readonly term: string; readonly minor2: string }
  & Partial<Readonly<Record<(typeof variants)[number], string>>>;

type Decoded = {
  readonly id: string;
  readonly hex: string;
  readonly ok: boolean;
  readonly reencoded_minor2: string;
};

/** Other bytes for the same term. */
const variants = [
  "default_otp25",
  "minor0",
  "minor1",
  "compressed",
  "deterministic",
] as const;

const vectors = JSON.parse(
  readFileSync(join(root, "tests", "fixtures", "etf_vectors.json"), "utf8"),
) as {
  readonly cases: readonly Encoded[];
  readonly funs: readonly Encoded[];
  readonly decode: readonly Decoded[];
};

/** Long ones are there as `sha256:<hash> len:<bytes> head:<hex>`. */
function isHashed(bytes: string): boolean {
  return bytes.startsWith("sha256:");
}

const encoded = [...vectors.cases, ...vectors.funs];
const whole = encoded.filter(({ minor2 }) => !isHashed(minor2));

/** The terms of the long ones. */
const longTerms: Readonly<Record<string, unknown>> = {
  string_65534: new Array(65_534).fill(97),
  string_65535: new Array(65_535).fill(97),
  bin_70000: "z".repeat(70_000),
};

it("finds the vectors", () => {
  expect(vectors.cases).toHaveLength(138);
  expect(vectors.decode).toHaveLength(47);
});

describe("decode and encode give the bytes of OTP", () => {
  it.each(whole)("$id", (vector) => {
    const term = decode(fromHex(vector.minor2), { exact: true });
    expect(toHex(encode(term))).toBe(vector.minor2);
    const asBytes = { exact: true, binaries: "bytes" } as const;
    const other = decode(fromHex(vector.minor2), asBytes);
    expect(toHex(encode(other))).toBe(vector.minor2);
    expect(termEquals(other, term)).toBe(true);
  });

  it.each(encoded.filter(({ minor2 }) => isHashed(minor2)))(
    "$id",
    ({ id, minor2 }) => {
      const bytes = encode(longTerms[id]);
      const hash = createHash("sha256").update(bytes).digest("hex");
      const head = toHex(bytes.subarray(0, 24));
      expect(`sha256:${hash} len:${bytes.length} head:${head}`).toBe(minor2);
      expect(termEquals(decode(bytes, { exact: true }), longTerms[id]))
        .toBe(true);
    },
  );

  it.each(whole)("$id, from any form that OTP writes", (vector) => {
    let forms = 0;
    for (const variant of variants) {
      const bytes = vector[variant];
      if (bytes === undefined || isHashed(bytes)) continue;
      forms += 1;
      // The order of a large map is that of the bytes.
      const same = variant === "deterministic" ? bytes : vector.minor2;
      const term = decode(fromHex(bytes), { exact: true });
      expect([variant, toHex(encode(term))]).toEqual([variant, same]);
    }
    expect(forms).toBe(vectors.funs.includes(vector) ? 0 : variants.length);
  });

  it.each(vectors.decode.filter(({ ok }) => ok))(
    "$id",
    ({ hex, reencoded_minor2 }) => {
      const term = decode(fromHex(hex), { exact: true });
      expect(toHex(encode(term))).toBe(reencoded_minor2);
    },
  );
});

describe("decode without exact", () => {
  it.each(whole.filter(({ id }) => !/^map_(mixed|int_float_keys)$/.test(id)))(
    "$id loses nothing but the kind of integral floats",
    ({ minor2 }) => {
      const term = decode(fromHex(minor2));
      const exact = decode(fromHex(minor2), { exact: true });
      expect(termEquals(term, withoutFloats(exact))).toBe(true);
    },
  );

  it("refuses maps with keys that would become one", () => {
    for (const { id, minor2 } of whole) {
      if (!/^map_(mixed|int_float_keys)$/.test(id)) continue;
      expect(() => decode(fromHex(minor2))).toThrow(
        "at byte 1: expected a map without the same key twice (1 and 1.0 " +
          "are the same without `exact`) in a term of tag 116 (map)",
      );
    }
  });
});

/** A term of the vectors with integers in place of its integral floats. */
function withoutFloats(term: unknown): unknown {
  if (term instanceof Float) {
    // As a number, this is a float on its own.
    return Object.is(term.value, -0) || !Number.isSafeInteger(term.value)
      ? term
      : term.value;
  }
  if (Array.isArray(term)) return term.map(withoutFloats);
  if (term instanceof Tuple) return new Tuple(term.items.map(withoutFloats));
  if (term instanceof Map) {
    return new Map(
      Array.from(term, ([key, value]) => [key, withoutFloats(value)]),
    );
  }
  return term;
}

describe("decode refuses what OTP refuses", () => {
  it.each(vectors.decode.filter(({ ok }) => !ok))("$id", ({ hex }) => {
    expect(() => decode(fromHex(hex))).toThrow(DecodeError);
    expect(() => decode(fromHex(hex), { exact: true })).toThrow(DecodeError);
  });

  it.each(whole)("each beginning of $id", ({ minor2 }) => {
    const bytes = fromHex(minor2);
    for (let end = 0; end < bytes.length; end++) {
      const part = bytes.subarray(0, end);
      expect(() => decode(part, { exact: true })).toThrow(DecodeError);
    }
  });
});
