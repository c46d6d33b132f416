/**
 * Monitors: an actor asks for one `Down` when another one ends.
 *
 * Each monitor has two records: the actor that set it holds a `MonitorState`,
 * the monitored actor a `Watcher`. A monitor of an actor on another node has
 * its second record there.
 */

import type { Actor } from "../actor/actor.ts";
import type { MonitorTarget } from "../host/signal.ts";
import type { Node } from "../node/node.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import { flush } from "../mailbox/flush.ts";
import { Down } from "../messages/runtime_messages.ts";
import { UsageError } from "../messages/errors.ts";
import { reasons } from "../messages/reasons.ts";
import { Pid, printTerm, Ref, refKey } from "../terms/terms.ts";

/** A monitor, on the side of the actor that set it. */
export type MonitorState = {
  readonly ref: Ref;
  /** What `Down` will name. */
  readonly shown: Pid | NamedTarget;
  /** The local actor that is watched, or null. */
  readonly local: Actor | null;
  /** What the peer was told to watch, or null for a local actor. */
  readonly remote:
    | { readonly node: string; readonly target: MonitorTarget }
    | null;
  readonly extras: MonitorExtras;
};

/** What is special about a monitor, on the side of the actor that set it. */
export type MonitorExtras = {
  /** What `Down.tag` will hold, to tell one's monitors apart. */
  readonly tag?: unknown;
  /** Takes the reason in place of a `Down` in the mailbox. */
  readonly onDown?: (reason: unknown) => void;
};

const NOTHING_SPECIAL: MonitorExtras = {};

/** A monitor, on the side of the actor that is watched. */
export type Watcher = {
  readonly ref: Ref;
  readonly to: Pid;
  /** The target as the watcher named it, which the answer must repeat. */
  readonly target: MonitorTarget;
  /** What a local watcher's `Down` names. */
  readonly shown: Pid | NamedTarget;
};

/** Key of a watcher: our own refs are unique objects, foreign ones are not. */
export function watcherKey(node: Node, ref: Ref): Ref | string {
  return node.isOwn(ref) ? ref : refKey(ref);
}

export function monitor(
  actor: Actor,
  target: Pid | string | NamedTarget,
  extras: MonitorExtras = NOTHING_SPECIAL,
): Ref {
  const ref = actor.owner.makeRefOf(actor);
  monitorWith(actor, ref, target, extras);
  return ref;
}

/** Sets a monitor under a ref that exists already. */
export function monitorWith(
  actor: Actor,
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

function monitorLocal(
  actor: Actor,
  request: MonitorRequest,
  watched: Actor | null,
  target: MonitorTarget,
): void {
  const { ref, shown } = request;
  if (watched === null || !watched.alive) {
    tellDown(actor, request, reasons.noproc);
    return;
  }
  actor.monitors ??= new Map();
  actor.monitors.set(ref, { ...request, local: watched, remote: null });
  watched.watchers ??= new Map();
  watched.watchers.set(ref, { ref, to: actor.pid, target, shown });
}

function monitorRemote(
  actor: Actor,
  request: MonitorRequest,
  nodeName: string,
  target: MonitorTarget,
): void {
  // Of a program without types. What is no name would stand for this node.
  if (typeof nodeName !== "string") {
    throw new UsageError(
      `expected the name of a node, got ${printTerm(nodeName)}`,
    );
  }
  const { ref } = request;
  actor.monitors ??= new Map();
  actor.monitors.set(ref, {
    ...request,
    local: null,
    remote: { node: nodeName, target },
  });
  actor.owner.peers.involve(nodeName, actor);
  actor.owner.remote.signal(nodeName, {
    type: "monitor",
    from: actor.pid,
    target,
    ref,
  });
}

export function demonitor(actor: Actor, ref: Ref, flush: boolean): boolean {
  if (!(ref instanceof Ref) || !actor.owner.isOwn(ref)) {
    throw new UsageError(
      `expected a ref that monitor returned on this node, got ${String(ref)}`,
    );
  }
  const state = actor.monitors?.get(ref);
  if (state !== undefined) {
    dropMonitor(actor, state);
    return true;
  }
  // Of all the monitors of others, those of itself are the ones it can tell.
  if (actor.watchers?.has(ref)) {
    throw new UsageError(
      `expected a ref that monitor returned to ${actor.pid}, got one under ` +
        "which another actor monitors it; only who set a monitor can end it",
    );
  }
  if (flush) flushDown(actor, ref);
  return false;
}

/** Removes a monitor from both its ends. */
export function dropMonitor(actor: Actor, state: MonitorState): void {
  actor.monitors?.delete(state.ref);
  actor.owner.aliases.monitorEnded(state.ref);
  if (state.local !== null) {
    const { watchers } = state.local;
    watchers?.delete(state.ref);
    // Most actors are watched while they start, and never again.
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

/** Removes a `Down` that has arrived already. */
function flushDown(actor: Actor, ref: Ref): void {
  flush(actor, (message) => message instanceof Down && message.ref === ref, 1);
}

/** A monitor of this actor has fired; at most once per monitor. */
export function receiveDown(actor: Actor, ref: Ref, reason: unknown): void {
  const state = actor.monitors?.get(ref);
  if (state === undefined) return;
  actor.monitors?.delete(ref);
  tellDown(actor, state, reason);
}

function tellDown(
  actor: Actor,
  monitor: MonitorRequest,
  reason: unknown,
): void {
  const { ref, shown, extras } = monitor;
  actor.owner.aliases.monitorEnded(ref);
  if (extras.onDown !== undefined) extras.onDown(reason);
  else actor.deliver(new Down(ref, shown, reason, extras.tag));
}
