/**
 * Calls: a request that expects one reply. The base of every server.
 *
 * A call is a message (`Call`) with a reply address that is an alias, and a
 * monitor for as long as the answer is out. A reply goes straight to the caller
 * and never through its mailbox: it costs the same behind a million queued
 * messages, and a late one is dropped. Between Erlang nodes this is
 * `{'$gen_call', {Pid, [alias | Ref]}, Request}`.
 */

import type { ActorRecord } from "../contract/record.ts";
import type { NodeServices } from "../contract/record.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { CallOptions, CallTarget, Destination } from "../contract/self.ts";
import { monitorWith } from "../signals/monitors.ts";
import { CallError, UsageError } from "../messages/errors.ts";
import { isViaTarget } from "../contract/via.ts";
import { reasons } from "../messages/reasons.ts";
import { mustBeDelay } from "../host/timers.ts";
import { atom, Pid, printTerm, Ref, Tuple } from "../terms/terms.ts";
import { Handler } from "../contract/behaviour.ts";
import { aliasOf, Call, type ReplyTo } from "../messages/requests.ts";
import { PendingCall } from "./pending_call.ts";

const DEFAULT_TIMEOUT_MS = 5_000;

/** The message of a call, by where its reply is to go. */
type Envelope = (from: ReplyTo) => unknown;

/**
 * Calls and resolves with the reply. Rejects with a `CallError`. What is sent
 * is a `Call` unless `envelope` makes something else.
 */
export function call(
  actor: ActorRecord,
  to: CallTarget,
  request: unknown,
  options: CallOptions,
  envelope: Envelope | null = null,
): Promise<unknown> {
  mustBeAbleToWait(actor, "call");
  const abort = options.signal;
  if (abort?.aborted) return Promise.reject(abort.reason);
  // A name on this node that nobody holds is no error of usage in a call.
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
 * The answering half of a call. `announce` is given the address at once and
 * sees to it that `target`, or somebody for it, gets to know it.
 */
export function expectReply(
  actor: ActorRecord,
  target: Pid<never>,
  announce: (from: ReplyTo) => void,
  options: CallOptions,
): Promise<unknown> {
  mustBeAbleToWait(actor, "expectReply");
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
    // It may have been answered there and then, and nobody takes back a watch
    // that begins after the end.
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

/** What the error names as the request when there was none. */
const EXPECTED = atom("expect_reply");

function mustBeAbleToWait(actor: ActorRecord, what: string): void {
  if (!(actor.behaviour instanceof Handler) || actor.behaviour.mayWait) return;
  throw new UsageError(
    `expected ${what} to be made by an actor that can wait, got a handler; ` +
      "use asyncHandler, or send a message and handle the answer as one",
  );
}

/** A call that is about to begin, and its promise in `lastPromise`. */
function makePendingCall(
  actor: ActorRecord,
  failure: (reason: unknown) => CallError,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
): PendingCall {
  if (timeoutMs !== Infinity) mustBeDelay(timeoutMs);
  lastPromise = new Promise<unknown>(captureResolve);
  return new PendingCall(actor, actor.owner.makeRef(), lastResolve, failure);
}

/** To be called once the message is out: nothing ends a call before. */
function limitCall(pending: PendingCall, options: CallOptions): void {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  pending.actor.owner.callDeadlines.add(pending, timeoutMs);
  if (signal !== undefined) endOnAbort(pending, signal);
}

let lastPromise: Promise<unknown>;
/** Executor results, kept here so that a call allocates no closure for it. */
let lastResolve: (value: unknown) => void;
const captureResolve = (resolve: (value: unknown) => void): void => {
  lastResolve = resolve;
};

/** Sends the message and watches the called actor. */
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

/** Has the call fail when the called actor ends. */
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

/** Who is called on this node; undefined when it is another node's business. */
function calleeOf(
  node: NodeServices,
  to: Pid<never> | NamedTarget,
): ActorRecord | null | undefined {
  if (to instanceof Pid) {
    return node.isOwnPid(to) ? node.localActor(to as Pid) : undefined;
  }
  return to.node === node.name ? node.names.holder(to.name) : undefined;
}

function endOnAbort(pending: PendingCall, abort: AbortSignal): void {
  const onAbort = () => pending.reject(abort.reason);
  abort.addEventListener("abort", onAbort);
  // A signal may outlive many calls and must not collect their listeners.
  pending.forgetAbort = () => abort.removeEventListener("abort", onAbort);
}

function callError(
  to: CallTarget,
  request: unknown,
  reason: unknown,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions,
): CallError {
  const who = isViaTarget(to)
    ? `whoever has the name ${printTerm(to.name)}`
    : printTerm(to);
  return new CallError(who, request, reason, { to, timeoutMs });
}

const CALLING_SELF = atom("calling_self");

/** Who waits for an answer of its own would wait for ever. */
function isItself(
  actor: ActorRecord,
  target: Pid<never> | NamedTarget,
): boolean {
  if (target instanceof Pid) return (target as Pid) === actor.pid;
  return actor.name !== null && target.name === actor.name &&
    target.node === actor.owner.name;
}

/** Replies to a call in an actor's name, wherever the caller is. */
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
