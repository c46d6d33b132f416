/**
 * Monitors: an actor asks for one `Down` when another actor ends.
 *
 * Each monitor has two records. The actor that set it holds a `MonitorState`
 * (`addMonitor`), and the monitored actor holds a `Watcher` (`addWatcher`). If
 * the two actors are on different nodes, each node has the record of its own
 * actor.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { MonitorTarget } from "../host/signal.ts";
import type { NodeServices } from "../contract/record.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { MonitorExtras, MonitorState } from "../contract/record.ts";
import { flush } from "../mailbox/flush.ts";
import { Down } from "../messages/runtime_messages.ts";
import { UsageError } from "../messages/errors.ts";
import { reasons } from "../messages/reasons.ts";
import { Pid, printTerm, Ref, refKey } from "../terms/terms.ts";

export const noExtras: MonitorExtras = {};

/**
 * The key of a watcher. A ref of this node is one object, while a ref of another
 * node may be a new object each time it arrives.
 */
export function watcherKey(node: NodeServices, ref: Ref): Ref | string {
  return node.isOwnRef(ref) ? ref : refKey(ref);
}

export function monitor(
  actor: ActorRecord,
  target: Pid | string | NamedTarget,
  extras: MonitorExtras = noExtras,
): Ref {
  const ref = actor.owner.makeRefOf(actor);
  monitorWith(actor, ref, target, extras);
  return ref;
}

/** Sets a monitor under a given ref. */
export function monitorWith(
  actor: ActorRecord,
  ref: Ref,
  target: Pid | string | NamedTarget,
  extras: MonitorExtras,
): void {
  const node = actor.owner;
  if (target instanceof Pid) {
    const shown = target;
    if (node.isOwnPid(target)) {
      const watched = node.localActor(target);
      monitorLocal(actor, { ref, shown, extras }, watched, target);
    } else {
      monitorRemote(actor, { ref, shown, extras }, target.node, target);
    }
    return;
  }
  const named = typeof target === "string"
    ? { name: target, node: node.name }
    : target;
  if (named.node === node.name) {
    const holder = node.names.holder(named.name);
    monitorLocal(actor, { ref, shown: named, extras }, holder, named.name);
  } else {
    const request = { ref, shown: named, extras };
    monitorRemote(actor, request, named.node, named.name);
  }
}

/** A monitor that is about to be set. */
type MonitorRequest = Pick<MonitorState, "ref" | "shown" | "extras">;

/** Makes the record of the actor that sets the monitor. */
export function addMonitor(
  actor: ActorRecord,
  { ref, shown, extras }: MonitorRequest,
  local: MonitorState["local"],
  remote: MonitorState["remote"],
): void {
  actor.monitors ??= new Map();
  actor.monitors.set(ref, { ref, shown, extras, local, remote });
  actor.owner.trace?.monitored(actor.pid, shown, ref);
}

/** Makes the record of the monitored actor: `to` is notified of its exit. */
export function addWatcher(
  actor: ActorRecord,
  ref: Ref,
  to: Pid,
  target: MonitorTarget,
): void {
  actor.watchers ??= new Map();
  actor.watchers.set(watcherKey(actor.owner, ref), { ref, to, target });
  if (actor.owner.trace !== null && !actor.owner.isOwnPid(to)) {
    actor.owner.trace.monitored(to, actor.pid, ref);
  }
}

function monitorLocal(
  actor: ActorRecord,
  request: MonitorRequest,
  watched: ActorRecord | null,
  target: MonitorTarget,
): void {
  const { ref } = request;
  if (watched === null || !watched.alive) {
    notifyDown(actor, request, reasons.noproc);
    return;
  }
  addMonitor(actor, request, watched, null);
  addWatcher(watched, ref, actor.pid, target);
}

function monitorRemote(
  actor: ActorRecord,
  request: MonitorRequest,
  nodeName: string,
  target: MonitorTarget,
): void {
  // A program without types may pass anything; undefined would mean this node.
  if (typeof nodeName !== "string") {
    throw new UsageError(
      `expected the name of a node, got ${printTerm(nodeName)}`,
    );
  }
  const { ref } = request;
  addMonitor(actor, request, null, { node: nodeName, target });
  actor.owner.peers.involve(nodeName, actor);
  actor.owner.remote.signal(nodeName, {
    type: "monitor",
    from: actor.pid,
    target,
    ref,
  });
}

export function demonitor(
  actor: ActorRecord,
  ref: Ref,
  flush: boolean,
): boolean {
  if (!(ref instanceof Ref) || !actor.owner.isOwnRef(ref)) {
    throw new UsageError(
      `expected a ref that monitor returned on this node, got ${String(ref)}`,
    );
  }
  const state = actor.monitors?.get(ref);
  if (state !== undefined) {
    dropMonitor(actor, state);
    return true;
  }
  // Monitors of this actor by others are the only ones it can recognise.
  if (actor.watchers?.has(ref)) {
    throw new UsageError(
      `expected a ref that monitor returned to ${actor.pid}, got one under ` +
        "which another actor monitors it; only the actor that set a monitor " +
        "can end it",
    );
  }
  if (flush) flushDown(actor, ref);
  return false;
}

/** Removes both records of a monitor. */
export function dropMonitor(actor: ActorRecord, state: MonitorState): void {
  actor.monitors?.delete(state.ref);
  actor.owner.aliases.monitorEnded(state.ref);
  if (state.local !== null) {
    const { watchers } = state.local;
    watchers?.delete(state.ref);
    // Most actors are monitored while they start, and never again.
    if (watchers?.size === 0) state.local.watchers = null;
  } else if (state.remote !== null) {
    actor.owner.remote.signal(state.remote.node, {
      type: "demonitor",
      from: actor.pid,
      target: state.remote.target,
      ref: state.ref,
    });
  }
}

/** Removes a `Down` that is in the mailbox already. */
function flushDown(actor: ActorRecord, ref: Ref): void {
  flush(actor, (message) => message instanceof Down && message.ref === ref, 1);
}

/** Notifies the actor that set a monitor; at most once per monitor. */
export function receiveDown(
  actor: ActorRecord,
  ref: Ref,
  reason: unknown,
): void {
  const state = actor.monitors?.get(ref);
  if (state === undefined) return;
  actor.monitors?.delete(ref);
  notifyDown(actor, state, reason);
}

function notifyDown(
  actor: ActorRecord,
  monitor: MonitorRequest,
  reason: unknown,
): void {
  const { ref, shown, extras } = monitor;
  actor.owner.aliases.monitorEnded(ref);
  if (extras.onDown !== undefined) extras.onDown(reason);
  else actor.deliver(new Down(ref, shown, reason, extras.tag));
}
