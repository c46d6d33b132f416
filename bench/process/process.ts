/**
 * Two and more nodes in processes of the same runtime, over TCP on loopback.
 * The owner is in the first process. It spawns its counterparts in the others,
 * which export the behaviours by name.
 */

import { type Message, SECOND } from "../pair/behaviours.ts";
import { partnerNode, withNodes } from "../pair/nodes.ts";
import { pairRows, runPair, type WithPair } from "../pair/rows.ts";
import {
  besideBlobs,
  type Far,
  manyToManyShape,
  oneWayShape,
  roundTripShape,
} from "../pair/shapes.ts";
import type { ErlangPeer, Row } from "../row.ts";
import { meshRow } from "./mesh.ts";
import { monitorsRow } from "./monitors.ts";
import { stoppedRow } from "./stopped.ts";
import { rawBesideBlobs, rawPair } from "./raw.ts";

const SMALL_BYTES = 16;
const BLOB_BYTES = 64 * 1024 * 1024;

const withSecond: WithPair = (bench, measure) =>
  withNodes<Message>(bench, { names: [SECOND] }, (self, partners) => {
    const far: Far = { node: SECOND, prefix: "" };
    return measure(self, { far, meters: partners.all });
  });

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
      partner: partnerNode,
      peer,
      raw: { raw: rawPair(shape.name, bytes) },
    }),
  }),
  {
    id: "process/blob-p99",
    unit: "round trips/s",
    what: "16 bytes go there and back beside a stream of 64 MiB messages.",
    partner: partnerNode,
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
  monitorsRow,
  stoppedRow,
  meshRow,
];
