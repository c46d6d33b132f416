/** What a worker of a benchmark offers: the behaviours, and its timer gap. */

import type { Behaviour, Pid, Self } from "../../runtime/mod.ts";
import { TimerGap } from "../inside/timer_gap.ts";
import { behaviours } from "../pair/behaviours.ts";

/** Watches the timers of the thread while it is told to. */
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
