/**
 * Signals that arrive from other nodes, and their effect on local actors.
 *
 * The rules for targets that have ended, stale incarnations and acknowledgements
 * are those of Erlang's distribution protocol: each link, monitor and unlink is
 * answered. Any other signal to an actor that has ended is dropped.
 */

import type { Node } from "./node.ts";
import type { MonitorTarget, Signal } from "../host/signal.ts";
import type { Pid, Ref } from "../terms/terms.ts";
import { SystemRequest } from "../messages/requests.ts";
import { receiveExit } from "../signals/exits.ts";
import { addLink } from "../signals/links.ts";
import { addWatcher, receiveDown, watcherKey } from "../signals/monitors.ts";
import { MailboxFullError } from "../messages/errors.ts";
import { reasons } from "../messages/reasons.ts";
import { expectSystemRequest } from "../sys/system_requests.ts";

/** A message for a local actor, by the numbers of its pid. The hot path. */
export function receiveMessage(
  node: Node,
  id: number,
  serial: number,
  message: unknown,
): void {
  const actor = node.actorById(id, serial);
  if (actor === null) return;
  if (node.trace !== null) {
    node.trace.signalReceived({ type: "send", to: actor.pid, message });
  }
  try {
    actor.deliver(message);
  } catch (error) {
    ignoreFull(error);
  }
  if (message instanceof SystemRequest) expectSystemRequest(actor);
}

/** Delivers a message, or drops it when the mailbox is full. */
function deliverIfRoom(deliver: () => void): void {
  try {
    deliver();
  } catch (error) {
    ignoreFull(error);
  }
}

/** The sender is on another node and cannot be told that the mailbox is full. */
function ignoreFull(error: unknown): void {
  if (!(error instanceof MailboxFullError)) throw error;
}

/** Applies a signal that has arrived from another node. */
export function receiveSignal(node: Node, signal: Signal): void {
  if (node.trace !== null) node.trace.signalReceived(signal);
  switch (signal.type) {
    case "send":
    case "sendNamed": {
      const actor = signal.type === "send"
        ? node.localActor(signal.to)
        : node.names.holder(signal.name);
      if (actor !== null) deliverIfRoom(() => actor.deliver(signal.message));
      if (signal.message instanceof SystemRequest) expectSystemRequest(actor);
      return;
    }
    case "link":
      return receiveLink(node, signal.from, signal.to);
    case "unlink":
      return receiveUnlink(node, signal.from, signal.to, signal.id);
    case "unlinkAck":
      return receiveUnlinkAck(node, signal.from, signal.to, signal.id);
    case "linkExit":
    case "exit": {
      const actor = node.localActor(signal.to);
      const viaLink = signal.type === "linkExit";
      if (actor !== null) {
        receiveExit(actor, signal.from, signal.reason, viaLink);
      }
      return;
    }
    case "monitor":
      return receiveMonitor(node, signal.from, signal.target, signal.ref);
    case "demonitor":
      return receiveDemonitor(node, signal.target, signal.ref);
    case "down": {
      const actor = node.localActor(signal.to);
      if (actor !== null) receiveDown(actor, signal.ref, signal.reason);
      return;
    }
    case "spawnRequest":
      return node.spawns.serveRequest(signal);
    case "spawnReply":
      return node.spawns.settleRequest(signal);
    case "groupLeader": {
      const actor = node.localActor(signal.to);
      if (actor !== null) actor.groupLeader = signal.from;
      return;
    }
    case "sendAlias":
      // An unknown alias has been deactivated.
      deliverIfRoom(() => node.aliases.deliver(signal.alias, signal.message));
      return;
    default:
      signal satisfies never;
  }
}

function receiveLink(node: Node, from: Pid, to: Pid): void {
  const actor = node.localActor(to);
  if (actor === null) {
    node.remote.signal(from.node, {
      type: "linkExit",
      from: to,
      to: from,
      reason: reasons.noproc,
    });
    return;
  }
  // An entry that waits for the acknowledgement of an unlink stays as it is.
  if (actor.links?.has(from)) return;
  addLink(actor, from);
  node.peers.involve(from.node, actor);
}

function receiveUnlink(
  node: Node,
  from: Pid,
  to: Pid,
  id: number | bigint,
): void {
  const actor = node.localActor(to);
  if (actor?.links?.get(from)?.active) actor.links.delete(from);
  node.remote.signal(from.node, { type: "unlinkAck", from: to, to: from, id });
}

function receiveUnlinkAck(
  node: Node,
  from: Pid,
  to: Pid,
  id: number | bigint,
): void {
  const links = node.localActor(to)?.links;
  const state = links?.get(from);
  if (state !== undefined && !state.active && state.unlinkId === id) {
    links?.delete(from);
  }
}

function receiveMonitor(
  node: Node,
  from: Pid,
  target: MonitorTarget,
  ref: Ref,
): void {
  const actor = typeof target === "string"
    ? node.names.holder(target)
    : node.localActor(target);
  if (actor === null) {
    node.remote.signal(from.node, {
      type: "down",
      target,
      to: from,
      ref,
      reason: reasons.noproc,
    });
    return;
  }
  addWatcher(actor, ref, from, target);
  node.peers.involve(from.node, actor);
}

function receiveDemonitor(node: Node, target: MonitorTarget, ref: Ref): void {
  const key = watcherKey(node, ref);
  const actor = typeof target === "string" ? null : node.localActor(target);
  if (actor !== null) {
    actor.watchers?.delete(key);
    return;
  }
  // The name may have another holder since the monitor was set.
  if (typeof target === "string") node.peers.forgetWatcher(key);
}
