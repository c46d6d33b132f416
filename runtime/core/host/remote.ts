/**
 * The port to other nodes: what core asks of the network part.
 *
 * `net/distribution` implements it; a node that takes part in no cluster has an
 * implementation that reaches no other node (`node/node.ts`).
 */

import type { Pid } from "../terms/terms.ts";
import type { Signal } from "./signal.ts";

/** The way to another node, as it is at the moment. */
export type Way = {
  /** Whether there is a connection; a signal makes one where there is none. */
  readonly isUp: boolean;
  /** Whether less than the high mark waits in front of what one sends. */
  readonly hasRoom: boolean;
  /** Whether a BEAM node is known to be at its end. */
  readonly isBeam?: boolean;
};

/** The connections of a node, as core uses them. */
export interface Remote {
  /**
   * Hands a message for `to` to the connection, making one if need be.
   * Returns false when more than the high mark waits in front. Throws what the
   * codec throws for a message that cannot be encoded, and `BusyError` at the
   * hard limit; then nothing was sent.
   */
  send(from: Pid, to: Pid, message: unknown): boolean;
  /** Hands over any other signal, in order with messages. */
  signal(node: string, signal: Signal): boolean;
  /** Resolves once there is room again for that sender, or no connection. */
  ready(node: string, from: Pid): Promise<void>;
  /** Changes nothing: asking makes no connection. */
  way(node: string, from: Pid): Way;
  /** Connected nodes. */
  nodes(): readonly string[];
}
