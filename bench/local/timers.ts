/** Timers that are set and cancelled and never fire, as is usual. */

import type { Ref, Self } from "../../runtime/mod.ts";
import { type GO_ON, inBatches } from "../inside/turns.ts";
import type { Figures, Row } from "../row.ts";
import { type Owner, ownerRow } from "./owner.ts";

const TIMERS = 100_000;
const ONE_MORE_MAX = 5_000_000;
const ROUNDS = 5;
const HOUR_MS = 3_600_000;
/** Its multiples modulo an hour are spread evenly. */
const GOLDEN_MS = 2_224_919;

/** Due in one to two hours, in no order, since an order would be too easy. */
function setTimer(self: Self<typeof GO_ON>, n: number): Ref {
  return self.startTimer(HOUR_MS + n * GOLDEN_MS % HOUR_MS, "late");
}

/** Sets and cancels one more timer, while all others stay set. */
async function oneMoreTimer(
  { self, bench }: Owner<typeof GO_ON>,
): Promise<Figures> {
  await inBatches(self, bench.size(TIMERS), (n) => setTimer(self, n));
  return withNsEach(
    await bench.measure({
      maxCount: ONE_MORE_MAX,
      unitsPerCount: 2,
      showsGc: true,
      run: (count) =>
        inBatches(self, count, (n) => self.cancelTimer(setTimer(self, n))),
    }),
  );
}

/** Sets all timers and then cancels all. A step is either operation. */
async function allTimers(
  { self, bench }: Owner<typeof GO_ON>,
): Promise<Figures> {
  const round = 2 * bench.size(TIMERS);
  const refs: Ref[] = [];
  return withNsEach(
    await bench.measure({
      maxCount: round,
      exactCount: ROUNDS * round,
      showsGc: true,
      run: async (count) => {
        for (let left = count; left > 0; left -= round) {
          const now = Math.min(left, round) >> 1;
          await inBatches(self, now, (n) => refs[n - 1] = setTimer(self, n));
          await inBatches(self, now, (n) => self.cancelTimer(refs[now - n]!));
        }
      },
    }),
  );
}

function withNsEach(figures: Figures): Figures {
  const nsEach = 1e9 / figures.rate;
  return { ...figures, extra: { ...figures.extra, nsEach } };
}

export const timerRows: readonly Row[] = [
  ownerRow({
    name: "timers-100k",
    unit: "operations/s",
    what: "With 100,000 timers alive, one more is set and cancelled.",
    measure: oneMoreTimer,
  }),
  ownerRow({
    name: "timers-all-100k",
    unit: "operations/s",
    what: "100,000 timers are set, and all of them cancelled.",
    measure: allTimers,
  }),
];
