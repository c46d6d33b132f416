/**
 * Savina's fork-join benchmarks: many actors that handle one message and end,
 * and a few that handle many. Written from their descriptions, as `messages.ts`
 * is.
 */

import { handler, type RunningNode, stop } from "../../runtime/mod.ts";
import { GO_ON, inBatches, letOthersRun } from "../inside/turns.ts";
import { type Owner, toldNumber } from "./owner.ts";

type Work = { readonly theta: number };

const THETA = 37.2;

/** The work of an actor for a message. */
function squareOfSine({ theta }: Work): number {
  const sine = Math.sin(theta);
  return sine * sine;
}

const doOnce = handler(0, (_sum, work: Work) => {
  if (squareOfSine(work) < 0) throw new Error("expected a square");
  return stop();
});

/**
 * Spawns actors that end at their first message; resolves with the number of
 * those that have ended. No other actor may be spawned meanwhile.
 */
export async function forkJoinCreate(
  self: Owner,
  node: RunningNode,
  actors: number,
): Promise<number> {
  const before = node.stats().actors;
  await inBatches(
    self,
    actors,
    () => self.send(self.spawn(doOnce), { theta: THETA }),
  );
  let left = node.stats().actors - before;
  while (left > 0) {
    await letOthersRun(self);
    left = node.stats().actors - before;
  }
  return actors - left;
}

type Worker = { done: number; sum: number };

/**
 * Sends `messages` messages to each of the actors in turn; resolves with the
 * sum of their counts.
 */
export async function forkJoinThroughput(
  self: Owner,
  actors: number,
  messages: number,
): Promise<number> {
  const spawnWorker = () =>
    self.spawn(handler<Worker, Work>(
      () => ({ done: 0, sum: 0 }),
      (state, work, worker) => {
        state.sum += squareOfSine(work);
        if (++state.done < messages) return state;
        worker.send(self.pid, state.sum > 0 ? state.done : 0);
        return stop();
      },
    ));
  const workers = Array.from({ length: actors }, spawnWorker);
  const sender = self.spawn(
    handler(0, (before, _go: typeof GO_ON, sender) => {
      for (const worker of workers) sender.send(worker, { theta: THETA });
      const rounds = before + 1;
      if (rounds === messages) return stop();
      sender.send(sender.pid, GO_ON);
      return rounds;
    }),
  );
  self.send(sender, GO_ON);
  let counted = 0;
  for (let told = 0; told < actors; told++) counted += await toldNumber(self);
  return counted;
}
