/**
 * What can be known of a connection, for tools and tests. Figures are those of
 * the moment and old as soon as they are read.
 */

import type { Peer } from "../peers/peer.ts";

/** A connection that is up. */
export type ConnectionInfo = {
  readonly node: string;
  readonly kind: "hornbeam" | "beam";
  /** Whether both ends list each other in `nodes()`. */
  readonly isVisible: boolean;
  /** Sent by actors here, and not taken by the system yet. */
  readonly waitingBytes: number;
  /** Large messages that wait for their turn, or for the rest of it. */
  readonly waitingLarge: number;
  /** Whether `send` to that node returns false. */
  readonly isBusy: boolean;
  /** How often it has become busy since the node was first heard of. */
  readonly timesBusy: number;
  /** Whether it has been silent for `suspectAfterMs`. */
  readonly isSuspect: boolean;
  /** Handed to the system, and come from it, frames and handshake. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
};

/** Null while it is not up. */
export function connectionInfo(peer: Peer): ConnectionInfo | null {
  const { connection, lane } = peer;
  if (connection === null) return null;
  return {
    node: peer.name,
    kind: peer.isBeam ? "beam" : "hornbeam",
    isVisible: peer.isVisible,
    waitingBytes: peer.pendingBytes,
    waitingLarge: lane?.length ?? 0,
    isBusy: peer.isBusy,
    timesBusy: peer.timesBusy,
    isSuspect: peer.isSuspect,
    sentBytes: connection.sentBytes,
    receivedBytes: connection.receivedBytes,
  };
}
