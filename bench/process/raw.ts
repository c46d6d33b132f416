/**
 * The raw programs that rows between processes compare with: bare sockets
 * between two processes, with frames and batches.
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { payloadOf } from "../pair/behaviours.ts";
import { obey, rawParts, say } from "../pair/raw_shapes.ts";
import { BESIDE_BLOBS_MAX, FOREVER, type ShapeName } from "../pair/shapes.ts";
import type { Bench, Figures, Partner, PartnerHalf, Program } from "../row.ts";
import { Framed } from "./framed.ts";

const HOST = "127.0.0.1";

/** A partner that takes orders on every connection. */
async function takeOrders(): Promise<PartnerHalf> {
  const open = new Set<Framed>();
  const server = createServer((socket) => {
    const framed = new Framed(socket);
    open.add(framed);
    obey(framed);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return {
    hello: { port: (server.address() as AddressInfo).port },
    stop: () => {
      for (const framed of open) framed.close();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

type Open = () => Promise<Framed>;

/** Measures with a partner that takes orders over connections. */
function program(
  measure: (bench: Bench, partner: Partner, open: Open) => Promise<Figures>,
): Program {
  return {
    partner: takeOrders,
    run: async (bench) => {
      const partner = await bench.startPartner();
      const opened: Framed[] = [];
      const open = async () => {
        const socket = connect(Number(partner.hello["port"]), HOST);
        await once(socket, "connect");
        const framed = new Framed(socket);
        opened.push(framed);
        return framed;
      };
      try {
        return await measure(bench, partner, open);
      } finally {
        for (const framed of opened) framed.close();
        await partner.stop();
      }
    },
  };
}

/** A shape of two nodes, with messages of that size. */
export function rawPair(shape: ShapeName, bytes: number): Program {
  return program(async (bench, partner, open) => {
    const part = rawParts[shape](await open(), bytes);
    return await bench.measure({ ...part, meters: [partner] });
  });
}

/** Ends with the connection. */
async function sendBlobs(framed: Framed, blob: Uint8Array): Promise<void> {
  while (framed.isOpen) await framed.sendInPieces(blob);
}

/** Large messages have a connection of their own, so others need not wait. */
export function rawBesideBlobs(bytes: number, blobBytes: number): Program {
  return program(async (bench, partner, open) => {
    const framed = await open();
    const stream = await open();
    say(stream, { type: "count", count: FOREVER });
    void sendBlobs(stream, payloadOf(bench.size(blobBytes)));
    const part = rawParts["round-trip"](framed, bytes);
    return await bench.measure({
      ...part,
      firstCount: 1,
      maxCount: BESIDE_BLOBS_MAX,
      meters: [partner],
    });
  });
}
