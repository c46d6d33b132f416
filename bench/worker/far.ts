/** The exports of a worker: the behaviours, and a meter of its timer gap. */

import type { Behaviour, Pid, Self } from "../../runtime/mod.ts";
import { TimerGap } from "../inside/timer_gap.ts";
import { behaviours } from "../pair/behaviours.ts";

/** Starts and ends a measurement of the thread's timer gap. */
export type GapOrder =
  | { readonly type: "begin"; readonly from: Pid<number> }
  | { readonly type: "end"; readonly from: Pid<number> };

function timerGap(): Behaviour<GapOrder> {
  return async (self: Self<GapOrder>) => {
    for (;;) {
      const begin = await self.receive("begin");
      const gap = new TimerGap();
      await gap.begin();
      self.send(begin.from, 0);
      const end = await self.receive("end");
      self.send(end.from, await gap.end());
    }
  };
}

export const exports: typeof behaviours & {
  readonly timerGap: typeof timerGap;
} = { ...behaviours, timerGap };
