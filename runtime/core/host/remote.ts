/**
 * The port to other nodes, as core uses the network layer.
 *
 * `net/distribution` implements it. A node that takes part in no cluster has an
 * implementation that reaches no other node (`no_remote.ts`).
 */

import type { Pid } from "../terms/terms.ts";
import type { Signal } from "./signal.ts";

/** The present state of the way to another node. */
export type Way = {
  /** Whether there is a connection. A signal makes one if there is none. */
  readonly isUp: boolean;
  /** Whether less than the high mark waits in front of a new signal. */
  readonly hasRoom: boolean;
  /** Whether the peer is known to be a BEAM node. */
  readonly isBeam?: boolean;
};

/** The connections of a node, as core uses them. */
export interface Remote {
  /**
   * Gives a message for `to` to the connection, and makes a connection if
   * there is none. Returns false when more than the high mark waits in front of
   * it. Throws the error of the codec for a message that cannot be encoded, and
   * `BusyError` at the hard limit; nothing was sent then.
   */
  send(from: Pid, to: Pid, message: unknown): boolean;
  /** Gives any other signal to the connection, in order with messages. */
  signal(node: string, signal: Signal): boolean;
  /** Resolves once there is room for that sender, or no connection. */
  ready(node: string, from: Pid): Promise<void>;
  /** The state of the way. It makes no connection. */
  way(node: string, from: Pid): Way;
  /** Names of the connected nodes. */
  nodes(): readonly string[];
}
