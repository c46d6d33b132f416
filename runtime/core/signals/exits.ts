/**
 * How actors end, and what an exit signal does to its receiver.
 *
 * The decision table is the one of the Erlang reference manual, "Receiving
 * Exit Signals". Ends cascade through a queue of the node and not through
 * recursion, so that a chain of a million links cannot overflow the stack.
 */

import { Rejection } from "../host/rejection.ts";
import type {
  ActorRecord,
  NodeServices,
  PendingEnd,
  Watcher,
} from "../contract/record.ts";
import {
  type ExitReason,
  readableReason,
  reasons,
} from "../messages/reasons.ts";
import { dropMonitor, receiveDown } from "./monitors.ts";
import { errorText } from "../terms/error_text.ts";
import { type Pid, printTerm } from "../terms/terms.ts";
import { isolateReason } from "../messages/isolation.ts";
import { CallError, ExitError, KilledError } from "../messages/errors.ts";
import { Exit } from "../messages/runtime_messages.ts";

/**
 * Ends an actor now. Its names are free and its pid is dead before anyone is
 * told, so that whoever sees the `Down` can take the name again.
 */
export function endActor(actor: ActorRecord, given: ExitReason): void {
  if (!actor.alive) return;
  const node = actor.owner;
  const reason = readableReason(given);
  releaseActor(actor, reason);
  if (actor.rare === null && !node.isNotifying) {
    // It had no ties, so there is nobody to tell. Most short lives end here.
    node.scheduler.handOver(actor);
    return;
  }
  node.pendingEnds.push({ actor, reason });
  if (node.isNotifying) return;
  node.isNotifying = true;
  try {
    for (let i = 0; i < node.pendingEnds.length; i++) {
      const next = node.pendingEnds[i] as PendingEnd;
      notifySurvivors(next.actor, next.reason);
    }
    // Only now, so that nobody goes on who is about to be told.
    for (const ended of node.pendingEnds) node.scheduler.handOver(ended.actor);
  } finally {
    node.pendingEnds.length = 0;
    node.isNotifying = false;
  }
}

/**
 * Thrown to crash with something else as the exit reason than what the log is
 * told of.
 */
export class Crash {
  readonly error: unknown;
  readonly reason: ExitReason;
  constructor(error: unknown, reason: ExitReason) {
    this.error = error;
    this.reason = reason;
  }
}

/** Ends an actor by what it threw, with a crash report unless it exited. */
export function crashActor(actor: ActorRecord, thrown: unknown): void {
  const ours = asOurs(thrown);
  const { error, reason } = ours instanceof Crash
    ? ours
    : ours instanceof CallError
    ? { error: thrown, reason: ours.exitReason }
    : { error: thrown, reason: thrown };
  if (!actor.alive) {
    if (ours instanceof ExitError || ours instanceof KilledError) return;
    actor.owner.logActor(
      "warning",
      `${actor.describe()} threw after its end, while cleaning up`,
      { error },
    );
  } else if (ours instanceof ExitError) {
    endActor(actor, ours.reason);
  } else {
    actor.owner.reportCrash(actor, error);
    endActor(actor, reason);
  }
}

/**
 * What the runtime itself threw. Other things may throw when they are asked.
 */
function asOurs(
  error: unknown,
): ExitError | KilledError | Crash | CallError | null {
  try {
    return error instanceof ExitError || error instanceof KilledError ||
        error instanceof Crash || error instanceof CallError
      ? error
      : null;
  } catch {
    return null;
  }
}

/** Everything the actor visibly holds is given back. */
function releaseActor(actor: ActorRecord, reason: ExitReason): void {
  const node = actor.owner;
  const resolve = actor.resolveReceive;
  actor.resolveReceive = null;
  if (resolve !== null) actor.wasTold = true;
  if (actor.receiveTimer !== null) {
    node.timers.cancel(actor.receiveTimer);
    actor.receiveTimer = null;
  }
  node.actorTimers.cancelAll(actor);
  actor.markDead(reason);
  node.aliases.endAllOf(actor, reason);
  node.freeActor(actor);
  // The pending receive rejects, so that finally blocks and `using` run.
  resolve?.(new Rejection(new KilledError(reason)));
  actor.abort?.abort(new KilledError(reason));
}

