/**
 * A node and a BEAM node, in two processes. The owner is an actor of ours; what
 * it talks to is a process of an `erl`, running `bench_process.erl`. So the
 * comparison has the same code at the far end, and Erlang at this one as well.
 */

import { type RunningNode, type Self, start } from "../../runtime/mod.ts";
import {
  COOKIE,
  counter,
  FIRST,
  log,
  ONE_WAY_MAX,
  oneWay,
  type Report,
  ROUND_TRIPS_MAX,
  roundTrips,
  SECOND,
} from "../process/shapes.ts";
import type { Bench, Figures, Row } from "../row.ts";

const source = new URL("../process/bench_process.erl", import.meta.url);

/** Runs something in an owner whose node an `erl` has connected to. */
async function withErlang<M>(
  bench: Bench,
  measure: (self: Self<M>, node: RunningNode) => Promise<Figures>,
): Promise<Figures> {
  await using node = await start({
    name: FIRST,
    cookie: COOKIE,
    epmdPort: false,
    log,
  });
  // It listens to nobody and is told our port, so that no epmd is needed.
  const partner = await bench.startErlangPartner([
    ...["-name", SECOND, "-setcookie", COOKIE, "-dist_listen", "false"],
    ...["-start_epmd", "false", "-erl_epmd_port", String(node.port)],
  ]);
  try {
    return await node.run((self: Self<M>) => measure(self, node));
  } finally {
    await partner.stop();
  }
}

type MessageRow = Pick<Row, "id" | "unit" | "what" | "run"> & {
  /** The shape between two BEAM nodes. */
  readonly between: string;
};

function messageRow({ between, ...row }: MessageRow): Row {
  return {
    ...row,
    erlangPartner: source,
    peer: { source, name: between, distributed: true },
  };
}

export const messageRows: readonly Row[] = [
  messageRow({
    id: "beam/to-one-way-16B",
    unit: "messages/s",
    what: "An actor sends 16 bytes a message, a BEAM process counts.",
    between: "one-way-16B",
    run: (bench) =>
      withErlang(bench, (self: Self<Report>) =>
        bench.measure({
          maxCount: ONE_WAY_MAX,
          run: oneWay(self, "bench_process:counter"),
        })),
  }),
  messageRow({
    id: "beam/from-one-way-16B",
    unit: "messages/s",
    what: "A BEAM process sends 16 bytes a message, an actor counts.",
    between: "one-way-16B",
    run: (bench) =>
      withErlang(bench, (self: Self<Report>, node) =>
        bench.measure({
          maxCount: ONE_WAY_MAX,
          run: async (count) => {
            const to = node.spawn(counter(count, self.pid));
            await self.spawnOn(SECOND, "bench_process:send_all", [count, to]);
            await self.receive();
          },
        })),
  }),
  messageRow({
    id: "beam/round-trip-16B",
    unit: "round trips/s",
    what: "16 bytes go to a BEAM process and back, one at a time.",
    between: "round-trip-16B",
    run: (bench) =>
      withErlang(bench, async (self: Self<Uint8Array>) =>
        bench.measure({
          maxCount: ROUND_TRIPS_MAX,
          ...await roundTrips(self, "bench_process:echo"),
        })),
  }),
];
