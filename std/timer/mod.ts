/**
 * Timers that send, apply or end something once or again and again, after OTP's
 * `timer`.
 *
 * Each timer is an actor of its own, so that it does not depend on the mailbox
 * of whoever set it. It runs on the clock of its node: in a simulator in
 * virtual time.
 *
 * When not to use it: for a message after a while, `self.sendAfter` and
 * `self.startTimer` cost much less, and they end with the actor of this node
 * that they are for. For a limit on a wait there is `timeoutMs`, and for work
 * that must survive the node there is nothing here.
 *
 * Guarantees, weak ones included:
 * - Nothing happens early; how late it is depends on how busy the node is.
 * - Rounds of an interval are counted from its start: a late one does not delay
 *   those after it. Rounds that were missed while nobody could go on follow one
 *   after the other, as fast as the platform's timers allow; none is dropped.
 * - Two timers that are due at the same time may act in either order.
 * - A one-shot timer outlives the actor that set it. An interval ends with that
 *   actor and, if it sends, with the actor that it sends to.
 * - Any finite delay is possible, also above 2^31 ms.
 */

import {
  type Behaviour,
  BusyError,
  type Destination,
  Down,
  type ExitReason,
  handler,
  type NamedTarget,
  type Pid,
  reasons,
  Ref,
  type Self,
  type Stop,
  stop,
  Timeout,
  UsageError,
} from "../../runtime/mod.ts";
import { Clock, type Timekeeper } from "../internal/clock.ts";
import { receiveRef, type Waiter } from "../internal/wait.ts";

/** A timer that was set. `using` cancels it at the end of a block. */
export interface Timer extends Disposable {
  /**
   * Takes effect at once: afterwards the timer does nothing any more. What it
   * has sent or started stays. Returns whether there was something to cancel:
   * false for a timer that has done its work, has ended or was cancelled.
   */
  cancel(): boolean;
}

/** As much of `self` as setting a timer needs. */
export type TimerOwner = Pick<Self<never>, "pid" | "spawn">;

