/** The items of a term that should be a tuple, for what other nodes send. */

import { Tuple } from "../../core/terms/terms.ts";

/** The items of a tuple; an empty list for anything else. */
export function itemsOf(term: unknown): readonly unknown[] {
  return term instanceof Tuple ? term.items : [];
}
