/** The other thread of `raw.ts`: takes orders over the port it was given. */

import { type MessagePort, workerData } from "node:worker_threads";
import { obey } from "../pair/raw_shapes.ts";
import { PortLink } from "./port_link.ts";

const { port, isBatched } = workerData as {
  readonly port: MessagePort;
  readonly isBatched: boolean;
};
obey(new PortLink(port, isBatched));
