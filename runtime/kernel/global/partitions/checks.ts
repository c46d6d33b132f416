/**
 * Whether two Hornbeam nodes that take each other for members of one name space
 * really have the same names.
 *
 * OTP's protocol spreads names along the borders of partitions that do not
 * overlap. When they do, or when a node ends in the middle of a change, some
 * nodes may miss a name for good. So whoever has met anew, or has lost a
 * member, compares a sum over its names with that of others; where the sums
 * differ and stay as they are, the two join once more, with all that belongs
 * to it. While names change, sums differ for a moment, which is no fault.
 */

import type { Members } from "../state/members.ts";
import type { GlobalPort } from "../state/port.ts";
import type { GlobalTables } from "../state/tables.ts";
import { type ServerMessage, write } from "../protocol/terms.ts";

/** From the event until sums are compared, and from one look to the next. */
const CHECK_MS = 200;
/** Looks in a row after which names that always change are joined as well. */
const LOOKS_MAX = 6;

export type ChecksParts = {
  readonly port: GlobalPort;
  readonly tables: GlobalTables;
  readonly members: Members;
  /** Joins a member once more. */
  readonly rejoin: (node: string) => void;
};

type Look = { readonly ours: string; readonly theirs: string; count: number };

export class Checks {
  readonly #parts: ChecksParts;
  readonly #planned = new Set<string>();
  readonly #looks = new Map<string, Look>();
  /** Joined anew since a node has last come: more of it would not help. */
  readonly #rejoined = new Set<string>();

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  /** Compares with one member before long. */
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

  /** Compares with all. */
  planAll(): void {
    for (const node of this.#parts.members.known()) this.plan(node);
  }

  /** A node has come. */
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
