/**
 * The log line for a handshake that has failed.
 */

import type { Connection, ConnectionEnd } from "./connection.ts";
import type { Peer } from "./peer.ts";

/** A log line and its level. */
export type Failure = {
  readonly level: "debug" | "warning";
  readonly message: string;
  readonly reason: ConnectionEnd["reason"];
};

/** Null when the end of the attempt was intended. */
export function describeFailure(
  connection: Connection,
  peer: Peer | undefined,
  { reason, detail }: ConnectionEnd,
  wasIncoming: boolean,
): Failure | null {
  if (reason === "superseded" || reason === "disconnect") return null;
  // A port scan, or a peer that has withdrawn its attempt because another
  // attempt was faster.
  const isHarmless = wasIncoming && reason === "closed" &&
    (!connection.hasRead || connection.isSecond);
  // The caller of `connect` gets the reason.
  const isTold = !wasIncoming && (peer?.connectWaiters.count ?? 0) > 0;
  const which = wasIncoming
    ? `a handshake from ${connection.remote}`
    : `the handshake with ${peer?.name ?? connection.remote}`;
  return {
    level: isHarmless || isTold ? "debug" : "warning",
    message: `${which} failed: ${detail}`,
    reason,
  };
}
