/** The raw programs of rows between threads: message ports without nodes. */

import { MessageChannel, Worker } from "node:worker_threads";
import { rawParts } from "../pair/raw_shapes.ts";
import type { ShapeName } from "../pair/shapes.ts";
import type { Program } from "../row.ts";
import { PortLink } from "./port_link.ts";

// The built package holds .js files in the same places.
const thread = new URL(
  `./raw_thread${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`,
  import.meta.url,
);

/** A shape of two nodes, with messages of that size. */
export function rawThreads(
  shape: ShapeName,
  bytes: number,
  isBatched: boolean,
): Program {
  return {
    run: async (bench) => {
      const { port1, port2 } = new MessageChannel();
      const worker = new Worker(thread, {
        workerData: { port: port2, isBatched },
        transferList: [port2],
      });
      try {
        const link = new PortLink(port1, isBatched);
        return await bench.measure(rawParts[shape](link, bytes));
      } finally {
        port1.close();
        await worker.terminate();
      }
    },
  };
}
