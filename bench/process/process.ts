/**
 * Two and more nodes in processes of the same runtime, over TCP on loopback.
 * The owner is in the first process; what it talks to is spawned in the others,
 * which offer the behaviours by name.
 */

import type { Self } from "../../runtime/mod.ts";
import { FIRST, type Message, SECOND, startNode } from "../pair/behaviours.ts";
import { pairRows, runPair, type WithPair } from "../pair/rows.ts";
import {
  besideBlobs,
  type Far,
  manyToManyShape,
  oneWayShape,
  roundTripShape,
} from "../pair/shapes.ts";
import type { ErlangPeer, PartnerHalf, Row } from "../row.ts";
import { meshRow } from "./mesh.ts";
import { stoppedRow } from "./stopped.ts";
import { rawBesideBlobs, rawPair } from "./raw.ts";

const SMALL_BYTES = 16;
const BLOB_BYTES = 64 * 1024 * 1024;

async function second(): Promise<PartnerHalf> {
  const node = await startNode({ name: SECOND });
  return { hello: { port: node.port }, stop: () => node.stop() };
}

const withSecond: WithPair = async (bench, measure) => {
  const partner = await bench.startPartner();
  try {
    await using node = await startNode({
      name: FIRST,
      peers: { [SECOND]: `127.0.0.1:${partner.hello["port"]}` },
      connect: [SECOND],
    });
    const far: Far = { node: SECOND, prefix: "" };
    return await node.run((self: Self<Message>) =>
      measure(self, { far, meters: [partner] })
    );
  } finally {
    await partner.stop();
  }
};

const peer: ErlangPeer = {
  source: new URL("./bench_process.erl", import.meta.url),
  distributed: true,
};

export const processRows: readonly Row[] = [
  ...pairRows({
    suite: "process",
    shapes: [oneWayShape, roundTripShape, manyToManyShape],
    withPair: withSecond,
    rest: (_name, shape, bytes) => ({
      partner: second,
      peer,
      raw: { raw: rawPair(shape.name, bytes) },
    }),
  }),
  {
    id: "process/blob-p99",
    unit: "round trips/s",
    what: "16 bytes go there and back beside a stream of 64 MiB messages.",
    partner: second,
    peer,
    raw: { raw: rawBesideBlobs(SMALL_BYTES, BLOB_BYTES) },
    run: (bench) =>
      runPair(
        withSecond,
        (self, far, small) =>
          besideBlobs(self, far, { small, blob: bench.size(BLOB_BYTES) }),
        SMALL_BYTES,
      )(bench),
  },
  stoppedRow,
  meshRow,
];
