/**
 * Erlang's external term format alone: `encode` and `decode` of `hornbeam/etf`
 * with their defaults, one term over and over. `bench_beam.erl` does the same
 * with `term_to_binary/2` and `binary_to_term/1`.
 */

import { setImmediate } from "node:timers";
import { decode, encode } from "../../runtime/etf.ts";
import type { Row, TimedPart } from "../row.ts";
import { term } from "./term.ts";

const TERMS_MAX = 20_000_000;
/** Terms before timers and sockets are served: some milliseconds of work. */
const BATCH = 1_000;

const peer: Row["peer"] = {
  source: new URL("./bench_beam.erl", import.meta.url),
  distributed: false,
};

/** Calls `step` repeatedly, whose number keeps it from being optimized away. */
function inBatches(step: () => number): TimedPart["run"] {
  return async (count) => {
    let sum = 0;
    for (let done = 0; done < count;) {
      const end = Math.min(count, done + BATCH);
      for (; done < end; done++) sum += step();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (sum !== count * step()) throw new Error("expected equal results");
  };
}

export const etfRows: readonly Row[] = [
  {
    id: "beam/etf-encode",
    unit: "terms/s",
    what: "`encode` of one term of 232 bytes.",
    peer,
    run: (bench) =>
      bench.measure({
        maxCount: TERMS_MAX,
        run: inBatches(() => encode(term).length),
      }),
  },
  {
    id: "beam/etf-decode",
    unit: "terms/s",
    what: "`decode` of the same term.",
    peer,
    run: (bench) => {
      const bytes = encode(term);
      return bench.measure({
        maxCount: TERMS_MAX,
        run: inBatches(() => (decode(bytes) as typeof term)["id"] as number),
      });
    },
  },
];
