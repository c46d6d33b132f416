/** A broadcast to many subscribers of one node. */

import { handler, type Pid, type Self } from "../../runtime/mod.ts";
import { PubSub } from "../../std/pubsub/mod.ts";
import { DONE, inBatches, letOthersRun, type Report } from "../inside/turns.ts";
import { ownerRow } from "../local/owner.ts";
import type { Row } from "../row.ts";
import { std } from "./suite.ts";

const SUBSCRIBERS = 100_000;
const BROADCASTS_MAX = 10_000;

type Topics = { readonly news: { readonly n: number } };

/** The subscribers that have got the message, and the actor to notify. */
type Tally = { received: number; size: number; owner: Pid<Report> };

/** Subscribes itself when it starts. */
const subscriber = (pubsub: PubSub<Topics>, tally: Tally) =>
  handler((self: Self<Topics["news"]>) => {
    pubsub.subscribe(self, "news");
    return tally;
  }, (state, _message: Topics["news"], self) => {
    if (++state.received === state.size) self.send(state.owner, DONE);
    return state;
  });

export const fanOutRow: Row = ownerRow<Report>({
  suite: std,
  name: "pubsub-100k",
  unit: "messages/s",
  what:
    "one actor broadcasts to 100,000 subscribers of its node, and again when " +
    "all have got the message",
  measure: async ({ self, bench }) => {
    const size = bench.size(SUBSCRIBERS);
    const pubsub = await PubSub.startLink<Topics>(self, { name: "bench" });
    const tally: Tally = { received: 0, size, owner: self.pid };
    const behaviour = subscriber(pubsub, tally);
    await inBatches(self, size, () => self.spawn(behaviour));
    while (pubsub.countSubscriptions("news") < size) await letOthersRun(self);
    return await bench.measure({
      maxCount: BROADCASTS_MAX,
      unitsPerCount: size,
      firstCount: 1,
      run: async (count) => {
        for (let n = 0; n < count; n++) {
          tally.received = 0;
          pubsub.broadcast(self, "news", { n });
          await self.receive();
        }
      },
    });
  },
});
