/**
 * Judges our terms by a BEAM: every term is sent there and comes back, and is
 * sent again as we have understood it; `=:=` there decides.
 */
import { compareTerms, termEquals } from "../../runtime/core/term_order.ts";
import { printTerm, Tuple } from "../../runtime/core/terms.ts";
import { decode, encode } from "../../runtime/etf.ts";
import { toHex } from "../helpers/hex.ts";
import { Random, randomTerm } from "../helpers/random_terms.ts";
import { replayCommand, type Seeds, seedsOf } from "../helpers/simulate.ts";
import type { TermPeer } from "../helpers/term_peer.ts";

/** Terms in one packet. */
const BATCH = 500;

function failure(seed: number, problem: string): Error {
  return new Error(`seed ${seed}: ${problem}\nreplay: ${replayCommand(seed)}`);
}

function* batches(seeds: Seeds): Generator<readonly number[]> {
  const all = seedsOf(seeds);
  for (let i = 0; i < all.length; i += BATCH) yield all.slice(i, i + BATCH);
}

/** Returns how many terms came through; throws for one that did not. */
export async function checkRoundTrips(
  peer: TermPeer,
  seeds: Seeds,
): Promise<number> {
  let count = 0;
  for (const batch of batches(seeds)) {
    const terms = batch.map((seed) => randomTerm(seed));
    const written = terms.map((term) => encode(term));
    const theirs = await peer.recode(written);
    const again = theirs.map((bytes, i) => {
      const term = terms[i];
      if (bytes.length === 0) {
        throw failure(batch[i]!, `a BEAM refuses ${printTerm(term)}`);
      }
      const back = decode(bytes, { exact: true });
      if (!termEquals(back, term)) {
        const both = `${printTerm(term)} comes back as ${printTerm(back)}`;
        throw failure(batch[i]!, both);
      }
      return encode(back);
    });
    const same = await peer.isSame(again);
    for (const [i, seed] of batch.entries()) {
      if (same[i] !== true) {
        throw failure(seed, `${printTerm(terms[i])} is another term there`);
      }
      // Not so for what was written first: BEAM has large maps in an order of
      // its own.
      if (toHex(again[i]!) !== toHex(theirs[i]!)) {
        throw failure(seed, `${printTerm(terms[i])} has other bytes there`);
      }
      count += 1;
    }
  }
  return count;
}

/** Returns how pairs of terms were to each other; throws where we differ. */
export async function checkOrder(
  peer: TermPeer,
  seeds: Seeds,
): Promise<{ less: number; equal: number; greater: number }> {
  const seen = { less: 0, equal: 0, greater: 0 };
  for (const batch of batches(seeds)) {
    const pairs = batch.map(pairOf);
    const relations = await peer.relations(
      pairs.flat().map((term) => encode(term)),
    );
    for (const [i, seed] of batch.entries()) {
      const [a, b] = pairs[i]!;
      const order = Math.sign(compareTerms(a, b));
      const { less, equal, same } = relations[i]!;
      const theirs = less ? -1 : equal ? 0 : 1;
      if (order !== theirs || termEquals(a, b) !== same) {
        throw failure(
          seed,
          `${printTerm(a)} and ${printTerm(b)}: ${order}, there ${theirs}`,
        );
      }
      seen[less ? "less" : equal ? "equal" : "greater"] += 1;
    }
  }
  return seen;
}

/** Two terms that have something in common more often than not. */
function pairOf(seed: number): [unknown, unknown] {
  const random = new Random(seed);
  const make = (size: number) =>
    randomTerm(random.u32(), { size, unordered: false });
  const common = make(30);
  switch (random.below(5)) {
    case 0:
      return [common, decode(encode(common), { exact: true })];
    case 1:
      // Integral floats are equal to integers and not the same.
      return [common, decode(encode(common))];
    case 2:
      return [new Tuple([common, make(5)]), new Tuple([common, make(5)])];
    case 3:
      return [[make(5), make(5)], [make(5), make(5)]];
    default:
      return [make(10), make(10)];
  }
}
