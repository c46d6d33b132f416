/**
 * What happens when a connection between two members is lost while other
 * members still reach both. Partitions would then overlap: two nodes that do
 * not know each other could both change names on a third.
 *
 * - `prevent` is OTP's behaviour since release 25: a node that loses a
 *   connection tells all its members, and all of them drop the lost node, so
 *   that the remaining partitions do not overlap.
 * - `heal`, the default, ends no connection: members that reach both nodes tell
 *   them to connect again, as long as there is such a member.
 *
 * With both policies a node follows the decisions of BEAM nodes and of nodes
 * with `prevent`.
 */

import type { Member, Members } from "../state/members.ts";
import type { GlobalPort } from "../state/port.ts";
import {
  type LostConnection,
  type ServerMessage,
  write,
} from "../protocol/terms.ts";
import { termEquals } from "../../../core/terms/order.ts";

export type PartitionPolicy = "heal" | "prevent";

/** First and longest pause before a node is looked for again. */
const MEET_MS = 1_000;
const MEET_MAX_MS = 30_000;
/** If no member has answered by then, a lost node is not looked for again. */
const ANSWER_MS = 10_000;
/** Time for a node to end the connection after it was told to. */
const DISCONNECT_MS = 1_000;
/** Most reports that are remembered, so that each is passed on once. */
const REPORTS_MAX = 10_000;

/** The reason when this node itself drops a member. */
export const REMOVED = "removed";

export type PartitionsParts = {
  readonly port: GlobalPort;
  readonly members: Members;
  readonly policy: PartitionPolicy;
  /** Nodes that are known, and nodes that are being joined. */
  readonly peers: () => readonly string[];
};

type Report = { readonly creation: unknown; readonly id: number | bigint };

export class Partitions {
  readonly #parts: PartitionsParts;
  /**
   * The newest report of each pair "reporter lost", the oldest pair first; at
   * most `REPORTS_MAX`.
   */
  readonly #reports = new Map<string, Report>();
  /**
   * Lost nodes that are looked for: how many times in a row, and whether a
   * member has said that the node is there. An entry goes when the node
   * connects, and when no member has answered for `ANSWER_MS`.
   */
  readonly #missing = new Map<string, { tries: number; isThere: boolean }>();
  /** The id of this node's last report; ids only grow. */
  #lastReport = 0;

  constructor(parts: PartitionsParts) {
    this.#parts = parts;
  }

  /** A member is lost; it was not dropped by `remove` or `removedBy`. */
  memberLost({ node, version }: Member): void {
    const missing = this.#missing.get(node);
    if (missing?.isThere) {
      this.#askForNodeLater(node, missing.tries);
      return;
    }
    // Also a node that was being joined: other members may know it already.
    if (this.#parts.policy === "heal") this.#askForNode(node, 0);
    else if (version !== null) this.#report(node);
  }

  nodeFound(node: string): void {
    this.#missing.delete(node);
  }

  // -- Healing

  #askForNode(node: string, tries: number): void {
    const { port, members } = this.#parts;
    const missing = { tries, isThere: false };
    this.#missing.set(node, missing);
    for (const peer of members.known()) {
      if (members.isHornbeam(peer)) {
        port.send(peer, write.lost(port.node, node));
      }
    }
    port.timer(ANSWER_MS, () => {
      if (this.#missing.get(node) !== missing || missing.isThere) return;
      this.#missing.delete(node);
    });
  }

  #askForNodeLater(node: string, tries: number): void {
    const { port, members } = this.#parts;
    const missing = { tries, isThere: false };
    this.#missing.set(node, missing);
    const pauseMs = Math.min(MEET_MS * 2 ** tries, MEET_MAX_MS);
    port.timer(pauseMs, () => {
      if (this.#missing.get(node) !== missing) return;
      if (members.get(node) === undefined) this.#askForNode(node, tries + 1);
      else this.#missing.delete(node);
    });
  }

  /** A member has lost another node. */
  lossTold(
    { node, other }: Extract<ServerMessage, { readonly type: "lost" }>,
  ): void {
    const { port, members } = this.#parts;
    if (other === port.node || !members.isKnown(other)) return;
    port.send(node, write.meet(port.node, other));
    if (members.isHornbeam(other)) {
      port.send(other, write.meet(port.node, node));
    }
  }

  /** A member reaches a node that this node does not reach: connects to it. */
  meet(other: string): void {
    const { port, members } = this.#parts;
    if (other === port.node || members.get(other) !== undefined) return;
    const { tries } = this.#missing.get(other) ?? { tries: 0 };
    this.#missing.set(other, { tries, isThere: true });
    members.ensure(other);
  }

  // -- Preventing

  #report(other: string): void {
    const { port, peers } = this.#parts;
    const { node, creation } = port;
    const id = ++this.#lastReport;
    this.#remember(node, other, { creation, id });
    for (const peer of peers()) {
      if (peer === other) continue;
      port.send(peer, write.lostConnection(node, creation, id, other));
    }
  }

  reported({ reporter, creation, id, other, message }: LostConnection): void {
    const { port, peers } = this.#parts;
    if (reporter === port.node) return;
    const known = this.#reports.get(`${reporter} ${other}`);
    const isOld = known !== undefined &&
      termEquals(known.creation, creation) && id <= known.id;
    if (isOld) return;
    this.#remember(reporter, other, { creation, id });
    for (const peer of peers()) {
      if (peer !== reporter) port.send(peer, message);
    }
    const lost = other === port.node ? reporter : other;
    if (peers().includes(lost)) this.remove(lost);
  }

  #remember(reporter: string, other: string, report: Report): void {
    const key = `${reporter} ${other}`;
    this.#reports.delete(key);
    this.#reports.set(key, report);
    if (this.#reports.size <= REPORTS_MAX) return;
    for (const oldest of this.#reports.keys()) {
      this.#reports.delete(oldest);
      return;
    }
  }

  /** Drops a member, and tells it to drop this node. */
  remove(node: string): void {
    const { port, members } = this.#parts;
    port.send(node, write.removeConnection(port.node));
    members.drop(node, REMOVED);
    // It should end the connection when it has read that; if not, we do.
    port.timer(DISCONNECT_MS, () => {
      if (members.get(node) === undefined && port.nodes().includes(node)) {
        port.disconnect(node);
      }
    });
  }

  /** A member has dropped this node. */
  removedBy(node: string): void {
    const { port, members } = this.#parts;
    if (members.get(node) === undefined) return;
    members.drop(node, REMOVED);
    port.disconnect(node);
  }
}
