/**
 * How an actor ends, and what an exit signal does to its receiver.
 *
 * The decision table (`receiveExit`) is the one of the Erlang reference manual,
 * "Receiving Exit Signals".
 *
 * An actor ends in two steps. First it gives back all that it holds
 * (`releaseActor`), so its names are free and its pid leads nowhere. Then its
 * links, monitors and callers are notified (`notifySurvivors`). Actors that end
 * because of such a notification wait in a queue of the node
 * (`NodeServices.pendingEnds`) for their second step. There is no recursion, so
 * a chain of a million links cannot overflow the stack.
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
 * Ends an actor now. Its names are free before the first notification, so that
 * an actor that receives the `Down` can register the name again.
 */
export function endActor(actor: ActorRecord, given: ExitReason): void {
  if (!actor.alive) return;
  const node = actor.owner;
  const reason = readableReason(given);
  releaseActor(actor, reason);
  if (actor.rare === null && !node.isNotifying) {
    // It has no links, monitors or callers. Most short-lived actors end here.
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
    // Only now, so that no actor continues before it has been notified.
    for (const ended of node.pendingEnds) node.scheduler.handOver(ended.actor);
  } finally {
    node.pendingEnds.length = 0;
    node.isNotifying = false;
  }
}

/** Thrown to crash with one exit reason while the log reports another error. */
export class Crash {
  readonly error: unknown;
  readonly reason: ExitReason;
  constructor(error: unknown, reason: ExitReason) {
    this.error = error;
    this.reason = reason;
  }
}

/** The promise of a function actor's code ends it. Keeps only the actor alive. */
export function endWhenSettled(
  actor: ActorRecord,
  running: Promise<unknown>,
): void {
  running.then(
    () => endActor(actor, reasons.normal),
    (error) => crashActor(actor, error),
  );
}

/**
 * Ends an actor whose code has thrown. There is a crash report unless it threw
 * an `ExitError`.
 */
export function crashActor(actor: ActorRecord, thrown: unknown): void {
  const known = asThrownByRuntime(thrown);
  const { error, reason } = known instanceof Crash
    ? known
    : known instanceof CallError
    ? { error: thrown, reason: known.exitReason }
    : { error: thrown, reason: thrown };
  if (!actor.alive) {
    if (known instanceof ExitError || known instanceof KilledError) return;
    actor.owner.logActor(
      "warning",
      `${actor.describe()} threw after its end, while cleaning up`,
      { error },
    );
  } else if (known instanceof ExitError) {
    endActor(actor, known.reason);
  } else {
    actor.owner.reportCrash(actor, error);
    endActor(actor, reason);
  }
}

/**
 * The thrown value if it is of a class of the runtime, else null. `instanceof`
 * itself throws for some values, such as a revoked proxy.
 */
function asThrownByRuntime(
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

/** Gives back all that the actor holds: timers, aliases, names and its pid. */
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
  // The pending `receive` rejects, so that `finally` blocks and `using` run.
  resolve?.(new Rejection(new KilledError(reason)));
  actor.abort?.abort(new KilledError(reason));
}

/**
 * Notifies the links, monitors and callers of an actor that has ended. If one
 * notification fails, the others are still sent.
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
 * Applies the decision table to an exit signal. `viaLink` is true for the
 * signal of a broken link, and false for one of `sendExit`.
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
    // After `unlink` a signal of the old link has no effect.
    if (state.active) breakLink(actor, from, reason);
  } else if (reason === reasons.kill) {
    endActor(actor, reasons.killed);
  } else if (actor.trapExits) {
    actor.deliver(new Exit(from, reason));
  } else if (reason !== reasons.normal || from === actor.pid) {
    endActor(actor, reason);
  }
}

/**
 * The effect of a broken link, which has been removed from the actor's table.
 */
export function breakLink(
  actor: ActorRecord,
  from: Pid,
  reason: ExitReason,
): void {
  if (actor.trapExits) actor.deliver(new Exit(from, reason));
  else if (reason !== reasons.normal) endActor(actor, reason);
}
