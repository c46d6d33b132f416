/**
 * One line for the log about a handshake that failed.
 */

import type { Connection, ConnectionEnd } from "./connection.ts";
import type { Peer } from "./peer.ts";

/** What is logged, and how urgent it is. */
export type Failure = {
  readonly level: "debug" | "warning";
  readonly message: string;
  readonly reason: ConnectionEnd["reason"];
};

/** Null when it is nothing to speak of, or somebody is told in another way. */
export function describeFailure(
  connection: Connection,
  peer: Peer | undefined,
  { reason, detail }: ConnectionEnd,
  wasIncoming: boolean,
): Failure | null {
  if (reason === "superseded" || reason === "disconnect") return null;
  // Somebody who only looked whether the port is open, or a peer that took
  // an attempt back because another one was quicker.
  const isNothing = wasIncoming && reason === "closed" &&
    (!connection.hasRead || connection.isSecond);
  const isTold = !wasIncoming && (peer?.waiting.length ?? 0) > 0;
  const which = wasIncoming
    ? `a handshake from ${connection.remote}`
    : `the handshake with ${peer?.name ?? connection.remote}`;
  return {
    level: isNothing || isTold ? "debug" : "warning",
    message: `${which} failed: ${detail}`,
    reason,
  };
}
