/**
 * Calls: a request that expects one reply. The base of every server.
 *
 * A call is a message (`Call`) with a reply address that is an alias, and a
 * monitor for as long as the answer is out. A reply goes straight to the caller
 * and never through its mailbox: it costs the same behind a million queued
 * messages, and a late one is dropped. Between Erlang nodes this is
 * `{'$gen_call', {Pid, [alias | Ref]}, Request}`.
 */

import type { Actor } from "./actor.ts";
import type { Node } from "./node.ts";
import type { NamedTarget, ViaTarget } from "./messages.ts";
import type { Timer } from "./timers.ts";
import { demonitor, monitorWith } from "./links.ts";
import {
  CallError,
  isViaTarget,
  KilledError,
  reasons,
  UsageError,
} from "./messages.ts";
import { atom, ImproperList, Pid, printTerm, Ref, Tuple } from "./terms.ts";
import { Handler } from "./handler.ts";
import type { Destination } from "./self.ts";

/** Where a reply goes. Treat it as opaque; it may be sent on to other actors. */
export type ReplyTo = {
  readonly pid: Pid;
  /** The caller's alias; of a caller on a BEAM node, whatever term it chose. */
  readonly tag: unknown;
  /** The caller is on a BEAM node and expects `{Tag, Reply}`. */
  readonly isOtp?: true;
};

/** A request as the called actor receives it; `self.reply(call.from, …)`. */
export class Call<Q = unknown> {
  readonly type = "call";
  readonly from: ReplyTo;
  readonly request: Q;
  constructor(from: ReplyTo, request: Q) {
    this.from = from;
    this.request = request;
  }
}

/** A request that expects no reply. */
export class Cast<Q = unknown> {
  readonly type = "cast";
  readonly request: Q;
  constructor(request: Q) {
    this.request = request;
  }
}

/**
 * A request of OTP's `sys` module to any of its processes: `get_state`,
 * `suspend`, `{terminate, Reason}` … Handler actors answer it by themselves;
 * a function actor receives it, and answers with `self.reply`.
 */
export class SystemRequest {
  readonly type = "system";
  readonly from: ReplyTo;
  readonly request: unknown;
  constructor(from: ReplyTo, request: unknown) {
    this.from = from;
    this.request = request;
  }
}

/** Options of `call`. */
export type CallOptions = {
  /** Longest wait for the reply. Default 5,000; Infinity waits for ever. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignal;
};

/** Whom a call can go to. */
export type CallTarget = Pid<never> | string | NamedTarget | ViaTarget;

const DEFAULT_TIMEOUT_MS = 5_000;

/** The message of a call, by where its reply is to go. */
type Envelope = (from: ReplyTo) => unknown;

/**
 * Calls and resolves with the reply. Rejects with a `CallError`. What is sent
 * is a `Call` unless `envelope` makes something else.
 */
export function call(
  actor: Actor,
  to: CallTarget,
  request: unknown,
  options: CallOptions,
  envelope: Envelope = (from) => new Call(from, request),
): Promise<unknown> {
  if (actor.behaviour instanceof Handler && !actor.behaviour.mayWait) {
    throw new UsageError(
      "expected call to be made by an actor that can wait, got a handler; " +
        "use asyncHandler, or send a message and handle the answer as one",
    );
  }
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
    return Promise.reject(failure(to, request, reason, options));
  }
  return new Promise((resolve, reject) => {
    const outcome = { resolve, reject };
    new PendingCall(actor, target, { request, envelope }, outcome, options);
  });
}

function failure(
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
function isItself(actor: Actor, target: Pid<never> | NamedTarget): boolean {
  if (target instanceof Pid) return (target as Pid) === actor.pid;
  return actor.name !== null && target.name === actor.name &&
    target.node === actor.owner.name;
}

type Outcome = {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
};

class PendingCall {
  readonly #actor: Actor;
  readonly #node: Node;
  readonly #outcome: Outcome;
  readonly #ref: Ref;
  #timer: Timer | null = null;
  #isOver = false;
  #forgetAbort: (() => void) | null = null;

  constructor(
    actor: Actor,
    to: Pid<never> | NamedTarget,
    { request, envelope }: {
      readonly request: unknown;
      readonly envelope: Envelope;
    },
    outcome: Outcome,
    options: CallOptions,
  ) {
    const node = actor.owner;
    this.#actor = actor;
    this.#node = node;
    this.#outcome = outcome;
    const ref = this.#ref = node.makeRef();
    actor.nodeWaits++;
    node.aliases.add(ref, {
      actor,
      mode: "once",
      settle: (reply) => this.#end(() => outcome.resolve(reply)),
      abandon: (reason) =>
        this.#end(() => outcome.reject(new KilledError(reason))),
    });
    const fail = (reason: unknown) =>
      this.#end(() =>
        outcome.reject(
          failure(to, request, reason, options),
        )
      );
    try {
      node.sendFrom(
        actor.pid,
        to as Destination,
        envelope({ pid: actor.pid, tag: ref }),
      );
    } catch (error) {
      this.#end(() => outcome.reject(error));
      return;
    }
    monitorWith(actor, ref, to, { onDown: fail });
    node.scheduler.handOver(actor);
    if (this.#isOver) return;
    this.#watch(options, fail);
  }

  #watch(options: CallOptions, fail: (reason: unknown) => void): void {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    if (timeoutMs !== Infinity) {
      this.#timer = this.#node.timers.set(timeoutMs, () => {
        this.#timer = null;
        fail("timeout");
      });
    }
    const abort = options.signal;
    if (abort === undefined) return;
    const onAbort = () => this.#end(() => this.#outcome.reject(abort.reason));
    abort.addEventListener("abort", onAbort);
    // A signal may outlive many calls and must not collect their listeners.
    this.#forgetAbort = () => abort.removeEventListener("abort", onAbort);
  }

  /** Takes everything back, and lets the caller go on in its turn. */
  #end(settle: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const node = this.#node;
    node.aliases.remove(this.#ref);
    this.#forgetAbort?.();
    if (this.#timer !== null) node.timers.cancel(this.#timer);
    if (!this.#actor.alive) {
      settle();
      return;
    }
    demonitor(this.#actor, this.#ref, false);
    const actor = this.#actor;
    node.scheduler.enqueue({
      run: () => {
        actor.nodeWaits--;
        settle();
        return -1;
      },
      get isBusy() {
        return actor.isBusy;
      },
      cleanTurns: 0,
      owesTurn: false,
      takesOver: false,
      get turnLeft() {
        return actor.turnLeft;
      },
      describe: () => actor.describe(),
    });
  }
}

/** Replies to a call in an actor's name, wherever the caller is. */
export function reply(actor: Actor, to: ReplyTo, value: unknown): boolean {
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

const ALIAS = atom("alias");

/**
 * The ref of a tag that says the caller listens under an alias: OTP writes
 * `[alias|Ref]`, and for a call of many servers `[[alias|Ref]|Anything]`.
 */
export function aliasOf(tag: unknown): Ref | undefined {
  // With a proper tail the second form is an array.
  const isList = tag instanceof ImproperList;
  const head: unknown = isList ? tag.items[0] : Array.isArray(tag) && tag[0];
  if (head instanceof ImproperList) return aliasOf(head);
  return isList && head === ALIAS && tag.items.length === 1 &&
      tag.tail instanceof Ref
    ? tag.tail
    : undefined;
}
