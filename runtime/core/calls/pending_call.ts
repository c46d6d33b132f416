/**
 * A call that waits for its reply.
 *
 * One object has four roles: the alias that takes the reply (`AliasState`), the
 * monitor of the called actor if that is on this node (`CallRecord`), the entry
 * that waits for the deadline (`Waiting`), and the turn in which the caller
 * continues (`Runnable`). Servers do nothing more often than calls within a
 * node, and an object, a closure or a table entry for each role took more time
 * than the two messages.
 *
 * A call is in one of three states:
 *
 * ```text
 *  state    hasEnded  ref.alias  in actor.calls, and callee.callers if set
 *  waiting  false     this       yes
 *  ended    true      null       no     it is in the run queue
 *  settled  true      null       no     its promise has settled
 *
 *  waiting --reply, exit, time-out, abort--> ended --turn--> settled
 *  waiting --the caller has ended----------> settled
 * ```
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
import { type Runnable, TURN_ENDED, TURN_GOES_ON } from "../host/scheduler.ts";
import type { Pid, Ref } from "../terms/terms.ts";

/** Makes the error of a failed call from the reason. */
type Failure = (reason: unknown) => unknown;

export class PendingCall implements Runnable, AliasState, CallRecord, Waiting {
  /** The caller. */
  readonly actor: ActorRecord;
  /** The alias, and the ref of the monitor if the callee is on another node. */
  readonly ref: Ref;
  readonly mode = "once";
  readonly isCall = true;
  /**
   * The called actor. Null before `monitorCallee`, and always for an actor of
   * another node, which is monitored under `ref`.
   */
  callee: ActorRecord | null = null;
  /** While waiting, `actor.calls[callIndex]` is this call. */
  callIndex = 0;
  /** While waiting with a callee, `callee.callers[callerIndex]` is this call. */
  callerIndex = 0;
  /** Resolves the caller's promise; called once. */
  readonly #resolve: (value: unknown) => void;
  readonly #failure: Failure;
  #hasEnded = false;
  /** The reply or the error; undefined while waiting. */
  #result: unknown = undefined;
  /** Whether `#result` is an error. */
  #hasFailed = false;
  /** Removes the listener of `CallOptions.signal`; null without a signal. */
  forgetAbort: (() => void) | null = null;

  /** The line of deadlines in which this call waits; null without a limit. */
  line: Line | null = null;
  /** See `Waiting`: set at the end of the turn in which the call was made. */
  deadline = 0;
  /** The neighbours in `line`; null at its ends, and while `line` is null. */
  before: Waiting | null = null;
  after: Waiting | null = null;

  /** For the scheduler, which never trusts a call: it has only one turn. */
  cleanTurns = 0;
  turn: number = TURN_ENDED;
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

  /** From now on the call fails when this actor of this node ends. */
  monitorCallee(callee: ActorRecord): void {
    this.callee = callee;
    const callers = callee.callers ??= [];
    this.callerIndex = callers.length;
    callers.push(this);
  }

  // -- Transitions from waiting

  takeMessage(reply: unknown): void {
    this.#endCall(reply, false);
  }

  /** The called actor has ended, its node is lost, or the time is up. */
  failCall(reason: unknown): void {
    if (!this.#hasEnded) this.#endCall(this.#failure(reason), true);
  }

  expire(): void {
    this.failCall("timeout");
  }

  /** The call ends with an error that is no `CallError`. */
  reject(error: unknown): void {
    this.#endCall(error, true);
  }

  /** The caller has ended. */
  abandonCall(reason: unknown): void {
    this.#endCall(new KilledError(reason), true);
  }

  /**
   * Removes alias, deadline and monitor. The caller continues in a turn of this
   * call; if it has ended, the promise settles at once.
   */
  #endCall(result: unknown, hasFailed: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { actor, callee, ref } = this;
    const { owner } = actor;
    ref.alias = null;
    owner.aliases.size--;
    if (this.line !== null) owner.callDeadlines.remove(this);
    this.forgetAbort?.();
    this.#result = result;
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
    const result = this.#result;
    this.#resolve(this.#hasFailed ? new Rejection(result) : result);
  }

  // -- The turn in which the caller continues

  run(): number {
    this.actor.nodeWaits--;
    this.#settlePromise();
    this.turn = TURN_GOES_ON;
    return 1;
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

/** Removes a call from a list: the last call of the list takes its place. */
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
