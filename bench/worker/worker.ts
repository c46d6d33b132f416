/**
 * Two nodes in two threads of one process: the process's own node, where the
 * owner is, and a worker of it.
 */

import type { Pid, RunningNode, Self } from "../../runtime/mod.ts";
import { FIRST, type Message, SECOND, startNode } from "../pair/behaviours.ts";
import { pairRows, type WithPair } from "../pair/rows.ts";
import {
  type Far,
  manyToManyShape,
  oneWayShape,
  roundTripShape,
} from "../pair/shapes.ts";
import type { GapMeter, Row } from "../row.ts";
import type { exports, GapOrder } from "./far.ts";
import { rawThreads } from "./raw.ts";

// The built package holds .js files in the same places.
const module = new URL(
  `./far${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`,
  import.meta.url,
);

/** A meter of the worker's timer gap, which actors of the first node ask. */
async function meterOf(node: RunningNode): Promise<GapMeter> {
  const name: keyof typeof exports = "timerGap";
  const meter: Pid<GapOrder> = await node.run(async (self) =>
    (await self.spawnOn<GapOrder>(SECOND, name)).pid
  );
  const ask = (type: GapOrder["type"]) =>
    node.run((self: Self<number>) => {
      self.send(meter, { type, from: self.pid });
      return self.receive();
    });
  return {
    begin: async () => {
      await ask("begin");
    },
    end: () => ask("end"),
  };
}

const withWorker: WithPair = async (_bench, measure) => {
  await using node = await startNode({ name: FIRST });
  await using _worker = await node.startWorker({ module, name: SECOND });
  const far: Far = { node: SECOND, prefix: "" };
  const meters = [await meterOf(node)];
  return await node.run((self: Self<Message>) =>
    measure(self, { far, meters })
  );
};

export const workerRows: readonly Row[] = pairRows({
  suite: "worker",
  shapes: [oneWayShape, roundTripShape, manyToManyShape],
  withPair: withWorker,
  rest: (_name, shape, bytes) => ({
    raw: {
      raw: rawThreads(shape.name, bytes, false),
      // Round trips have one message at a time, so there is no batch.
      ...(shape === roundTripShape
        ? {}
        : { "raw-batched": rawThreads(shape.name, bytes, true) }),
    },
  }),
});
