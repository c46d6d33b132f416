/**
 * Two nodes in two processes of the same runtime. The owner is in the first
 * process; what it talks to is spawned in the second one, which offers both
 * behaviours by name.
 */

import { type RunningNode, type Self, start } from "../../runtime/mod.ts";
import type { ErlangPeer, PartnerHalf, Row } from "../row.ts";
import {
  COOKIE,
  counter,
  echo,
  FIRST,
  log,
  ONE_WAY_MAX,
  oneWay,
  type Report,
  ROUND_TRIPS_MAX,
  roundTrips,
  SECOND,
} from "./shapes.ts";

async function second(): Promise<PartnerHalf> {
  const node = await start({
    name: SECOND,
    cookie: COOKIE,
    epmdPort: false,
    exports: { counter, echo },
    log,
  });
  return { hello: { port: node.port }, stop: () => node.stop() };
}

/** The first node, connected to the second. */
function first(secondPort: unknown): Promise<RunningNode> {
  return start({
    name: FIRST,
    cookie: COOKIE,
    epmdPort: false,
    peers: { [SECOND]: `127.0.0.1:${secondPort}` },
    connect: [SECOND],
    log,
  });
}

const peer: ErlangPeer = {
  source: new URL("./bench_process.erl", import.meta.url),
  distributed: true,
};

export const processRows: readonly Row[] = [
  {
    id: "process/one-way-16B",
    unit: "messages/s",
    what: "An actor sends 16 bytes a message, one on another node counts.",
    peer,
    partner: second,
    run: async (bench) => {
      const partner = await bench.startPartner();
      try {
        await using node = await first(partner.hello["port"]);
        return await node.run((self: Self<Report>) =>
          bench.measure({
            maxCount: ONE_WAY_MAX,
            meters: [partner],
            run: oneWay(self, "counter"),
          })
        );
      } finally {
        await partner.stop();
      }
    },
  },
  {
    id: "process/round-trip-16B",
    unit: "round trips/s",
    what: "16 bytes go to an actor on another node and back, one at a time.",
    peer,
    partner: second,
    run: async (bench) => {
      const partner = await bench.startPartner();
      try {
        await using node = await first(partner.hello["port"]);
        return await node.run(async (self: Self<Uint8Array>) =>
          bench.measure({
            maxCount: ROUND_TRIPS_MAX,
            meters: [partner],
            ...await roundTrips(self, "echo"),
          })
        );
      } finally {
        await partner.stop();
      }
    },
  },
];
