/**
 * The log line for a handshake that has failed.
 */

import { addressOf } from "../limits/addresses.ts";
import type { RepeatableLine } from "../limits/log_limit.ts";
import type { Connection, ConnectionEnd } from "./connection.ts";
import type { Peer } from "./peer.ts";

/** Null when the end of the attempt was intended. */
export function describeFailure(
  connection: Connection,
  peer: Peer | undefined,
  { reason, detail }: ConnectionEnd,
): RepeatableLine | null {
  if (reason === "superseded" || reason === "disconnect") return null;
  const { isIncoming, remote } = connection;
  // A port scan, or a peer that has withdrawn its attempt because another
  // attempt was faster.
  const isHarmless = isIncoming && reason === "closed" &&
    (!connection.hasRead || connection.isSecond);
  // The caller of `connect` gets the reason.
  const isTold = !isIncoming && (peer?.connectWaiters.count ?? 0) > 0;
  const which = isIncoming
    ? `a handshake from ${remote}`
    : `the handshake with ${peer?.name ?? remote}`;
  return {
    level: isHarmless || isTold ? "debug" : "warning",
    kind: reason,
    source: isIncoming
      ? `from ${addressOf(remote)}`
      : `with ${peer?.name ?? remote}`,
    message: `${which} failed: ${detail}`,
    fields: { reason },
  };
}
