/**
 * A call that waits for its reply.
 *
 * One object, which is at once the alias that takes the reply, the monitor of
 * the called actor where that is on this node, what waits for the deadline, and
 * the turn in which the caller goes on: a call within a node is the most common
 * thing that servers do, and an object, a closure or a table entry for each of
 * these took more time than the two messages.
 */

import { Rejection } from "../host/rejection.ts";
import type {
  ActorRecord,
  AliasState,
  CallRecord,
} from "../contract/record.ts";
import type { Line, Waiting } from "../host/call_deadlines.ts";
import { demonitor } from "../signals/monitors.ts";
import { KilledError } from "../messages/errors.ts";
import type { Runnable } from "../host/scheduler.ts";
import type { Pid, Ref } from "../terms/terms.ts";

/** How a call fails, by the reason. */
type Failure = (reason: unknown) => unknown;

export class PendingCall implements Runnable, AliasState, CallRecord, Waiting {
  readonly actor: ActorRecord;
  readonly ref: Ref;
  readonly mode = "once";
  readonly isCall = true;
  /** The called actor, if it is on this node: it keeps this among `callers`. */
  callee: ActorRecord | null = null;
  /** Places in `actor.calls` and `callee.callers`. */
  callIndex = 0;
  callerIndex = 0;
  readonly #resolve: (value: unknown) => void;
  readonly #failure: Failure;
  #hasEnded = false;
  #outcome: unknown = undefined;
  #hasFailed = false;
  forgetAbort: (() => void) | null = null;

  deadline = 0;
  line: Line | null = null;
  before: Waiting | null = null;
  after: Waiting | null = null;

  cleanTurns = 0;
  owesTurn = false;
  readonly takesOver = false;

  constructor(
    actor: ActorRecord,
    ref: Ref,
    resolve: (value: unknown) => void,
    failure: Failure,
  ) {
    this.actor = actor;
    this.ref = ref;
    this.#resolve = resolve;
    this.#failure = failure;
    actor.nodeWaits++;
    const calls = actor.calls ??= [];
    this.callIndex = calls.length;
    calls.push(this);
    ref.alias = this;
    actor.owner.aliases.size++;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** From now on the end of an actor of this node is the end of the call. */
  monitorCallee(callee: ActorRecord): void {
    this.callee = callee;
    const callers = callee.callers ??= [];
    this.callerIndex = callers.length;
    callers.push(this);
  }

  // -- What ends it

  takeMessage(reply: unknown): void {
    this.#endCall(reply, false);
  }

  /** The called actor has ended, its node is lost, or time is over. */
  failCall(reason: unknown): void {
    if (!this.#hasEnded) this.#endCall(this.#failure(reason), true);
  }

  expire(): void {
    this.failCall("timeout");
  }

  /** It rejects with something else than a `CallError`. */
  reject(error: unknown): void {
    this.#endCall(error, true);
  }

  /** The caller has ended. */
  abandonCall(reason: unknown): void {
    this.#endCall(new KilledError(reason), true);
  }

  /** Takes everything back, and lets the caller go on in a turn of its own. */
  #endCall(outcome: unknown, hasFailed: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { actor, callee, ref } = this;
    const { owner } = actor;
    ref.alias = null;
    owner.aliases.size--;
    if (this.line !== null) owner.callDeadlines.remove(this);
    this.forgetAbort?.();
    this.#outcome = outcome;
    this.#hasFailed = hasFailed;
    if (callee !== null) removeCall(callee.callers, this, "callerIndex");
    removeCall(actor.calls, this, "callIndex");
    if (actor.alive) {
      if (callee === null) demonitor(actor, ref, false);
      owner.scheduler.enqueue(this);
    } else {
      this.#settlePromise();
    }
  }

  #settlePromise(): void {
    const outcome = this.#outcome;
    this.#resolve(this.#hasFailed ? new Rejection(outcome) : outcome);
  }

  // -- The turn in which the caller goes on

  run(): number {
    this.actor.nodeWaits--;
    this.#settlePromise();
    return -1;
  }

  get pid(): Pid<unknown> {
    return this.actor.pid;
  }

  get isBusy(): boolean {
    return this.actor.isBusy;
  }

  get turnLeft(): number {
    return this.actor.turnLeft;
  }

  describe(): string {
    return this.actor.describe();
  }
}

/** Out of a list whose order does not matter: the last takes its place. */
function removeCall(
  list: CallRecord[] | null,
  call: CallRecord,
  place: "callIndex" | "callerIndex",
): void {
  const last = list?.pop();
  if (list === null || last === undefined || last === call) return;
  const index = call[place];
  list[index] = last;
  last[place] = index;
}
