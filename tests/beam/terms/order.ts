/** Judges our order and equality of terms by those of a BEAM node. */
import { compareTerms, termEquals } from "../../../runtime/core/terms/order.ts";
import { printTerm } from "../../../runtime/core/terms/terms.ts";
import { decode, encode } from "../../../runtime/etf.ts";
import { type Tuple, tuple } from "../../../runtime/mod.ts";
import { Random, randomTerm } from "../../helpers/terms/random_terms.ts";
import type { Seeds } from "../../helpers/simulate.ts";
import { answerTo, batches, failure, type Nodes, withJudge } from "./rounds.ts";

/** Of two terms there: whether `<`, `==` and `=:=` hold. */
type Relation = Tuple<[less: boolean, equal: boolean, same: boolean]>;

/** Returns how pairs of terms were to each other; throws where we differ. */
export function checkOrder(
  nodes: Nodes,
  seeds: Seeds,
): Promise<{ less: number; equal: number; greater: number }> {
  const seen = { less: 0, equal: 0, greater: 0 };
  return withJudge(nodes, async (self, judge) => {
    for (const batch of batches(seeds)) {
      const pairs = batch.map(pairOf);
      self.send(judge, tuple(self.pid, pairs));
      const relations = await answerTo(self) as Relation[];
      for (const [i, seed] of batch.entries()) {
        const [a, b] = pairs[i]!;
        const order = Math.sign(compareTerms(a, b));
        const [less, equal, same] = relations[i]!;
        const theirs = less ? -1 : equal ? 0 : 1;
        if (order !== theirs || termEquals(a, b) !== same) {
          const both = `${printTerm(a)} and ${printTerm(b)}`;
          const problem = `${both}: ${order}, there ${theirs}`;
          throw failure(seed, "are ordered", problem);
        }
        seen[less ? "less" : equal ? "equal" : "greater"] += 1;
      }
    }
    return seen;
  });
}

/** Two terms that have something in common more often than not. */
function pairOf(seed: number): Tuple<readonly [unknown, unknown]> {
  const random = new Random(seed);
  const make = (size: number) =>
    randomTerm(random.u32(), { size, unordered: false });
  const common = make(30);
  switch (random.below(5)) {
    case 0:
      return tuple(common, decode(encode(common), { exact: true }));
    case 1:
      // Integral floats are equal to integers and not the same.
      return tuple(common, decode(encode(common)));
    case 2:
      return tuple(tuple(common, make(5)), tuple(common, make(5)));
    case 3:
      return tuple([make(5), make(5)], [make(5), make(5)]);
    default:
      return tuple(make(10), make(10));
  }
}
