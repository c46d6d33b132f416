/**
 * Malformed bytes: the golden vectors and random terms with a few bytes changed.
 * Decoding must end soon, with a term or a `DecodeError`, and a term can be written
 * and read again.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { termEquals } from "../../../runtime/core/terms/order.ts";
import { decode, DecodeError, encode } from "../../../runtime/etf.ts";
import { joined, mutate } from "../../fuzz/inputs.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";
import { root } from "../../helpers/processes.ts";
import {
  eachSeed,
  Random,
  randomTerm,
} from "../../helpers/terms/random_terms.ts";
import type { Seeds } from "../../helpers/simulate.ts";

const vectors = JSON.parse(
  readFileSync(join(root, "tests", "fixtures", "etf_vectors.json"), "utf8"),
) as {
  readonly cases: readonly { readonly minor2: string; compressed: string }[];
  readonly funs: readonly { readonly minor2: string }[];
  readonly decode: readonly { readonly hex: string }[];
};

/** Short ones only, so that a change is likely to have an effect. */
const samples: readonly Uint8Array[] = [
  ...vectors.cases.flatMap(({ minor2, compressed }) => [minor2, compressed]),
  ...vectors.funs.map(({ minor2 }) => minor2),
  ...vectors.decode.map(({ hex }) => hex),
].filter((text) => !text.startsWith("sha256:") && text.length < 2_000)
  .map(fromHex);

/** Changes behind the version, without which all would be refused at once. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const draw = (limit: number): number => random.below(limit);
  return joined(bytes.subarray(0, 1), mutate(bytes.subarray(1), draw));
}

/** Decodes; undefined when the bytes are refused with a `DecodeError`. */
function attempt(
  bytes: Uint8Array,
  exact: boolean,
): { readonly term: unknown } | undefined {
  try {
    return { term: decode(bytes, { exact }) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Returns how many were terms, and how many were not. */
export function checkMutants(
  seeds: Seeds,
): { accepted: number; refused: number } {
  const seen = { accepted: 0, refused: 0 };
  eachSeed(seeds, (seed) => {
    const random = new Random(seed);
    const whole = random.once(4)
      ? encode(randomTerm(seed, { size: 15 }))
      : random.pick(samples);
    const bytes = mutated(whole, random);
    const before = bytes.slice();
    const found = attempt(bytes, true);
    attempt(bytes, false);
    if (found === undefined) seen.refused += 1;
    else {
      seen.accepted += 1;
      const again = decode(encode(found.term), { exact: true });
      if (!termEquals(again, found.term)) {
        throw new Error(`${toHex(bytes)} is another term when it comes back`);
      }
    }
    if (toHex(bytes) !== toHex(before)) {
      throw new Error("the input was changed");
    }
  });
  return seen;
}
