/**
 * A thread that sends back the bytes of a link, in pieces of other sizes. With
 * `vanish` it ends silently once it has sent that many bytes.
 */
import process from "node:process";
import {
  type LinkEnd,
  WorkerCarrier,
} from "../../../runtime/platform/workers/carrier.ts";
import { threadData } from "../../../runtime/platform/workers/thread.ts";

const { end, vanish } = threadData() as {
  readonly end: LinkEnd;
  readonly vanish: number;
};
let sent = 0;
let size = 1;
const carrier = new WorkerCarrier(end, { remote: "the test" });
carrier.open({
  data: (chunk) => {
    for (let at = 0; at < chunk.length; at += size) {
      size = size * 7 % 10_007;
      const piece = chunk.subarray(at, at + size);
      carrier.write(piece);
      sent += piece.length;
    }
    if (sent >= vanish) process.exit(0);
  },
  drain: () => {},
  closed: () => process.exit(0),
});
