/** Calls and casts of servers. */

import { reasons, type Self } from "../../runtime/mod.ts";
import { genServer } from "../../std/gen_server/mod.ts";
import { inBatches, type Report } from "../inside/turns.ts";
import { plainRow } from "../local/owner.ts";
import type { Row } from "../row.ts";
import { std } from "./suite.ts";

const CALLS_MAX = 20_000_000;
const CASTS_MAX = 20_000_000;

const Counter = genServer({
  name: "Counter",
  init: () => 0,
  calls: { add: (server, n: number) => server.state += n },
  casts: {
    count: (server) => {
      server.state++;
    },
  },
});

/** Starts a server, which runs while `body` runs. */
async function withCounter(
  self: Self<Report>,
  body: (
    counter: NonNullable<Awaited<ReturnType<typeof Counter.start>>>,
  ) => Promise<void>,
): Promise<void> {
  const counter = await Counter.start(self);
  await body(counter);
  self.sendExit(counter.pid, reasons.shutdown);
}

export const serverRows: readonly Row[] = [
  plainRow<Report>({
    suite: std,
    name: "genserver-call",
    unit: "calls/s",
    what: "one actor calls a server again and again, one call at a time",
    maxCount: CALLS_MAX,
    prepare: (self) => (count) =>
      withCounter(self, async (counter) => {
        for (let i = 0; i < count; i++) await counter.add(1);
      }),
  }),
  plainRow<Report>({
    suite: std,
    name: "genserver-cast",
    unit: "casts/s",
    what: "one actor casts to a server; the last cast is followed by a call",
    maxCount: CASTS_MAX,
    prepare: (self) => (count) =>
      withCounter(self, async (counter) => {
        await inBatches(self, count, () => counter.count());
        if (await counter.add(0) !== count) {
          throw new Error(`expected ${count} casts to be counted`);
        }
      }),
  }),
];
