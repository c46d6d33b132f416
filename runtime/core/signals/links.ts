/**
 * Links of local actors, to actors of this node and of others.
 *
 * Between nodes, links follow the link protocol of Erlang's distribution ("Link
 * Protocol", with unlink ids). Each side keeps its own state. `unlink` makes the
 * entry inactive at once, and it stays in the table until the other node has
 * acknowledged the unlink. So no exit signal of the old link can reach the
 * actor after `unlink` has returned.
 */

import type { ActorRecord } from "../contract/record.ts";
import { Exit } from "../messages/runtime_messages.ts";
import { reasons } from "../messages/reasons.ts";
import type { LinkState } from "../contract/record.ts";
import { receiveExit } from "./exits.ts";
import type { Pid } from "../terms/terms.ts";

export function link(actor: ActorRecord, to: Pid): void {
  if (to === actor.pid) return;
  const node = actor.owner;
  const known = actor.links?.get(to);
  if (known?.active) return;
  const target = node.localActor(to);
  if (target !== null) {
    addLink(actor, to);
    addLink(target, actor.pid);
    return;
  }
  if (node.isOwnPid(to)) {
    linkToEnded(actor, to);
    return;
  }
  addLink(actor, to);
  node.peers.involve(to.node, actor);
  node.remote.signal(to.node, { type: "link", from: actor.pid, to });
}

/**
 * A link to an ended actor. Erlang raises `noproc` in the caller unless it traps
 * exits. Here the caller gets an exit signal in both cases, since it has to
 * handle that anyway.
 */
function linkToEnded(actor: ActorRecord, to: Pid): void {
  if (actor.trapExits) actor.deliver(new Exit(to, reasons.noproc));
  else receiveExit(actor, to, reasons.noproc, false);
}

/**
 * The state of every link within a node, which is active for as long as it is
 * in the table. All share one object, since a supervisor may have a million
 * links.
 */
const localLink: LinkState = Object.freeze({ active: true, unlinkId: 0 });

/** Makes this side's entry active. */
export function addLink(actor: ActorRecord, to: Pid): void {
  actor.links ??= new Map();
  actor.owner.trace?.linked(actor.pid, to);
  if (actor.owner.isOwnPid(to)) {
    actor.links.set(to, localLink);
    return;
  }
  const known = actor.links.get(to);
  if (known === undefined) {
    actor.links.set(to, { active: true, unlinkId: 0 });
  } else {
    known.active = true;
    known.unlinkId = 0;
  }
}

export function unlink(actor: ActorRecord, to: Pid): void {
  const state = actor.links?.get(to);
  if (state === undefined || !state.active) return;
  const node = actor.owner;
  if (node.isOwnPid(to)) {
    actor.links?.delete(to);
    node.localActor(to)?.links?.delete(actor.pid);
    return;
  }
  state.active = false;
  state.unlinkId = node.nextUnlinkId();
  node.remote.signal(to.node, {
    type: "unlink",
    from: actor.pid,
    to,
    id: state.unlinkId,
  });
}
