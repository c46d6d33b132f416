/**
 * One actor: its mailbox, its run state and its `receive`. What an actor does
 * to other actors is in `local_actor.ts`, the one subclass. All run states and
 * transitions, with the functions that make them, are in `contract/run_state.ts`.
 *
 * A function actor, and a handler actor whose promise is pending, stays RUNNING
 * after `run` has returned. Its turn goes on in microtasks until it comes to
 * its next `receive`, or until the promise is settled.
 *
 * Signals act on an actor at once and are never queued (`signals/`). An exit
 * signal ends an actor even while its code awaits a promise that is not the
 * node's, an order that Erlang's rules allow. Its code has no effect then.
 */

import { Rejection } from "../host/rejection.ts";
import type { ActorRecord, NodeServices } from "../contract/record.ts";
import type * as runState from "../contract/run_state.ts";
import type * as scheduler from "../host/scheduler.ts";
import { type ExitReason, reasons } from "../messages/reasons.ts";
import { type AnyBehaviour, Handler, Stop } from "../contract/behaviour.ts";
import type { ReceiveOptions, SpawnOptions } from "../contract/self.ts";
import { optionsOfReceive } from "../contract/option_tables.ts";
import { ActorState } from "./actor_state.ts";
import { crashActor, endActor, endWhenSettled } from "../signals/exits.ts";
import { park } from "../signals/holding.ts";
import { KilledError, UsageError } from "../messages/errors.ts";
import { admit, limitMailbox } from "../signals/mailbox_limit.ts";
import type { ActorInfo } from "../contract/actor_info.ts";
import {
  compile,
  findMatch,
  isPattern,
  type Pattern,
} from "../mailbox/patterns.ts";
import { Mailbox } from "../mailbox/mailbox.ts";
import { serveSystemRequests } from "../sys/system_requests.ts";
import { Pid, Ref } from "../terms/terms.ts";
import {
  goOnAfter,
  refusePromise,
  runWaitingHandler,
  startHandler,
} from "./waiting_handler.ts";

// Typed copies: reading imported ones was seen to cost 3 % of a message on V8.
const IDLE: typeof runState.IDLE = 0;
const QUEUED: typeof runState.QUEUED = 1;
const RUNNING: typeof runState.RUNNING = 2;
const DEAD: typeof runState.DEAD = 3;
const HANDLING: typeof runState.HANDLING = 4;
const TURN_GOES_ON: typeof scheduler.TURN_GOES_ON = 1;

/** Result of the promise executor, kept here so that no closure is made. */
let lastResolve: (value: unknown) => void;
const captureResolve = (resolve: (value: unknown) => void): void => {
  lastResolve = resolve;
};

export abstract class Actor extends ActorState implements ActorRecord {
  /** `pid.target` is this actor until it has ended, and null from then on. */
  readonly pid: Pid<unknown>;
  /** The node on which it was spawned. */
  readonly owner: NodeServices;
  /** A function, or a `Handler` exactly if `isHandler` is set. */
  readonly behaviour: AnyBehaviour;
  /** Messages not taken yet, in the order of arrival; empty once it is DEAD. */
  readonly mailbox: Mailbox = new Mailbox();
  /** One of `contract/run_state.ts`; DEAD is final. */
  state: number = QUEUED;
  /** State of the handler; once the actor is DEAD, its exit reason. */
  handlerState: unknown = undefined;
  /** Resolves the pending `receive`; null exactly while none is pending. */
  resolveReceive: ((value: unknown) => void) | null = null;
  /** Messages, taken or sent, left in this turn; negative: see `#payDebt`. */
  turnLeft = 0;
  /** Turns in a row that ended in `receive`; see `Scheduler.handOver`. */
  cleanTurns = 0;
  /** Whether its turn has ended; see `Runnable`. */
  turn = 0;
  /** Messages taken since the start; never decreases. */
  reductions: number = 0;
  /** Its output goes there; any pid of any node, also one that has ended. */
  groupLeader: Pid;
  /** The actor that spawned it; null when none did. Set before its first turn. */
  parent: Pid | null = null;

