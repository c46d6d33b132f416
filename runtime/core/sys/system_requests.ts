/**
 * The requests of OTP's `sys` module to handler actors: state, status, suspend,
 * resume, terminate. The handler sees none of them.
 *
 * They keep their place among the other messages, as in OTP: an actor that sends
 * a cast and then asks for the state sees the effect of the cast. The flag
 * `isSpecial` is set while such a request is in the mailbox and while the actor
 * is suspended or debugged; only then is this module called. Function actors
 * receive the requests like other messages.
 *
 * Code changes are refused. A suspended actor takes only system requests and, if
 * it traps exits, the exit signal of the actor that spawned it, which ends it.
 */

import type { ActorRecord } from "../contract/record.ts";
import { QUEUED, RUNNING } from "../contract/run_state.ts";
import { reply } from "../calls/calls.ts";
import { type ReplyTo, SystemRequest } from "../messages/requests.ts";
import { noteIn, setDebug } from "./debugging.ts";
import { crashActor, endActor } from "../signals/exits.ts";
import { type Handler, Stop } from "../contract/behaviour.ts";
import { behaviourName } from "./info.ts";
import { copy } from "../messages/isolation.ts";
import { Exit } from "../messages/runtime_messages.ts";
import type { ExitReason } from "../messages/reasons.ts";
import { atom, printTerm, Tuple } from "../terms/terms.ts";
import { errorText } from "../terms/error_text.ts";

const names = {
  ok: atom("ok"),
  error: atom("error"),
  status: atom("status"),
  module: atom("module"),
  hornbeam: atom("hornbeam"),
  running: atom("running"),
  suspended: atom("suspended"),
  getState: atom("get_state"),
  replaceState: atom("replace_state"),
  getStatus: atom("get_status"),
  suspend: atom("suspend"),
  resume: atom("resume"),
  terminate: atom("terminate"),
  debug: atom("debug"),
} as const;

function tuple(...items: readonly unknown[]): Tuple {
  return new Tuple(items);
}

/** Call it when a system request was put into the mailbox of the actor. */
export function expectSystemRequest(actor: ActorRecord | null): void {
  if (actor === null || !actor.isHandler || !actor.alive) return;
  actor.systemRequests++;
  actor.isSpecial = true;
}

/**
 * Answers the system requests at the head of the mailbox; for a suspended actor,
 * all that are in it. Returns how many messages the handler may get now: those
 * before the next system request, or 0 for a suspended or ended actor.
 */
export function serveSystemRequests(
  actor: ActorRecord,
  budget: number,
): number {
  const { mailbox } = actor;
  if (actor.isSuspended) serveSuspended(actor);
  while (
    isFree(actor) && !actor.isSuspended && mailbox.length > 0 &&
    mailbox.at(0) instanceof SystemRequest
  ) {
    answer(actor, mailbox.shift() as SystemRequest);
    if (actor.isSuspended) serveSuspended(actor);
  }
  if (!isFree(actor) || actor.isSuspended) return 0;
  const { debug } = actor;
  if (debug !== null) {
    if (mailbox.length > 0) noteIn(actor, debug);
    return 1;
  }
  if (actor.systemRequests > 0) {
    let most = 1;
    while (
      most < budget && most < mailbox.length &&
      !(mailbox.at(most) instanceof SystemRequest)
    ) most++;
    if (most < mailbox.length) {
      // With this policy, the head may be dropped while the handler runs.
      return actor.mailboxOptions?.policy === "dropOldest" ? 1 : most;
    }
    // The counted requests were dropped because the mailbox was full.
    actor.systemRequests = 0;
  }
  actor.isSpecial = false;
  return budget;
}

/**
 * Whether the handler may get messages. False while its terminate callback runs,
 * which may be queued to continue with a message that it has received.
 */
function isFree(actor: ActorRecord): boolean {
  return actor.state === QUEUED && actor.resolveReceive === null;
}

/** Searches only messages that were not searched before. */
function serveSuspended(actor: ActorRecord): void {
  const { mailbox } = actor;
  while (actor.isSuspended && actor.scanned < mailbox.length) {
    const message = mailbox.at(actor.scanned);
    if (message instanceof SystemRequest) {
      answer(actor, mailbox.removeAt(actor.scanned) as SystemRequest);
    } else if (message instanceof Exit && message.from === actor.parent) {
      actor.scanned = 0;
      terminate(actor, message.reason);
      return;
    } else {
      actor.scanned++;
    }
  }
  actor.scanned = actor.isSuspended ? actor.scanned : 0;
}