/**
 * Notifies all that depend on an actor that has ended. One notification that
 * fails, whatever the reason holds, keeps no other from being sent.
 */
function notifySurvivors(actor: ActorRecord, reason: ExitReason): void {
  const node = actor.owner;
  const { links, watchers, monitors } = actor;
  actor.links = null;
  actor.watchers = null;
  if (monitors !== null) {
    for (const state of monitors.values()) dropMonitor(actor, state);
    actor.monitors = null;
  }
  if (links !== null) {
    for (const [peer, state] of links) {
      if (!state.active) continue;
      try {
        notifyLinked(actor, peer, reason);
      } catch (error) {
        reportUnnotified(actor, peer, error);
      }
    }
  }
  if (watchers !== null) {
    for (const watcher of watchers.values()) {
      try {
        notifyWatcher(actor, watcher, reason);
      } catch (error) {
        reportUnnotified(actor, watcher.to, error);
      }
    }
  }
  for (const call of actor.callers?.slice() ?? []) {
    try {
      call.failCall(isolateReason(node.isolate, reason));
    } catch (error) {
      reportUnnotified(actor, call.actor.pid, error);
    }
  }
  actor.callers = null;
  node.peers.removeActor(actor);
  try {
    actor.onExit?.(reason);
  } catch (error) {
    reportUnnotified(actor, actor.pid, error);
  }
}

function reportUnnotified(actor: ActorRecord, to: Pid, error: unknown): void {
  actor.owner.logActor(
    "error",
    `${to} could not be notified that ${actor.describe()} has ended: ${
      errorText(error, printTerm)
    }`,
    {},
  );
}

function notifyLinked(
  actor: ActorRecord,
  peer: Pid,
  reason: ExitReason,
): void {
  const node = actor.owner;
  const local = node.localActor(peer);
  if (local !== null) {
    const isolated = isolateReason(node.isolate, reason);
    receiveExit(local, actor.pid, isolated, true);
  } else if (!node.isOwnPid(peer)) {
    node.remote.signal(peer.node, {
      type: "linkExit",
      from: actor.pid,
      to: peer,
      reason,
    });
  }
}

function notifyWatcher(
  actor: ActorRecord,
  watcher: Watcher,
  reason: ExitReason,
): void {
  const node = actor.owner;
  const local = node.localActor(watcher.to);
  if (local !== null) {
    receiveDown(local, watcher.ref, isolateReason(node.isolate, reason));
  } else if (!node.isOwnPid(watcher.to)) {
    node.remote.signal(watcher.to.node, {
      type: "down",
      target: watcher.target,
      from: actor.pid,
      to: watcher.to,
      ref: watcher.ref,
      reason,
    });
  }
}

/** `exit(to, reason)`: an exit signal that needs no link. */
export function sendExitSignal(
  node: NodeServices,
  from: Pid,
  to: Pid,
  given: ExitReason,
): void {
  const reason = readableReason(given);
  const local = node.localActor(to);
  if (local !== null) {
    receiveExit(local, from, isolateReason(node.isolate, reason), false);
  } else if (!node.isOwnPid(to)) {
    node.remote.signal(to.node, { type: "exit", from, to, reason });
  }
}

/**
 * The decision table. `viaLink` tells a broken link from `exit(to, reason)`.
 */
export function receiveExit(
  actor: ActorRecord,
  from: Pid,
  reason: ExitReason,
  viaLink: boolean,
): void {
  if (!actor.alive) return;
  if (viaLink) {
    const state = actor.links?.get(from);
    if (state === undefined) return;
    actor.links?.delete(from);
    // The link was taken back: whatever it still says must not be noticed.
    if (state.active) breakLink(actor, from, reason);
  } else if (reason === reasons.kill) {
    endActor(actor, reasons.killed);
  } else if (actor.trapExits) {
    actor.deliver(new Exit(from, reason));
  } else if (reason !== reasons.normal || from === actor.pid) {
    endActor(actor, reason);
  }
}

/** What an active link does, once it is out of the actor's table. */
export function breakLink(
  actor: ActorRecord,
  from: Pid,
  reason: ExitReason,
): void {
  if (actor.trapExits) actor.deliver(new Exit(from, reason));
  else if (reason !== reasons.normal) endActor(actor, reason);
}
