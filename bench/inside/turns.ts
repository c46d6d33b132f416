/**
 * How an actor of a benchmark does much without holding up the others. Erlang
 * interrupts a process that loops; a JavaScript loop ends its turn itself, by
 * going on from a message to itself.
 */

import type { Self } from "../../runtime/mod.ts";

export const GO_ON = "go on";
export const DONE = "done";
export type Report = typeof GO_ON | typeof DONE;

/** Messages, or spawns, that one actor does before it lets others run. */
export const BATCH = 100;

/** Does something that often, in batches. Only with an empty mailbox. */
export async function inBatches<M>(
  self: Self<M | typeof GO_ON>,
  count: number,
  step: (left: number) => void,
): Promise<void> {
  for (let left = count; left > 0;) {
    const rest = Math.max(0, left - BATCH);
    for (; left > rest; left--) step(left);
    await letOthersRun(self);
  }
}

/** Ends the turn of an actor whose mailbox is empty. */
export async function letOthersRun<M>(
  self: Self<M | typeof GO_ON>,
): Promise<void> {
  self.send(self.pid, GO_ON);
  await self.receive();
}
