/**
 * The states of a handshake by which two nodes join their names; `joins.ts`
 * moves between them.
 *
 * A session is one handshake; a node has one session per node that it does not
 * know yet. A join is the session that has come to its locks; a node has one
 * join at a time. Between two Hornbeam nodes the node with the smaller name
 * begins; with a BEAM node either may begin. A join that is not done in time is
 * given up, and its session begins again.
 *
 * ```text
 * join: (none) --lockSides--> locking --locked--> asking --both--> comparing
 *          ^                     |                  |                  |
 *          |___retryLater________|___backOff________|___finishJoin_____|
 *                                       (or restartSession: time is up)
 * ```
 */

import type { Pid } from "../../../core/terms/terms.ts";
import type { LockId, NameEntry, ServerMessage } from "../protocol/terms.ts";
import type { Undo } from "../state/port.ts";
import type { Verdict } from "./compare.ts";

/** The introduction of the other node. */
export type Peer = {
  /** Our messages to it must repeat this tag. */
  readonly tag: unknown;
  /** The version of the protocol that both speak. */
  readonly version: number;
  /** Its server, which is the other part of the lock's requester. */
  readonly locker: Pid;
};

/** One handshake. */
export type Session = {
  readonly node: string;
  /** Messages of the other node must repeat this tag. New in each session. */
  readonly tag: number;
  /** Null until the other node has introduced itself. */
  peer: Peer | null;
  /** Whether it has locked its side and waits for our answer. */
  isAsking: boolean;
  /** Its names; null until they have come. */
  names: readonly NameEntry[] | null;
  /** The changes that we have found; null until all clashes are decided. */
  verdict: Verdict | null;
  /** The changes that it has found; null until they have come. */
  resolved: Extract<ServerMessage, { readonly type: "resolved" }> | null;
};

/** The one session that has come to its locks. */
export type Join = {
  readonly session: Session;
  /** The introduction that the join began with. */
  readonly peer: Peer;
  readonly lock: LockId;
  /** The nodes on which the lock is held, or being taken while `locking`. */
  readonly nodes: readonly string[];
  /**
   * `locking`: our side is being locked. `asking`: it is locked, and the other
   * side is not yet. `comparing`: both are locked and our names were sent.
   */
  stage: "locking" | "asking" | "comparing";
  /** Stops the timer that gives the join up. */
  readonly endTimer: Undo;
};