  constructor(
    owner: NodeServices,
    id: number,
    serial: number,
    behaviour: AnyBehaviour,
    groupLeader: Pid | null,
    options: SpawnOptions,
  ) {
    super();
    this.owner = owner;
    this.pid = new Pid<unknown>(owner.name, id, serial, owner.creation, this);
    this.behaviour = behaviour;
    if (typeof behaviour !== "function") this.isHandler = true;
    if (options.trapExits === true) this.trapExits = true;
    if (options.label !== undefined) this.label = options.label;
    if (options.mailbox !== undefined) limitMailbox(this, options.mailbox);
    this.groupLeader = groupLeader ?? this.pid;
  }

  /** The exit reason; meaningless before the actor has ended. */
  get endReason(): ExitReason {
    return this.handlerState;
  }

  get alive(): boolean {
    return this.state !== DEAD;
  }

  get signal(): AbortSignal {
    if (this.abort === null) {
      this.abort = new AbortController();
      if (this.state === DEAD) this.abort.abort();
    }
    return this.abort.signal;
  }

  get status(): ActorInfo["status"] {
    if (this.isParked) return "held";
    if (this.state === IDLE) return "waiting";
    return this.state === QUEUED ? "runnable" : "running";
  }

  /**
   * Whether the next message resolves its pending `receive` at once. False with
   * a pattern, since a pattern would run the actor's code too early.
   */
  get takesOver(): boolean {
    return this.resolveReceive !== null && this.match === null &&
      this.state === QUEUED;
  }

  get isBusy(): boolean {
    return this.state === RUNNING && this.started && this.nodeWaits === 0;
  }

  /** The actor's name in logs. Never throws. */
  describe(): string {
    // As the pid was printed while the actor was alive, so that logs agree.
    const pid = `#PID<0.${this.pid.id}.${this.pid.serial}>`;
    try {
      const label = this.name ?? this.label;
      const known = label || ((this.behaviour as { name?: string }).name ?? "");
      return known === "" ? pid : `${pid} (${known})`;
    } catch {
      // At run time, a label or the name of a function may be any value.
      return pid;
    }
  }

  /** Puts a message into the mailbox and makes the actor runnable. */
  deliver(message: unknown): void {
    if (this.state === DEAD) return;
    if (this.mailbox.length >= this.mailboxAlarm && !admit(this, message)) {
      return;
    }
    this.mailbox.push(message);
    this.owner.delivered++;
    if (this.state === IDLE) {
      this.state = QUEUED;
      this.owner.scheduler.enqueue(this);
    }
  }

  /** The last transition; `signals/exits.ts` does the rest. */
  markDead(reason: ExitReason): void {
    this.state = DEAD;
    this.mailbox.clear();
    this.handlerState = reason;
  }

  // -- Scheduling

  run(budget: number): number {
    if (this.state !== QUEUED) return 0;
    if (this.turnLeft < 0) {
      budget = this.#payDebt(budget);
      if (budget <= 0) return 0;
    }
    if (!this.started) return this.#start(budget);
    // A handler that awaits a message continues as a function actor does.
    if (this.isHandler && this.resolveReceive === null) {
      if (this.isSpecial) {
        budget = serveSystemRequests(this, budget);
        if (budget === 0) {
          // The actor is suspended, is ending, or has ended: no turn is due.
          if (this.state === QUEUED && this.resolveReceive === null) {
            this.state = IDLE;
          }
          if (this.state === RUNNING) this.turn = TURN_GOES_ON;
          return 1;
        }
      }
      if ((this.behaviour as Handler).mayWait) {
        return runWaitingHandler(this, budget);
      }
      const taken = this.#runHandler(budget);
      this.reductions += taken;
      return Math.max(taken, budget - this.turnLeft);
    }
    return this.#resume(budget);
  }

