/**
 * Calls: a request that expects one reply. All servers stand on them.
 *
 * A call is a message (`Call`) whose reply address is an alias, and a monitor
 * of the called actor until the reply comes. A reply goes straight to the
 * waiting call and never through the caller's mailbox. So it costs the same
 * behind a million queued messages, and a late reply is dropped. Between Erlang
 * nodes a call is `{'$gen_call', {Pid, [alias | Ref]}, Request}`.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { NodeServices } from "../contract/record.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { CallOptions, CallTarget, Destination } from "../contract/self.ts";
import { monitorWith } from "../signals/monitors.ts";
import { CallError, UsageError } from "../messages/errors.ts";
import { callOptions, checkWait } from "../contract/option_tables.ts";
import { isViaTarget } from "../contract/via.ts";
import { reasons } from "../messages/reasons.ts";
import { mustBeDelay } from "../host/timers.ts";
import { atom, Pid, printTerm, Ref, Tuple } from "../terms/terms.ts";
import { Handler } from "../contract/behaviour.ts";
import { aliasOf, Call, type ReplyTo } from "../messages/requests.ts";
import { PendingCall } from "./pending_call.ts";

const DEFAULT_TIMEOUT_MS = 5_000;

/** Makes the message of a call from its reply address. */
type Envelope = (from: ReplyTo) => unknown;

/**
 * Calls and resolves with the reply. Rejects with a `CallError`. The message is
 * a `Call`, or the one that `envelope` makes.
 */
export function call(
  actor: ActorRecord,
  to: CallTarget,
  request: unknown,
  options: CallOptions,
  envelope: Envelope | null = null,
): Promise<unknown> {
  mustBeAbleToWait(actor, "call");
  checkWait(options, callOptions);
  const abort = options.signal;
  if (abort?.aborted) return Promise.reject(abort.reason);
  // In a call, a free name of this node is a failure and no `UsageError`.
  const target = typeof to === "string"
    ? { name: to, node: actor.owner.name }
    : isViaTarget(to)
    ? to.via.find(actor.owner, to.name)
    : to;
  if (target === null || isItself(actor, target)) {
    const reason = target === null ? reasons.noproc : CALLING_SELF;
    return Promise.reject(callError(to, request, reason, options));
  }
  const pending = makePendingCall(
    actor,
    (reason) => callError(to, request, reason, options),
    options,
  );
  const promise = lastPromise;
  sendRequest(pending, target, request, envelope);
  if (!pending.hasEnded) limitCall(pending, options);
  return promise;
}

/**
 * The waiting half of a call. `announce` is given the reply address at once, and
 * passes it to `target` or to an actor that replies for it.
 */
export function expectReply(
  actor: ActorRecord,
  target: Pid<never>,
  announce: (from: ReplyTo) => void,
  options: CallOptions,
): Promise<unknown> {
  mustBeAbleToWait(actor, "expectReply");
  checkWait(options, callOptions, "expectReply");
  const abort = options.signal;
  if (abort?.aborted) return Promise.reject(abort.reason);
  const pending = makePendingCall(
    actor,
    (reason) => callError(target, EXPECTED, reason, options),
    options,
  );
  const promise = lastPromise;
  try {
    announce({ pid: actor.pid, tag: pending.ref });
    // The reply may have come within `announce`. A monitor that is set after the
    // end of the call would never be removed.
    if (!pending.hasEnded) {
      monitorCallee(pending, target, calleeOf(actor.owner, target));
    }
  } catch (error) {
    pending.reject(error);
  }
  if (!pending.hasEnded) {
    limitCall(pending, options);
    actor.owner.scheduler.handOver(actor);
  }
  return promise;
}

/** Stands in the error of `expectReply`, which has no request. */
const EXPECTED = atom("expect_reply");

function mustBeAbleToWait(actor: ActorRecord, name: string): void {
  if (!(actor.behaviour instanceof Handler) || actor.behaviour.mayWait) return;
  throw new UsageError(
    `expected ${name} to be made by an actor that can wait, got a handler; ` +
      "use asyncHandler, or send a message and handle the answer as a message",
  );
}

/** Makes a call that is not sent yet, and puts its promise in `lastPromise`. */
function makePendingCall(
  actor: ActorRecord,
  failure: (reason: unknown) => CallError,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
): PendingCall {
  if (timeoutMs !== Infinity) mustBeDelay(timeoutMs);
  lastPromise = new Promise<unknown>(captureResolve);
  return new PendingCall(actor, actor.owner.makeRef(), lastResolve, failure);
}

