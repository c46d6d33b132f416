/** Spawning actors: many that end at once, and a million that wait. */

import {
  type Behaviour,
  handler,
  type Self,
  start,
  stop,
} from "../../runtime/mod.ts";
import { type Memory, memoryInUse } from "../inside/memory.ts";
import {
  DONE,
  GO_ON,
  inBatches,
  letOthersRun,
  type Report,
} from "../inside/turns.ts";
import type { Bench, Extra, Figures, Row } from "../row.ts";
import { erlangPeer, plainRow, type Prepare } from "./owner.ts";

const SPAWNS_MAX = 5_000_000;
const CROWD_SIZE = 1_000_000;
const CROWD_WARM_UP_MAX = 10_000;

const returnAtOnce = async (): Promise<void> => {};
const stopAtOnce = handler(null, (_state, _go: typeof GO_ON) => stop());

const spawnMany =
  (spawnOne: (self: Self<Report>) => void): Prepare<Report> =>
  (self, node) =>
  async (count) => {
    const before = node.stats().actors;
    await inBatches(self, count - 1, () => spawnOne(self));
    self.spawn((last) => void last.send(self.pid, DONE));
    await self.receive();
    // The last actor may report while earlier ones have not ended yet.
    while (node.stats().actors > before) await letOthersRun(self);
  };

const waitingHandler = handler(null, (state, _message: never) => state);
const waitingFunction = async (self: Self<never>): Promise<void> => {
  for (;;) await self.receive();
};

/** Resolves when all actors wait, because the last one starts last. */
async function spawnCrowd(
  self: Self<Report>,
  count: number,
  behaviour: Behaviour<never>,
): Promise<void> {
  await inBatches(self, count, () => self.spawn(behaviour));
  self.spawn((last) => void last.send(self.pid, DONE));
  await self.receive();
}

async function measureCrowd(
  bench: Bench,
  behaviour: Behaviour<never>,
): Promise<Figures> {
  const size = bench.size(CROWD_SIZE);
  // Never stopped: ending the process takes less time.
  const node = await start();
  let before: Memory;
  return await bench.measure({
    maxCount: bench.size(CROWD_WARM_UP_MAX),
    exactCount: size,
    showsGc: true,
    before: async () => {
      before = await memoryInUse();
    },
    run: (count) =>
      node.run((self: Self<Report>) => spawnCrowd(self, count, behaviour)),
    extra: async () => bytesEach(before, await memoryInUse(), size),
  });
}

function bytesEach(before: Memory, after: Memory, actors: number): Extra {
  return {
    bytesHeap: (after.heapBytes - before.heapBytes) / actors,
    bytesRss: (after.residentBytes - before.residentBytes) / actors,
  };
}

function crowdRow(options: {
  readonly name: string;
  readonly what: string;
  readonly behaviour: Behaviour<never>;
}): Row {
  return {
    id: `local/${options.name}`,
    unit: "actors/s",
    what: options.what,
    // The emulator's own limit is a quarter of a million.
    peer: { ...erlangPeer, flags: ["+P", String(2 * CROWD_SIZE)] },
    run: (bench) => measureCrowd(bench, options.behaviour),
  };
}

export const lifeRows: readonly Row[] = [
  plainRow({
    name: "spawn",
    unit: "actors/s",
    what: "Function actors that return at once, until all are gone.",
    maxCount: SPAWNS_MAX,
    prepare: spawnMany((self) => self.spawn(returnAtOnce)),
  }),
  plainRow({
    name: "spawn-handler",
    unit: "actors/s",
    what:
      "Handler actors that stop at their first message, until all are gone.",
    maxCount: SPAWNS_MAX,
    prepare: spawnMany((self) => self.send(self.spawn(stopAtOnce), GO_ON)),
  }),
  crowdRow({
    name: "idle-handler-1m",
    what: "1,000,000 handler actors start, and wait.",
    behaviour: waitingHandler,
  }),
  crowdRow({
    name: "idle-function-1m",
    what: "1,000,000 function actors start, and wait in receive().",
    behaviour: waitingFunction,
  }),
];
