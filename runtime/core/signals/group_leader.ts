/**
 * Group leaders: whose output an actor's is. Inherited at spawn, across nodes
 * as well; this is the way to change somebody else's.
 */

import type { NodeServices } from "../contract/record.ts";
import { UsageError } from "../messages/errors.ts";
import { Pid } from "../terms/terms.ts";

/** To another node it is a signal, and nobody answers. */
export function setGroupLeader(node: NodeServices, of: Pid, leader: Pid): void {
  if (!(of instanceof Pid && leader instanceof Pid)) {
    throw new UsageError(
      `expected the pids of an actor and its group leader, got ${
        String(of)
      } and ${String(leader)}`,
    );
  }
  if (!node.isOwnPid(of)) {
    node.remote.signal(of.node, {
      type: "groupLeader",
      from: leader,
      to: of,
    });
    return;
  }
  const actor = node.localActor(of);
  if (actor === null) {
    throw new UsageError(
      `expected a living actor to set the group leader of, but ${of} has ended`,
    );
  }
  actor.groupLeader = leader;
}