function answer(actor: ActorRecord, { from, request }: SystemRequest): void {
  if (actor.systemRequests > 0) actor.systemRequests--;
  actor.reductions++;
  if (request instanceof Tuple && request.items[0] === names.terminate) {
    respond(actor, from, () => names.ok);
    terminate(actor, request.items[1]);
    return;
  }
  respond(actor, from, () => resultOf(actor, request));
}

/** Runs the terminate callback, which may return a promise, and ends. */
function terminate(actor: ActorRecord, reason: ExitReason): void {
  const { system } = actor.behaviour as Handler;
  if (system?.terminate === undefined) {
    endActor(actor, reason);
    return;
  }
  actor.isSuspended = false;
  actor.state = RUNNING;
  let terminated: unknown;
  try {
    terminated = system.terminate(
      actor.handlerState,
      reason,
      actor as never,
    );
  } catch (error) {
    crashActor(actor, error);
    return;
  }
  if (terminated instanceof Promise) {
    actor.goOnAfter(terminated.then(() => new Stop(reason)));
  } else {
    endActor(actor, reason);
  }
}

/** Sends the answer; an answer that cannot leave the node becomes an error. */
function respond(
  actor: ActorRecord,
  from: ReplyTo,
  value: () => unknown,
): void {
  const { owner } = actor;
  try {
    reply(actor, from, value());
  } catch (error) {
    try {
      reply(actor, from, tuple(names.error, errorText(error, printTerm)));
    } catch (second) {
      owner.logActor("warning", "a system request could not be answered", {
        error: errorText(second, printTerm),
      });
    }
  }
}

function resultOf(actor: ActorRecord, request: unknown): unknown {
  switch (request) {
    case names.getState:
      return shownState(actor);
    case names.getStatus:
      return statusOf(actor);
    case names.suspend:
      actor.isSuspended = true;
      return names.ok;
    case names.resume:
      actor.isSuspended = false;
      return names.ok;
    default:
  }
  const [name, argument] = request instanceof Tuple ? request.items : [];
  switch (name) {
    case names.replaceState:
      return replaceState(actor, argument);
    case names.debug:
      return setDebug(actor, argument);
    default:
      return tuple(
        names.error,
        tuple(atom("unknown_system_msg"), request),
      );
  }
}

/** Replaces the state by a function of this node; others cannot be called. */
function replaceState(actor: ActorRecord, change: unknown): unknown {
  if (typeof change !== "function") return tuple(names.error, atom("notsup"));
  try {
    const { system } = actor.behaviour as Handler;
    const { handlerState: state } = actor;
    const next = (change as (state: unknown) => unknown)(
      system?.getState?.(state) ?? state,
    );
    actor.handlerState = system?.replaceState?.(state, next) ?? next;
  } catch (error) {
    return tuple(names.error, tuple(atom("callback_failed"), error));
  }
  return shownState(actor);
}

/** The state as the caller gets it. */
function shownState(actor: ActorRecord): unknown {
  const { getState } = (actor.behaviour as Handler).system ?? {};
  const state = actor.handlerState;
  return copyIfIsolated(
    actor,
    getState === undefined ? state : getState(state),
  );
}

/** A copy where messages are frozen, since the actor still uses its state. */
function copyIfIsolated(actor: ActorRecord, state: unknown): unknown {
  return actor.owner.isolate === null ? state : copy(state);
}

/** The status in the form of `sys:get_status` for a `gen_server`. */
function statusOf(actor: ActorRecord): Tuple {
  const state = actor.isSuspended ? names.suspended : names.running;
  const parent = actor.parent ?? actor.pid;
  const misc = [
    tuple(atom("header"), `Status for actor ${actor.describe()}`),
    tuple(atom("data"), [
      tuple("Status", state),
      tuple("Parent", parent),
      tuple("Behaviour", behaviourName(actor.behaviour)),
    ]),
    tuple(atom("data"), [tuple("State", statusState(actor))]),
  ];
  return tuple(
    names.status,
    actor.pid,
    tuple(names.module, names.hornbeam),
    [[], state, parent, [], misc],
  );
}

function statusState(actor: ActorRecord): unknown {
  const { formatStatus } = (actor.behaviour as Handler).system ?? {};
  return formatStatus === undefined
    ? shownState(actor)
    : copyIfIsolated(actor, formatStatus(actor.handlerState));
}
