/**
 * Timers that send a message, run an actor or send an exit signal, once or
 * repeatedly, after OTP's `timer`.
 *
 * Each timer is an actor of its own, so that it does not depend on the mailbox
 * of the actor that set it. It uses the clock of its node, which is virtual in
 * a simulator.
 *
 * When not to use it: to send a single message later, `self.sendAfter` and
 * `self.startTimer` cost much less, and these timers end with the local actor
 * that they are for. To limit a wait, use its `timeoutMs`. A timer does not
 * survive its node.
 *
 * Guarantees, weak ones included:
 * - A timer never acts early. How late it acts depends on how busy the node is.
 * - Rounds of an interval are counted from its start, so a late round does not
 *   delay the rounds after it. Rounds that were missed while the node was busy
 *   follow one after the other, as fast as the platform's timers allow; none is
 *   dropped.
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
  option,
  OptionTable,
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
   * Takes effect at once: afterwards the timer does nothing any more. Messages
   * that it has sent and actors that it has started are not affected. Returns
   * false when the timer had done its work, had ended or was cancelled before.
   */
  cancel(): boolean;
}

/** The part of `self` that setting a timer needs. */
export type TimerOwner = Pick<Self<never>, "pid" | "spawn">;

/** Options of `sleep`. */
export type SleepOptions = {
  /** Aborts the sleep, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

const sleepOptions = new OptionTable<SleepOptions>("sleep", {
  signal: option.signal,
});

/** The value of a call, and how long it took. */
export type Timed<T> = {
  /** Milliseconds with a fraction. */
  readonly timeMs: number;
  readonly value: T;
};

/**
 * Resolves after `delayMs`; with Infinity never. Messages that come meanwhile
 * stay in the mailbox.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { sleep } from "hornbeam/std/timer";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   await sleep(self, 10);
 *   console.log("awake"); // prints: awake
 * });
 * ```
 */
export async function sleep(
  self: Waiter & Pick<Self<never>, "makeRef">,
  delayMs: number,
  options: SleepOptions = {},
): Promise<void> {
  sleepOptions.check(options);
  // No message has this ref, so that only the time can end the wait.
  await receiveRef(self, self.makeRef(), { timeoutMs: delayMs, ...options });
}

/**
 * Sends a message once, after `delayMs`, also when the caller has ended by
 * then. A name is looked up when the message is sent. When the message cannot
 * be sent, the timer crashes, which the log shows.
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
  return startOnce(self, delayMs, (own) => void own.send(to, message));
}

/**
 * Sends a message every `periodMs`, the first after one period. The interval
 * ends when the caller or the receiver ends, when the connection to the
 * receiver's node is lost, or when it is cancelled.
 *
 * A name is looked up for each message, but the interval ends when the actor
 * ends that held the name at the beginning, unless it is a name of `via`. A
 * message that meets a connection at its hard limit is lost. When a message
 * cannot be sent for another cause, the timer crashes, which the log shows.
 */
export function sendInterval<T>(
  self: TimerOwner,
  periodMs: number,
  to: Destination<T>,
  message: T,
): Timer {
  // An alias and a name of `via` cannot be monitored.
  const isMonitored = !(to instanceof Ref) &&
    (typeof to === "string" || !("via" in to));
  const monitored = isMonitored ? [self.pid, to] : [self.pid];
  return startInterval(self, periodMs, monitored, (own) => {
    try {
      own.send(to, message);
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
    }
    return null;
  });
}

/** Runs an actor once, after `delayMs`, also when the caller has ended then. */
export function applyAfter<M = unknown>(
  self: TimerOwner,
  delayMs: number,
  behaviour: Behaviour<M>,
): Timer {
  return startOnce(self, delayMs, (own) => void own.spawn(behaviour));
}

/**
 * Runs an actor every `periodMs`, whether or not the previous actor has ended:
 * if they take longer than a period, their number grows without limit. The
 * interval ends with the caller; actors that were started run on.
 */
export function applyInterval<M = unknown>(
  self: TimerOwner,
  periodMs: number,
  behaviour: Behaviour<M>,
): Timer {
  return startInterval(self, periodMs, [self.pid], (own) => {
    own.spawn(behaviour);
    return null;
  });
}

/**
 * Runs an actor every `periodMs`, but never two at a time. When an actor takes
 * longer than a period, the missed rounds follow one after the other. An actor
 * that crashes does not end the interval. The interval ends with the caller; an
 * actor that was started runs on.
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
  return startInterval(
    self,
    periodMs,
    [self.pid],
    (own) => own.spawnMonitor(behaviour).ref,
  );
}

/**
 * Sends an exit signal once, after `delayMs`, also when the caller has ended by
 * then. A name is a local one, and is looked up when the signal is sent.
 */
export function exitAfter(
  self: TimerOwner,
  delayMs: number,
  target: Pid<never> | string,
  reason: ExitReason,
): Timer {
  return startOnce(self, delayMs, (own) => {
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
 * Calls a function and measures how long it takes. If it returns a promise, the
 * time until that resolves counts. An error of the function is thrown to the
 * caller.
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
  const finish = (value: T): Timed<T> => {
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
  return value instanceof Promise ? value.then(finish, fail) : finish(value);
}

/** Seconds in milliseconds. */
export function seconds(count: number): number {
  return 1_000 * count;
}

/** Minutes in milliseconds. */
export function minutes(count: number): number {
  return 60_000 * count;
}

/** Hours in milliseconds. */
export function hours(count: number): number {
  return 3_600_000 * count;
}

/** Hours, minutes and seconds in milliseconds. */
export function hms(h: number, m: number, s: number): number {
  return hours(h) + minutes(m) + seconds(s);
}

function startOnce(
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
    monitored: [],
    act: (own) => {
      act(own);
      return null;
    },
  });
}

function startInterval(
  owner: TimerOwner,
  periodMs: number,
  monitored: Plan["monitored"],
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
    monitored,
    act,
  });
}

type Plan = {
  /** Time to the first round, and between rounds. */
  readonly spanMs: number;
  readonly repeats: boolean;
  /** Actors whose exit ends the timer. */
  readonly monitored: readonly (Pid<never> | string | NamedTarget)[];
  /**
   * Acts once. Returns the monitor of an actor that must have ended before the
   * next round, or null.
   */
  readonly act: (own: Self<unknown>) => Ref | null;
};

/** A timer's actor and its handle in one. */
class TimerActor implements Timer {
  readonly #plan: Plan;
  /** The actor's `self`; null until its first turn. */
  #own: Self<unknown> | null = null;
  /** Runs since the first turn of a timer that repeats; else null. */
  #clock: Clock | null = null;
  #isCancelled = false;
  /** Rounds that have been scheduled, the next one included. */
  #rounds = 0;
  /** The node's timer for the next round. */
  #nextRound: Ref | null = null;
  /** The monitor of the actor that must end before the next round. */
  #running: Ref | null = null;

  constructor(owner: TimerOwner, plan: Plan) {
    this.#plan = plan;
    owner.spawn(
      handler<this, unknown>(
        (own) => this.#start(own),
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

  #start(own: Self<unknown>): this {
    if (this.#isCancelled) own.exit(reasons.normal);
    this.#own = own;
    for (const target of this.#plan.monitored) own.monitor(target);
    if (this.#plan.repeats) this.#clock = new Clock(own);
    return this.#schedule(own);
  }

  #schedule(own: Self<unknown>): this {
    // Counted from the start and not from now, so that delays do not add up.
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