/**
 * Sets the deadline and the abort signal of a call. To be called after the
 * message is sent: neither can end the call before that.
 */
function limitCall(pending: PendingCall, options: CallOptions): void {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  pending.actor.owner.callDeadlines.add(pending, timeoutMs);
  if (signal !== undefined) rejectOnAbort(pending, signal);
}

let lastPromise: Promise<unknown>;
/** Executor results, kept here so that a call allocates no closure for it. */
let lastResolve: (value: unknown) => void;
const captureResolve = (resolve: (value: unknown) => void): void => {
  lastResolve = resolve;
};

/** Sends the message and monitors the called actor. */
function sendRequest(
  pending: PendingCall,
  to: Pid<never> | NamedTarget,
  request: unknown,
  envelope: Envelope | null,
): void {
  const { actor, ref } = pending;
  const node = actor.owner;
  const from = { pid: actor.pid, tag: ref };
  const message = envelope === null ? new Call(from, request) : envelope(from);
  const callee = calleeOf(node, to);
  try {
    if (callee === undefined) {
      node.sendFrom(actor.pid, to as Destination, message);
      monitorCallee(pending, to, undefined);
    } else {
      monitorCallee(pending, to, callee);
      if (callee !== null) node.sendFrom(actor.pid, callee.pid, message);
    }
  } catch (error) {
    pending.reject(error);
    return;
  }
  node.scheduler.handOver(actor);
}

/** Has the call fail when the called actor ends, or if it has ended already. */
function monitorCallee(
  pending: PendingCall,
  to: Pid<never> | NamedTarget,
  callee: ActorRecord | null | undefined,
): void {
  const { actor, ref } = pending;
  if (callee === null) {
    pending.failCall(reasons.noproc);
  } else if (callee === undefined) {
    monitorWith(actor, ref, to, {
      onDown: (reason) => pending.failCall(reason),
    });
  } else {
    pending.monitorCallee(callee);
  }
}

/**
 * The called actor; null if it has ended or its name is free, and undefined if
 * the target is on another node.
 */
function calleeOf(
  node: NodeServices,
  to: Pid<never> | NamedTarget,
): ActorRecord | null | undefined {
  if (to instanceof Pid) {
    return node.isOwnPid(to) ? node.localActor(to as Pid) : undefined;
  }
  return to.node === node.name ? node.names.holder(to.name) : undefined;
}

function rejectOnAbort(pending: PendingCall, abort: AbortSignal): void {
  const onAbort = () => pending.reject(abort.reason);
  abort.addEventListener("abort", onAbort);
  // A signal may outlive many calls, so each call removes its listener.
  pending.forgetAbort = () => abort.removeEventListener("abort", onAbort);
}

function callError(
  to: CallTarget,
  request: unknown,
  reason: unknown,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
): CallError {
  const who = isViaTarget(to)
    ? `the holder of the name ${printTerm(to.name)}`
    : printTerm(to);
  return new CallError(who, request, reason, { to, timeoutMs });
}

const CALLING_SELF = atom("calling_self");

/** Whether an actor calls itself: it would wait for ever. */
function isItself(
  actor: ActorRecord,
  target: Pid<never> | NamedTarget,
): boolean {
  if (target instanceof Pid) return (target as Pid) === actor.pid;
  return actor.name !== null && target.name === actor.name &&
    target.node === actor.owner.name;
}

/** Replies to a call in an actor's name, on this node or another one. */
export function reply(
  actor: ActorRecord,
  to: ReplyTo,
  value: unknown,
): boolean {
  const { owner: node, pid } = actor;
  if (to?.tag instanceof Ref && to.isOtp === undefined) {
    return node.sendAlias(pid, to.tag, value);
  }
  if (to?.isOtp !== true || !(to.pid instanceof Pid)) {
    throw new UsageError(
      `expected the from of a Call to reply to, got ${printTerm(to)}`,
    );
  }
  const message = new Tuple([to.tag, value]);
  const alias = aliasOf(to.tag);
  return alias === undefined
    ? node.sendFrom(pid, to.pid as Destination, message)
    : node.sendAlias(pid, alias, message);
}
