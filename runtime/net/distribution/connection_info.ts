/**
 * Figures of a connection, for tools and tests. They are a snapshot.
 */

import type { Peer } from "../peers/peer.ts";

/** A connection that is up. */
export type ConnectionInfo = {
  readonly node: string;
  /** What runs the peer: Hornbeam or the BEAM. */
  readonly type: "hornbeam" | "beam";
  /** Whether both ends list each other in `nodes()`. */
  readonly isVisible: boolean;
  /** Bytes that actors of this node have sent and the system has not taken. */
  readonly waitingBytes: number;
  /** Large messages in the lane that are not written in full. */
  readonly waitingLarge: number;
  /** Whether `send` to that node returns false. */
  readonly isBusy: boolean;
  /** How often it has become busy since this node knows the peer. */
  readonly timesBusy: number;
  /** Whether it has been silent for `suspectAfterMs`. */
  readonly isSuspect: boolean;
  /** Bytes given to the system, and received from it, handshake included. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
};

/** The figures of a peer's connection; null while it is not up. */
export function connectionInfo(peer: Peer): ConnectionInfo | null {
  const { connection, lane } = peer;
  if (connection === null) return null;
  return {
    node: peer.name,
    type: peer.isBeam ? "beam" : "hornbeam",
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
