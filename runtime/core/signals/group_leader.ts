/**
 * Group leaders: the actor to which an actor sends its output. A spawned actor
 * inherits the group leader of its parent, across nodes as well. Here one actor
 * changes the group leader of another one.
 */

import type { NodeServices } from "../contract/record.ts";
import { UsageError } from "../messages/errors.ts";
import { Pid } from "../terms/terms.ts";

/** To another node this is a signal, which has no reply. */
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
      `expected a live actor to set the group leader of, but ${of} has ended`,
    );
  }
  actor.groupLeader = leader;
}
