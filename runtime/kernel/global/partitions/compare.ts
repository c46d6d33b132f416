/**
 * Compares the names of two partitions that meet: decides the clashes, and
 * finds the changes that each side has to make.
 *
 * Of the two nodes that join, the one with the smaller name decides a clash. It
 * runs the resolver of its own side's entry, on the node of that entry's pid.
 */

import { termKey } from "../../../core/terms/key.ts";
import { Pid } from "../../../core/terms/terms.ts";
import type { GlobalPort } from "../state/port.ts";
import type { GlobalTables } from "../state/tables.ts";
import { isSmaller, type NameEntry, type NameOp } from "../protocol/terms.ts";

/** The changes for this side and for the other side. */
export type Verdict = {
  readonly ours: readonly NameOp[];
  readonly theirs: readonly NameOp[];
};

type Parts = { readonly port: GlobalPort; readonly tables: GlobalTables };

/**
 * Compares another node's names with this node's. All resolvers run at the same
 * time, so a join takes no longer than the slowest of them. `done` is called
 * once.
 */
export function compareNames(
  { port, tables }: Parts,
  node: string,
  names: readonly NameEntry[],
  done: (verdict: Verdict) => void,
): void {
  const ours: NameOp[] = [];
  const theirs: NameOp[] = [];
  const clashes: { readonly own: NameEntry; readonly other: NameEntry }[] = [];
  for (const other of names) {
    const own = tables.find(other.name);
    if (own === null) ours.push({ type: "insert", entry: other });
    else if (own.pid !== other.pid && isSmaller(port.node, node)) {
      clashes.push({ own, other });
    }
  }
  let open = clashes.length;
  if (open === 0) done({ ours, theirs });
  for (const { own, other } of clashes) {
    port.log(
      "info",
      `global: ${termKey(own.name)} is ${own.pid} and, on ${node}'s side, ` +
        `${other.pid}; its resolver decides`,
    );
    port.resolve(own, other.pid, (answer) => {
      const winner = winnerOf(answer, own, other);
      if (winner !== own) ours.push(opFor(winner, own));
      if (winner !== other) theirs.push(opFor(winner, own));
      if (--open === 0) done({ ours, theirs });
    });
  }
}

/** Null: neither. Without an answer of its resolver, our entry has lost. */
function winnerOf(
  answer: { readonly value: unknown } | null,
  own: NameEntry,
  other: NameEntry,
): NameEntry | null {
  if (answer === null) return other;
  const { value } = answer;
  if (!(value instanceof Pid)) return null;
  if (value === own.pid) return own;
  return value === other.pid ? other : null;
}

function opFor(winner: NameEntry | null, { name }: NameEntry): NameOp {
  return winner === null
    ? { type: "delete", name }
    : { type: "insert", entry: winner };
}
