/**
 * Checks whether two Hornbeam nodes that know each other really have the same
 * names.
 *
 * OTP's protocol assumes partitions that do not overlap. If they do, or if a
 * node ends in the middle of a change, some nodes may miss a name for good. So
 * after each arrival and each loss of a member, a node compares a sum over its
 * names with the sums of its members. Where two sums differ and do not change
 * any more, the two nodes join again, with the whole handshake. While names
 * change, sums differ for a moment, and nothing is done.
 */

import type { Members } from "../state/members.ts";
import type { GlobalPort } from "../state/port.ts";
import type { GlobalTables } from "../state/tables.ts";
import { type ServerMessage, write } from "../protocol/terms.ts";

/** Time until sums are compared, and between two comparisons. */
const CHECK_MS = 200;
/** After this many different sums in a row, two nodes join in any case. */
const LOOKS_MAX = 6;

export type ChecksParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly members: Members;
  /** Joins a member once more. */
  readonly rejoin: (node: string) => void;
};

/** Two sums that differed, and how many times in a row they did. */
type Look = { readonly ours: string; readonly theirs: string; count: number };

export class Checks {
  readonly #parts: ChecksParts;
  /** Nodes to which a sum is about to be sent: each has a running timer. */
  readonly #planned = new Set<string>();
  /** By node, the last comparison if its sums differed. */
  readonly #looks = new Map<string, Look>();
  /**
   * Nodes that were joined again since the last arrival of any node. They are
   * not checked until the next arrival, because that would not help.
   */
  readonly #rejoined = new Set<string>();

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  /** Sends this node's sum to a member after `CHECK_MS` or a little more. */
  plan(node: string): void {
    if (this.#planned.has(node) || this.#rejoined.has(node)) return;
    this.#planned.add(node);
    const { port, tables, members } = this.#parts;
    port.timer(CHECK_MS + port.random(CHECK_MS), () => {
      this.#planned.delete(node);
      if (!members.isKnown(node) || !members.isHornbeam(node)) return;
      port.send(node, write.check(port.node, tables.sum));
    });
  }

  /** Sends it to all known members. */
  planAll(): void {
    for (const node of this.#parts.members.known()) this.plan(node);
  }

  /** A node has connected. */
  nodeFound(): void {
    this.#rejoined.clear();
  }

  forget(node: string): void {
    this.#looks.delete(node);
  }

  receiveSum(
    { node, sum }: Extract<ServerMessage, { readonly type: "check" }>,
  ): void {
    const { tables, members, rejoin } = this.#parts;
    const ours = tables.sum;
    if (!members.isKnown(node) || ours === sum) {
      this.#looks.delete(node);
      return;
    }
    const last = this.#looks.get(node);
    const isSame = last?.ours === ours && last.theirs === sum;
    if (isSame || (last?.count ?? 0) >= LOOKS_MAX) {
      this.#looks.delete(node);
      this.#rejoined.add(node);
      rejoin(node);
      return;
    }
    this.#looks.set(node, {
      ours,
      theirs: sum,
      count: (last?.count ?? 0) + 1,
    });
    this.plan(node);
  }
}
