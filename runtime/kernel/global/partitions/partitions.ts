/**
 * What happens when a connection between two members is lost while others still
 * reach both: partitions would overlap, and two nodes that do not know of each
 * other could both change names on a third.
 *
 * `prevent` is what OTP does since release 25: whoever loses a connection tells
 * everybody, and all of them drop the node that was lost, so that what remains
 * are partitions which do not overlap. `heal`, the default, tears nothing down:
 * the two are told to meet again by those who reach both, as long as somebody
 * does. What BEAM nodes and nodes with `prevent` decide is honoured in both.
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
/** When nobody has said that it is still there, it is forgotten. */
const ANSWER_MS = 10_000;
/** How long a node that is told to disconnect has for it. */
const DISCONNECT_MS = 1_000;
/** Reports that are remembered, so that each is passed on once. */
const REPORTS_MAX = 10_000;

/** Why a member is dropped by this node itself. */
export const REMOVED = "removed";

export type PartitionsParts = {
  readonly port: GlobalPort;
  readonly members: Members;
  readonly policy: PartitionPolicy;
  /** Nodes that are known, or about to be. */
  readonly peers: () => readonly string[];
};

type Report = { readonly creation: unknown; readonly id: number | bigint };

export class Partitions {
  readonly #parts: PartitionsParts;
  readonly #reports = new Map<string, Report>();
  /** Nodes that were lost, and how often they were looked for. */
  readonly #missing = new Map<string, { tries: number; isThere: boolean }>();
  #lastReport = 0;

  constructor(parts: PartitionsParts) {
    this.#parts = parts;
  }

  /** A member is gone, and this node has not dropped it. */
  memberLost({ node, version }: Member): void {
    const missing = this.#missing.get(node);
    if (missing?.isThere) {
      this.#askForNodeLater(node, missing.tries);
      return;
    }
    // Also one that was about to be known: others may know it already.
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

  /** A member has lost another. */
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

  /** A node that this one does not reach is there. */
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

  /** Drops a member, and has it do the same. */
  remove(node: string): void {
    const { port, members } = this.#parts;
    port.send(node, write.removeConnection(port.node));
    members.drop(node, REMOVED);
    // It ends the connection when it has read that; if not, this node does.
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