/** Options of `sleep`. */
export type SleepOptions = {
  /** Ends the sleep, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** What a call came to, and how long it took. */
export type Timed<T> = {
  /** Milliseconds with a fraction. */
  readonly timeMs: number;
  readonly value: T;
};

/**
 * Resolves after `delayMs`; with Infinity never. Messages that come meanwhile
 * stay in the mailbox.
 */
export async function sleep(
  self: Waiter & Pick<Self<never>, "makeRef">,
  delayMs: number,
  options: SleepOptions = {},
): Promise<void> {
  // Nobody else knows this ref, so that only the time can end the wait.
  await receiveRef(self, self.makeRef(), { timeoutMs: delayMs, ...options });
}

/**
 * Sends a message once, after `delayMs`, whether or not the caller still lives.
 * A name is looked up when it is time. When the message cannot be sent, the
 * timer crashes, which the log shows.
 *
 * @example
 * ```ts
 * import { type Self, start } from "hornbeam";
 * import { sendAfter, sendInterval, seconds } from "hornbeam/std/timer";
 *
 * await using node = await start();
 * await node.run(async (self: Self<string>) => {
 *   using never = sendAfter(self, seconds(60), self.pid, "too late");
 *   using ticks = sendInterval(self, 5, self.pid, "tick");
 *   console.log(await self.receive(), await self.receive());
 *   // prints: tick tick
 *   console.log(never.cancel(), never.cancel(), ticks.cancel());
 *   // prints: true false true
 * });
 * ```
 */
export function sendAfter<T>(
  self: TimerOwner,
  delayMs: number,
  to: Destination<T>,
  message: T,
): Timer {
  return once(self, delayMs, (own) => void own.send(to, message));
}

/**
 * Sends a message every `periodMs`, the first after one period, until the
 * caller or the receiver ends, the receiver's node is lost, or it is cancelled.
 *
 * Whom a name means is looked up for each message, but the interval ends with
 * the actor that held it at the beginning, unless it is a name of `via`. A
 * message that meets a connection at its hard limit is lost; when it cannot be
 * sent for another cause, the timer crashes, which the log shows.
 */
export function sendInterval<T>(
  self: TimerOwner,
  periodMs: number,
  to: Destination<T>,
  message: T,
): Timer {
  // An alias cannot be watched, nor a name that is looked up each time.
  const isWatched = !(to instanceof Ref) &&
    (typeof to === "string" || !("via" in to));
  const watched = isWatched ? [self.pid, to] : [self.pid];
  return again(self, periodMs, watched, (own) => {
    try {
      own.send(to, message);
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
    }
    return null;
  });
}

/**
 * Runs an actor once, after `delayMs`, whether or not the caller still lives.
 */
export function applyAfter<M = unknown>(
  self: TimerOwner,
  delayMs: number,
  behaviour: Behaviour<M>,
): Timer {
  return once(self, delayMs, (own) => void own.spawn(behaviour));
}

/**
 * Runs an actor every `periodMs`, whether or not the one before has ended: if
 * they take longer than a period, ever more of them live at the same time.
 * Ends with the caller; actors that run by then go on.
 */
export function applyInterval<M = unknown>(
  self: TimerOwner,
  periodMs: number,
  behaviour: Behaviour<M>,
): Timer {
  return again(self, periodMs, [self.pid], (own) => {
    own.spawn(behaviour);
    return null;
  });
}

/**
 * Runs an actor every `periodMs`, but never two at a time: when one takes
 * longer than a period, the rounds that it has missed follow one after the
 * other. One that crashes does not end the interval. Ends with the caller; an
 * actor that runs by then goes on.
 *
 * @example
 * ```ts
 * import { type Self, start } from "hornbeam";
 * import { applyRepeatedly, sleep } from "hornbeam/std/timer";
 *
 * await using node = await start();
 * await node.run(async (self: Self<number>) => {
 *   let running = 0;
 *   using _ = applyRepeatedly(self, 5, async (job) => {
 *     running++;
 *     await sleep(job, 12);
 *     self.send(self.pid, running--);
 *   });
 *   console.log(await self.receive(), await self.receive()); // prints: 1 1
 * });
 * ```
 */
export function applyRepeatedly<M = unknown>(
  self: TimerOwner,
  periodMs: number,
  behaviour: Behaviour<M>,
): Timer {
  return again(
    self,
    periodMs,
    [self.pid],
    (own) => own.spawnMonitor(behaviour).ref,
  );
}

/**
 * Sends an exit signal once, after `delayMs`, whether or not the caller still
 * lives. A name is one of this node, and is looked up when it is time.
 */
export function exitAfter(
  self: TimerOwner,
  delayMs: number,
  target: Pid<never> | string,
  reason: ExitReason,
): Timer {
  return once(self, delayMs, (own) => {
    const pid = typeof target === "string" ? own.whereis(target) : target;
    if (pid !== null) own.sendExit(pid, reason);
  });
}

/** As `exitAfter`, with the reason that cannot be trapped. */
export function killAfter(
  self: TimerOwner,
  delayMs: number,
  target: Pid<never> | string,
): Timer {
  return exitAfter(self, delayMs, target, reasons.kill);
}

/**
 * Calls a function and measures how long it takes, until its promise resolves
 * if it returns one. What it throws is thrown on.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { sleep, tc } from "hornbeam/std/timer";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   console.log(tc(self, () => 6 * 7).value); // prints: 42
 *   const { timeMs } = await tc(self, () => sleep(self, 10));
 *   console.log(timeMs >= 10); // prints: true
 * });
 * ```
 */
export function tc<T>(
  self: Timekeeper,
  body: () => Promise<T>,
): Promise<Timed<T>>;
export function tc<T>(self: Timekeeper, body: () => T): Timed<T>;
export function tc<T>(
  self: Timekeeper,
  body: () => T | Promise<T>,
): Timed<T> | Promise<Timed<T>> {
  const clock = new Clock(self);
  const end = (value: T): Timed<T> => {
    const timeMs = clock.elapsedMs;
    clock[Symbol.dispose]();
    return { timeMs, value };
  };
  const fail = (error: unknown): never => {
    clock[Symbol.dispose]();
    throw error;
  };
  let value: T | Promise<T>;
  try {
    value = body();
  } catch (error) {
    return fail(error);
  }
  return value instanceof Promise ? value.then(end, fail) : end(value);
}

/** Milliseconds in so many seconds. */
export function seconds(count: number): number {
  return 1_000 * count;
}

/** Milliseconds in so many minutes. */
export function minutes(count: number): number {
  return 60_000 * count;
}

/** Milliseconds in so many hours. */
export function hours(count: number): number {
  return 3_600_000 * count;
}

/** Milliseconds in so many hours, minutes and seconds. */
export function hms(h: number, m: number, s: number): number {
  return hours(h) + minutes(m) + seconds(s);
}

function once(
  owner: TimerOwner,
  delayMs: number,
  act: (own: Self<unknown>) => void,
): Timer {
  if (!(delayMs >= 0) || delayMs === Infinity) {
    throw new UsageError(
      `expected a delay in ms of 0 or more, got ${delayMs}`,
    );
  }
  return new TimerActor(owner, {
    spanMs: delayMs,
    repeats: false,
    watched: [],
    act: (own) => {
      act(own);
      return null;
    },
  });
}

function again(
  owner: TimerOwner,
  periodMs: number,
  watched: Plan["watched"],
  act: (own: Self<unknown>) => Ref | null,
): Timer {
  // An interval of 0 ms would be an endless loop.
  if (!(periodMs > 0) || periodMs === Infinity) {
    throw new UsageError(
      `expected a period in ms above 0, got ${periodMs}`,
    );
  }
  return new TimerActor(owner, {
    spanMs: periodMs,
    repeats: true,
    watched,
    act,
  });
}

type Plan = {
  /** Time to the first round, and between rounds. */
  readonly spanMs: number;
  readonly repeats: boolean;
  /** Whose end ends the timer. */
  readonly watched: readonly (Pid<never> | string | NamedTarget)[];
  /** One round. Returns the monitor of what has to end before the next. */
  readonly act: (own: Self<unknown>) => Ref | null;
};

/** The actor behind a timer, and its handle. */
class TimerActor implements Timer {
  readonly #plan: Plan;
  /** Null until its first turn. */
  #own: Self<unknown> | null = null;
  /** Only for what repeats. */
  #clock: Clock | null = null;
  #isCancelled = false;
  /** Rounds that have been scheduled, the next one included. */
  #rounds = 0;
  #nextRound: Ref | null = null;
  /** The monitor of what has to end before the next round. */
  #running: Ref | null = null;

  constructor(owner: TimerOwner, plan: Plan) {
    this.#plan = plan;
    owner.spawn(
      handler<this, unknown>(
        (own) => this.#begin(own),
        (_, message, own) => this.#take(message, own),
      ),
      { label: "timer" },
    );
  }

  cancel(): boolean {
    if (this.#isCancelled) return false;
    this.#isCancelled = true;
    const own = this.#own;
    if (own === null) return true;
    const wasActive = own.isAlive;
    own.sendExit(own.pid, reasons.normal);
    return wasActive;
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #begin(own: Self<unknown>): this {
    if (this.#isCancelled) own.exit(reasons.normal);
    this.#own = own;
    for (const target of this.#plan.watched) own.monitor(target);
    if (this.#plan.repeats) this.#clock = new Clock(own);
    return this.#schedule(own);
  }

  #schedule(own: Self<unknown>): this {
    // From the beginning and not from now, so that delays do not add up.
    const dueMs = ++this.#rounds * this.#plan.spanMs;
    const elapsedMs = this.#clock?.elapsedMs ?? 0;
    this.#nextRound = own.startTimer(Math.max(0, dueMs - elapsedMs), null);
    return this;
  }

  #take(message: unknown, own: Self<unknown>): this | Stop {
    if (message instanceof Timeout && message.ref === this.#nextRound) {
      this.#running = this.#plan.act(own);
      if (!this.#plan.repeats) return stop();
      return this.#running === null ? this.#schedule(own) : this;
    }
    if (message instanceof Down) {
      return message.ref === this.#running ? this.#schedule(own) : stop();
    }
    return this;
  }
}
