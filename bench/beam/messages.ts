/**
 * A Hornbeam node and a BEAM node, in two processes. The owner is an actor of
 * the first. Its counterpart is a process of an `erl` that runs
 * `bench_process.erl`. The comparison has the same code at the far end, and
 * Erlang at this end as well.
 */

import type { Self } from "../../runtime/mod.ts";
import {
  behaviours,
  COOKIE,
  FIRST,
  type Message,
  SECOND,
  startNode,
} from "../pair/behaviours.ts";
import { pairRows, type WithPair } from "../pair/rows.ts";
import {
  type Far,
  manyToManyShape,
  oneWayShape,
  roundTripShape,
  type Shape,
} from "../pair/shapes.ts";
import type { Row } from "../row.ts";

const source = new URL("../process/bench_process.erl", import.meta.url);

/** Runs something in an owner whose node an `erl` has connected to. */
const withErlang: WithPair = async (bench, measure) => {
  await using node = await startNode({ name: FIRST });
  // It does not listen, and gets our port as a flag, so it needs no epmd.
  const partner = await bench.startErlangPartner([
    ...["-name", SECOND, "-setcookie", COOKIE, "-dist_listen", "false"],
    ...["-start_epmd", "false", "-erl_epmd_port", String(node.port)],
  ]);
  const far: Far = { node: SECOND, prefix: "bench_process:" };
  try {
    return await node.run((self: Self<Message>) =>
      measure(self, { far, meters: [] })
    );
  } finally {
    await partner.stop();
  }
};

const fromOneWay: Shape = {
  ...oneWayShape,
  what: (size) => `A BEAM process sends messages of ${size}, an actor counts.`,
  prepare: async (self, far, bytes) => ({
    ...await oneWayShape.prepare(self, far, bytes),
    run: async (count) => {
      const to = self.spawn(behaviours.counter(count, self.pid));
      const args = [count, [to], bytes];
      await self.spawnOn(far.node, `${far.prefix}sender`, args);
      await self.receive();
    },
  }),
};

/** The comparison is with the same shape between two BEAM nodes. */
function beamRows(shape: Shape, before: "" | "to-" | "from-" = ""): Row[] {
  return pairRows({
    suite: "beam",
    before,
    shapes: [shape],
    withPair: withErlang,
    rest: (name) => ({
      erlangPartner: source,
      peer: { source, name, distributed: true },
    }),
  });
}

export const messageRows: readonly Row[] = [
  ...beamRows(oneWayShape, "to-"),
  ...beamRows(fromOneWay, "from-"),
  ...beamRows(roundTripShape),
  ...beamRows(manyToManyShape),
];
