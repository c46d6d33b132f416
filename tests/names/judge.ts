/**
 * The properties that `global` must have once a cluster is whole and at rest.
 */

import { type Pid, type RunningNode, termEquals } from "../../runtime/mod.ts";

/** The state of one node. */
export type View = {
  readonly node: string;
  readonly names: ReadonlyMap<string, Pid>;
  /** Locks that are held on it. */
  readonly locks: number;
  /** Nodes that it is still joining. */
  readonly pending: number;
  readonly known: readonly string[];
};

/** An actor that asked for a name. */
export type Owner = {
  readonly name: string;
  readonly node: RunningNode;
  pid: Pid | null;
  /** Whether it was told that it has the name. */
  isGiven: boolean;
  /** Whether all nodes were connected to each other when it asked. */
  readonly inWhole: boolean;
  /** Whether partitions overlapped when it was given the name. */
  inOverlap: boolean;
  /** Whether another actor may have taken it away since. */
  isTaken: boolean;
};

/** A clash that a function has decided. */
export type Decision = {
  readonly name: string;
  readonly one: Pid;
  readonly other: Pid;
  readonly winner: Pid | null;
  /** Connections that had been lost by then. */
  readonly downs: number;
  /**
   * Whether it was for nothing, because a connection was lost while its
   * resolver was about to run, or may not have reached all, because partitions
   * overlapped.
   */
  readonly isIncomplete: boolean;
};

export type Evidence = {
  readonly views: readonly View[];
  /** On nodes that are still up. */
  readonly owners: readonly Owner[];
  readonly decisions: readonly Decision[];
};

export function judge(evidence: Evidence): readonly string[] {
  return [
    ...judgeViews(evidence),
    ...judgeOwners(evidence),
    ...judgeDecisions(evidence),
  ];
}

/** All nodes know the same, and nothing is locked. */
function judgeViews({ views }: Evidence): string[] {
  const found: string[] = [];
  const show = ({ names }: View) =>
    [...names].map(([name, pid]) => `${name}=${pid.node}/${pid.id}`).sort()
      .join();
  const [first] = views;
  for (const view of views) {
    if (first !== undefined && show(view) !== show(first)) {
      found.push(
        `${view.node} has ${show(view)}, ${first.node} has ${show(first)}`,
      );
    }
    if (view.locks > 0) found.push(`${view.node} has ${view.locks} locks`);
    const others = views.map(({ node }) => node).filter((node) =>
      node !== view.node
    );
    if (view.known.toSorted().join() !== others.toSorted().join()) {
      found.push(`${view.node} knows ${view.known.join()}`);
    }
  }
  return found;
}

/** Names have live owners, and no actor has lost a name without a cause. */
function judgeOwners({ views, owners, decisions }: Evidence): string[] {
  const found: string[] = [];
  const names = views[0]?.names ?? new Map<string, Pid>();
  const alive = owners.filter(({ node, pid }) =>
    pid !== null && node.isAlive(pid)
  );
  for (const [name, pid] of names) {
    if (!alive.some((owner) => termEquals(owner.pid, pid))) {
      found.push(`${name} is of a dead actor of ${pid.node}`);
    }
  }
  const lost = (pid: Pid) =>
    decisions.some(({ one, other, winner }) =>
      (termEquals(one, pid) || termEquals(other, pid)) &&
      !termEquals(winner, pid)
    );
  // While partitions overlap, nodes may give away a name that other nodes have
  // given. The later owner replaces the earlier where both are known, and the
  // loser may be on a node that the deciding node cannot reach.
  const isReplaced = (one: Owner) =>
    owners.some((other) =>
      other !== one && other.name === one.name && other.isGiven &&
      (!other.inWhole || one.inOverlap)
    );
  for (const one of alive) {
    const { name, pid, isGiven, isTaken } = one;
    if (!isGiven || isTaken || pid === null || lost(pid)) continue;
    if (isReplaced(one)) continue;
    if (!termEquals(names.get(name), pid)) {
      found.push(`${name} was given to ${pid.node}/${pid.id}, and is lost`);
    }
  }
  return found;
}

/**
 * A clash is decided once, unless a join was broken off after that, or there
 * was a node behind a common neighbour that the decision did not reach.
 */
function judgeDecisions({ decisions }: Evidence): string[] {
  return decisions.flatMap((decision, i) => {
    const isAgain = decisions.slice(0, i).some((before) =>
      before.name === decision.name && before.downs === decision.downs &&
      !before.isIncomplete && isSamePair(before, decision)
    );
    return isAgain ? [`a clash of ${decision.name} was decided twice`] : [];
  });
}

function isSamePair(a: Decision, b: Decision): boolean {
  const same = (one: Pid, other: Pid) =>
    termEquals(a.one, one) && termEquals(a.other, other);
  return same(b.one, b.other) || same(b.other, b.one);
}
