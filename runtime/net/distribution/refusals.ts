/**
 * What happens to a signal that waited for a peer and cannot be sent to it: a
 * line of the log, and an answer where a caller waits for one.
 */

import type { Node } from "../../core/node/node.ts";
import { receiveSignal } from "../../core/node/inbound.ts";
import { errorText } from "../../core/terms/error_text.ts";
import { internRef } from "../../core/terms/terms.ts";
import type { Refusal } from "../peers/peer.ts";

/** Reports the signal, and answers its caller if it has one. */
export function reportRefusal(
  node: Node,
  peerName: string,
  { signal, error }: Refusal,
): void {
  node.log("warning", "net", `a signal could not be sent to ${peerName}`, {
    error: errorText(error),
  });
  if (signal.type !== "spawnRequest") return;
  // The signal was decoded, so it holds a copy of a ref of this node.
  const ref = internRef(node.host.pids, signal.ref);
  const to = signal.from;
  const flags = { link: false, monitor: false };
  const type = "spawnReply";
  receiveSignal(node, { type, ref, to, flags, result: "badarg" });
}