  /**
   * An actor cannot be stopped in a loop of sends. What it has sent beyond its
   * turn is taken off its next turns, so that receivers keep up with senders.
   */
  #payDebt(budget: number): number {
    if (this.isHeld) return park(this);
    if (this.owner.scheduler.isStepped) return budget;
    const left = this.turnLeft + budget;
    if (left <= 0) {
      this.turnLeft = left;
      this.owner.scheduler.enqueue(this);
    }
    return left;
  }

  #start(budget: number): number {
    this.started = true;
    this.state = RUNNING;
    this.turnLeft = budget;
    if (this.isHandler) return startHandler(this);
    const run = this.behaviour as (self: Actor) => unknown;
    try {
      const { host, scheduler } = this.owner;
      let running: unknown;
      if (!host.capabilities.attributesRejections) {
        running = run(this);
      } else if (scheduler.mayAttribute()) {
        running = host.attribute(
          (error) => crashActor(this, error),
          () => run(this),
        );
      } else {
        this.isUnattributed = true;
        running = run(this);
      }
      if (running instanceof Promise) {
        endWhenSettled(this, running);
      } else {
        // No part of it continues in a microtask.
        endActor(this, reasons.normal);
        return 1;
      }
    } catch (error) {
      crashActor(this, error);
    }
    this.turn = TURN_GOES_ON;
    return 1;
  }

  /** One turn of a handler actor: the hot path of the whole runtime. */
  #runHandler(budget: number): number {
    const mailbox = this.mailbox;
    const handle = (this.behaviour as Handler).handle;
    let taken = 0;
    this.state = HANDLING;
    // Sent messages count as well, so that receivers keep up with senders.
    this.turnLeft = budget;
    try {
      while (mailbox.length > 0 && this.turnLeft > 0) {
        this.turnLeft--;
        taken++;
        const state = this.handlerState;
        const next = handle(state, mailbox.shift(), this);
        if (this.state !== HANDLING) return taken;
        if (next !== state) {
          if (typeof next === "object" && next !== null) {
            if (next instanceof Stop) {
              endActor(this, next.reason);
              return taken;
            }
            if (next instanceof Promise) refusePromise(next);
          }
          this.handlerState = next;
        }
      }
    } catch (error) {
      crashActor(this, error);
      return taken;
    }
    this.endTurn();
    return taken;
  }

  /** After a turn: the actor is QUEUED again, or IDLE. */
  endTurn(): void {
    if (this.mailbox.length > 0) {
      this.state = QUEUED;
      this.owner.scheduler.enqueue(this);
    } else {
      this.state = IDLE;
    }
  }

  /** The turn of a waiting handler goes on until its promise is settled. */
  goOnAfter(promise: Promise<unknown>): void {
    goOnAfter(this, promise);
  }

  /** A turn of a function actor: its pending `receive` resolves, if it can. */
  #resume(budget: number): number {
    let message: unknown;
    const mailbox = this.mailbox;
    if (this.match === null && mailbox.length > 0) {
      message = mailbox.shift();
      this.reductions++;
    } else {
      let index = -1;
      try {
        index = findMatch(this);
      } catch (error) {
        message = new Rejection(error);
      }
      // A pattern may have ended its own actor.
      if (!this.alive) return 0;
      if (index >= 0) {
        message = this.#takeAt(index);
      } else if (message === undefined && !this.receiveTimedOut) {
        this.state = IDLE;
        return 1;
      }
    }
    this.#endReceive(message);
    this.turnLeft = budget;
    this.turn = TURN_GOES_ON;
    return 1;
  }

  #endReceive(value: unknown): void {
    const resolve = this.resolveReceive as (value: unknown) => void;
    this.resolveReceive = null;
    this.match = null;
    if (this.receiveTimer !== null) {
      this.owner.timers.cancel(this.receiveTimer);
      this.receiveTimer = null;
    }
    this.receiveTimedOut = false;
    this.state = RUNNING;
    resolve(value);
  }

  #takeAt(index: number): unknown {
    const message = this.mailbox.removeAt(index);
    this.reductions++;
    const take = this.match?.take ?? null;
    return take === null ? message : take(message);
  }

  // -- Self: receiving

  /** One implementation behind the typed overloads of `Self`. */
  receive(
    pattern?: Pattern | ReceiveOptions,
    more?: ReceiveOptions,
  ): Promise<never> {
    if (this.resolveReceive !== null) {
      return Promise.reject(
        new UsageError(
          "expected one receive at a time, got a second one while the first " +
            "is pending; await the first, or use another actor",
        ),
      );
    }
    if (this.isUnattributed) this.#adoptContext();
    if (pattern === undefined && more === undefined && this.state === RUNNING) {
      if (this.mailbox.length > 0) {
        if (--this.turnLeft > 0) {
          this.reductions++;
          return Promise.resolve(this.mailbox.shift() as never);
        }
        this.state = QUEUED;
        this.owner.scheduler.enqueue(this);
      } else {
        this.state = IDLE;
      }
      const pending = new Promise<unknown>(captureResolve);
      this.resolveReceive = lastResolve;
      this.owner.scheduler.handOver(this);
      return pending as Promise<never>;
    }
    return this.#receiveSelective(pattern, more) as Promise<never>;
  }

  /** A context for one of many actors, once it runs in its own microtask. */
  #adoptContext(): void {
    if (this.reductions === 0 || this.state !== RUNNING) return;
    if (!this.owner.scheduler.mayAttribute()) return;
    this.isUnattributed = false;
    this.owner.host.adopt((error) => crashActor(this, error));
  }

  #receiveSelective(
    pattern: Pattern | ReceiveOptions | undefined,
    more: ReceiveOptions | undefined,
  ): Promise<unknown> {
    // The code of an ended actor gets one rejection, so that `finally` and
    // `using` run. A loop that catches it waits here for ever, and is collected.
    if (this.state === DEAD) {
      if (this.wasTold) return new Promise(() => {});
      this.wasTold = true;
      return Promise.reject(new KilledError(this.endReason));
    }
    if (this.behaviour instanceof Handler && !this.behaviour.mayWait) {
      throw new UsageError(
        "expected receive to be called by a function actor, got a handler " +
          "actor, which is given its messages one by one",
      );
    }
    // No `receive` is pending, so the pattern is of one that searches now.
    if (this.match !== null) {
      throw new UsageError(
        "expected a pattern to look at its message only, got one that receives",
      );
    }
    let options: ReceiveOptions;
    try {
      options = optionsOfReceive(pattern, more);
    } catch (error) {
      return Promise.reject(error);
    }
    const abort = options.signal;
    if (abort?.aborted) return Promise.reject(abort.reason);
    this.match = isPattern(pattern) ? compile(pattern) : null;
    this.scanned = pattern instanceof Ref && pattern.maker === this.pid
      ? this.mailbox.indexSince(pattern.mark)
      : 0;
    const isPoll = options.timeoutMs === 0;
    let found: number;
    try {
      found = findMatch(this);
      const waits = this.alive && !isPoll && (found < 0 || this.turnLeft <= 1);
      if (waits && options.timeoutMs !== undefined) {
        this.#armReceive(options.timeoutMs);
      }
    } catch (error) {
      this.match = null;
      return Promise.reject(error);
    }
    // A pattern may have ended its own actor.
    if (!this.alive) return this.#receiveSelective(pattern, more);
    if ((found >= 0 || isPoll) && --this.turnLeft > 0) {
      const message = found >= 0 ? this.#takeAt(found) : undefined;
      this.match = null;
      return Promise.resolve(message);
    }
    const pending = new Promise<unknown>(captureResolve);
    this.resolveReceive = lastResolve;
    this.receiveTimedOut = isPoll;
    if (found >= 0 || isPoll) {
      // The turn is used up: other actors go first, then it is found at once.
      this.scanned = Math.max(0, found);
      this.state = QUEUED;
      this.owner.scheduler.enqueue(this);
    } else {
      this.state = IDLE;
    }
    this.owner.scheduler.handOver(this);
    return abort === undefined ? pending : this.#abortable(pending, abort);
  }

  #armReceive(timeoutMs: number): void {
    this.receiveTimer = this.owner.timers.set(timeoutMs, () => {
      this.receiveTimer = null;
      this.receiveTimedOut = true;
      if (this.state === IDLE) {
        this.state = QUEUED;
        this.owner.scheduler.enqueue(this);
      }
    });
  }

  #abortable(
    pending: Promise<unknown>,
    abort: AbortSignal,
  ): Promise<unknown> {
    const resolve = this.resolveReceive;
    const onAbort = () => {
      if (this.resolveReceive !== resolve || this.state === DEAD) return;
      // It continues although it is held, so no turn is due to it any more.
      this.isParked = false;
      this.owner.scheduler.turnTrace?.beginTurn(this.pid);
      this.#endReceive(new Rejection(abort.reason));
    };
    abort.addEventListener("abort", onAbort, { once: true });
    return pending.finally(() => abort.removeEventListener("abort", onAbort));
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, never, void> {
    return {
      next: async () => ({ done: false, value: await this.receive() }),
    };
  }
}
