/**
 * How an actor of a benchmark does much work and lets other actors run. Erlang
 * interrupts a process that loops. A loop in JavaScript has to end its turn
 * itself: the actor sends itself a message and goes on when it receives it.
 */

import type { Self } from "../../runtime/mod.ts";

export const GO_ON = "go on";
export const DONE = "done";
export type Report = typeof GO_ON | typeof DONE;

/** Messages or spawns of one actor before it lets others run. */
export const BATCH = 100;

/** Calls `step` `count` times, in batches. The mailbox must be empty. */
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
