/**
 * The scheduler of one node. It decides which actor takes the next turn, and
 * when the event loop gets control.
 *
 * There is one run queue, first in first out. A turn of an actor is limited to a
 * number of messages (Erlang's reductions), which is smaller when messages take
 * longer. A run of turns is limited by a slice of time. After the slice the
 * event loop gets a macrotask, so that sockets and timers are served. JavaScript
 * cannot be preempted: a single long turn exceeds the slice.
 *
 * A slice is measured from the first wake-up in a macrotask and not from each
 * wake-up. Otherwise actors that become idle and wake each other through
 * promises would form an endless chain of microtasks, which starves timers and
 * sockets.
 *
 * States. The scheduler is in one of these; a field says in which:
 *
 * 1. Idle: the queue is empty, nothing is pending.
 * 2. Woken: `#drainPending` is set and `#owed` is 0. A microtask will call
 *    `#drainQueue`.
 * 3. Draining: `#drainQueue` runs and gives turns.
 * 4. Handing over: `#owed > 0`. Function actors whose turn goes on in microtasks
 *    were resumed, and that many trusted ones have not come to `handOver`.
 *    `#drainPending` is set, so that no message wakes the scheduler, but there
 *    is no microtask: the last `handOver` makes it.
 * 5. Slice over: `#sliceOver` is set, since the time of `#sliceEnd` was reached.
 *    No turn is given until the macrotask.
 *
 * Races, and why each is harmless:
 *
 * 1. A message arrives in state 4. The actor is queued, and nothing is woken:
 *    the last `handOver`, or the macrotask, goes on with the queue.
 * 2. A trusted actor never hands over, since it awaits a promise that is not the
 *    node's. The macrotask, which every slice has, finds `#owed > 0`, takes the
 *    trust from these actors (`#breakTrust`) and drains.
 * 3. An actor ends while it owes its turn. `endActor` calls `handOver` for it.
 * 4. An actor that has lost its trust hands over late. `turn` is `TURN_ENDED`, so
 *    the call only counts its clean turns.
 * 5. `handOver` resumes the next actor within its own call (`takesOver`). The
 *    turn is counted as one of a drain, so the slice and the clock hold.
 */

import type { Pid } from "../terms/terms.ts";
import type { Host, SteppedScheduler } from "./ports.ts";
import type { TurnTrace } from "./trace.ts";

/** Neither of the others. An actor without trust may still be in its turn. */
export const TURN_ENDED = 0;
/** Set by `run` alone: the turn goes on in microtasks. Read right after it. */
export const TURN_GOES_ON = 1;
/** It is one of the `#owed`: the scheduler waits for its `handOver`. */
export const TURN_OWED = 2;

/** What the scheduler gives turns to: an actor, or a call that concludes. */
export interface Runnable {
  /** The actor whose turn it is. */
  readonly pid: Pid<unknown>;
  /**
   * Takes one turn of at most `budget` messages. Returns how many it took. When
   * the turn goes on in microtasks, it has set `turn` to `TURN_GOES_ON`; then
   * `turnLeft` tells how many messages are left when the turn ends.
   */
  run(budget: number): number;
  /** `TURN_ENDED`, `TURN_GOES_ON` or `TURN_OWED`. */
  turn: number;
  /**
   * Turns in a row that ended in a wait for messages; see `handOver`.
   * Negative after trust was broken.
   */
  cleanTurns: number;
  /** Whether its turn only resolves a promise. */
  readonly takesOver: boolean;
  /** Messages left of the budget of its turn; negative when it took more. */
  readonly turnLeft: number;
  /** Whether its code runs, or awaits a promise that is not of a message. */
  readonly isBusy: boolean;
  /** Its name in traces. */
  describe(): string;
}

export type SchedulerOptions = {
  /** Longest run without a macrotask, unless a single turn is longer. */
  readonly sliceMs: number;
  /** Turns of this length and longer are reported. */
  readonly longTurnMs: number;
};

export const defaultSchedulerOptions: SchedulerOptions = {
  sliceMs: 2,
  longTurnMs: 100,
};

/**
 * Limit of messages of one turn, and between two reads of the clock; a power of
 * two. A read costs as much as several messages on Node.js and Deno. But when
 * slow messages follow quick ones, so many of them can pass before the clock is
 * read. With half of this limit, a sender of 100 messages a turn outran its
 * receiver.
 */
const MAX_UNITS_PER_CHECK = 128;
/** Clean turns after which an actor is trusted to hand over. */
const TURNS_OF_TRUST = 8;
/** Additional clean turns that it takes after trust was broken. */
const TURNS_OF_DISTRUST = 100;
/** Limit of actors that get an async context within one slice. */
const CONTEXTS_PER_SLICE = 64;
/** Time between two reads of the clock that the grant is adapted to. */
const CHECK_EVERY_MS = 0.2;
/** Function actors that are resumed before their microtasks run. */
const RESUMES_PER_DRAIN = 16;

export class Scheduler implements SteppedScheduler {
  readonly #host: Host;
  readonly #options: SchedulerOptions;
  /** Whether a simulator decides; then nothing wakes up by itself. */
  readonly isStepped: boolean;
  /** Stepped only: actors whose turn went on in microtasks in this step. */
  #inMicrotasks: Runnable[] = [];
  /**
   * Ring buffer of the `#count` runnable actors from `#head` on; its length is
   * a power of two.
   */
  #queue: (Runnable | undefined)[] = new Array(64).fill(undefined);
  #head = 0;
  #count = 0;
  /** Whether a macrotask is pending, which ends the current slice. */
  #macrotaskPending = false;
  /** Whether a microtask is pending that will drain the queue. */
  #drainPending = false;
  #draining = false;
  /** When the current slice ends; meaningful while a macrotask is pending. */
  #sliceEnd = 0;
  #sliceOver = false;
  /** Messages, received or sent, since the clock was read last. */
  #units = 0;
  /**
   * Function actors whose turn goes on in microtasks: the first `#resumedCount`
   * entries. The array is never shortened, so that its memory is kept.
   */
  readonly #resumed: Runnable[] = [];
  #resumedCount = 0;
  /**
   * How many of these are trusted and have not handed over. While it is above
   * 0, no microtask will drain, although `#drainPending` is set.
   */
  #owed = 0;
  #unitsPerCheck = 1;
  #lastCheck = 0;
  #flushWanted = false;
  #contextsLeft = CONTEXTS_PER_SLICE;
  /** Writes output; called at the end of a drain after a `poke`. */
  #afterDrain: () => void = () => {};
  #reportLongTurn: (ms: number, actors: readonly Runnable[]) => void = () => {};
  /** Ring of the actors that took the last turns since the clock was read. */
  readonly #recent: Runnable[] = [];
  #recentCount = 0;
  /** Reports each turn to a trace; null on a node without a trace. */
  readonly turnTrace: TurnTrace | null;
  /** Turns taken since the start. */
  turns = 0;

  readonly #drain: () => void = () => this.#drainQueue();
  readonly #macrotask: () => void = () => this.#onMacrotask();

  constructor(
    host: Host,
    options: Partial<SchedulerOptions> = {},
    turnTrace: TurnTrace | null = null,
  ) {
    this.#host = host;
    this.turnTrace = turnTrace;
    this.#options = { ...defaultSchedulerOptions, ...options };
    this.isStepped = host.stepped !== undefined;
    host.stepped?.(this);
  }

  /** Number of actors that wait for their turn. */
  get runnable(): number {
    return this.#count;
  }

  onDrained(callback: () => void): void {
    this.#afterDrain = callback;
  }

  /**
   * Sets the function that is called after a turn that was too long. The clock
   * is not read for each turn, so the first time it gets several candidates.
   * After slow turns the clock is read more often.
   */
  onLongTurn(
    callback: (ms: number, actors: readonly Runnable[]) => void,
  ): void {
    this.#reportLongTurn = callback;
  }

  enqueue(actor: Runnable): void {
    const queue = this.#queue;
    if (this.#count === queue.length) this.#grow();
    const mask = this.#queue.length - 1;
    this.#queue[(this.#head + this.#count) & mask] = actor;
    this.#count++;
    if (!this.#draining && !this.#drainPending) this.#wake();
  }

  /**
   * Whether an actor may get an async context of its own, by which a floating
   * rejection is traced to it. A context costs as much as several spawns (half a
   * microsecond on Node.js, two on Deno). So when many actors are started at
   * once, only the first get their context at the start.
   */
  mayAttribute(): boolean {
    return --this.#contextsLeft >= 0;
  }

  /** Requests a flush of output at the end of this drain, or soon. */
  poke(): void {
    this.#flushWanted = true;
    if (!this.#draining && !this.#drainPending) this.#wake();
  }

  step(index: number): string {
    const queue = this.#queue;
    const mask = queue.length - 1;
    const at = (i: number) => (this.#head + i) & mask;
    const actor = queue[at(index)] as Runnable;
    for (let i = index; i > 0; i--) queue[at(i)] = queue[at(i - 1)];
    queue[this.#head] = undefined;
    this.#head = (this.#head + 1) & mask;
    this.#count--;
    this.turns++;
    const name = actor.describe();
    this.turnTrace?.beginTurn(actor.pid);
    actor.run(1);
    if (actor.turn === TURN_GOES_ON) this.goesOn(actor);
    else this.turnTrace?.endTurn(actor.pid);
    actor.turn = TURN_ENDED;
    return name;
  }

  /** The turn of an actor that waited for the node itself goes on. */
  goesOn(actor: Runnable): void {
    if (this.isStepped) this.#inMicrotasks.push(actor);
  }

  /**
   * The turn of the actor has ended: it waits for messages, or it has ended.
   * When all resumed actors have come here, the next turn begins. If that turn
   * only resolves a promise, this happens at once. It saves the microtask of a
   * drain, a quarter of the cost of a message between function actors.
   *
   * This needs trust: when an actor awaits a promise that is not the node's
   * instead of handing over, all actors wait until the next macrotask. So the
   * scheduler waits only for actors whose last turns all ended here.
   */
  handOver(actor: Runnable): void {
    if (this.turnTrace !== null) this.turnTrace.endTurn(actor.pid);
    actor.cleanTurns++;
    if (actor.turn !== TURN_OWED) return;
    actor.turn = TURN_ENDED;
    if (--this.#owed > 0) return;
    this.#countResumed();
    const next = this.#queue[this.#head];
    if (
      next !== undefined && next.takesOver && !this.#flushWanted &&
      this.#units < this.#unitsPerCheck
    ) {
      this.#queue[this.#head] = undefined;
      this.#head = (this.#head + 1) & (this.#queue.length - 1);
      this.#count--;
      this.turns++;
      this.#recent[this.#recentCount++ & (MAX_UNITS_PER_CHECK - 1)] = next;
      if (this.turnTrace !== null) this.turnTrace.beginTurn(next.pid);
      next.run(this.#unitsPerCheck);
      if (next.turn === TURN_GOES_ON) {
        next.turn = TURN_ENDED;
        this.#resumed[0] = next;
        this.#resumedCount = 1;
        this.#goOn();
        return;
      }
    }
    this.#host.microtask(this.#drain);
  }

  /** Called once the resumed actors have run in their microtasks. */
  #goOn(): void {
    this.#drainPending = true;
    for (let i = 0; i < this.#resumedCount; i++) {
      if ((this.#resumed[i] as Runnable).cleanTurns >= TURNS_OF_TRUST) continue;
      // Actors without trust may be done after their first microtask.
      this.#host.microtask(this.#drain);
      return;
    }
    this.#owed = this.#resumedCount;
    for (let i = 0; i < this.#owed; i++) {
      (this.#resumed[i] as Runnable).turn = TURN_OWED;
    }
  }

  /** Trusted actors have not handed over: they lose their trust. */
  #breakTrust(): void {
    for (let i = 0; i < this.#resumedCount; i++) {
      const actor = this.#resumed[i] as Runnable;
      if (actor.turn !== TURN_OWED) continue;
      actor.turn = TURN_ENDED;
      actor.cleanTurns = -TURNS_OF_DISTRUST;
    }
    this.#owed = 0;
    this.#drainPending = false;
  }

  flush(): void {
    if (this.#flushWanted) this.#flush();
  }

  foreignWait(): string | null {
    this.#inMicrotasks = this.#inMicrotasks.filter((actor) => actor.isBusy);
    return this.#inMicrotasks[0]?.describe() ?? null;
  }

  #wake(): void {
    if (this.isStepped) return;
    if (!this.#macrotaskPending) {
      this.#startSlice();
    } else if (this.#sliceOver) {
      return;
    }
    this.#drainPending = true;
    this.#host.microtask(this.#drain);
  }

  #startSlice(): void {
    this.#macrotaskPending = true;
    this.#sliceOver = false;
    this.#lastCheck = this.#host.now();
    // Turns before this slice do not count as time of these actors.
    this.#recentCount = 0;
    this.#contextsLeft = CONTEXTS_PER_SLICE;
    this.#sliceEnd = this.#lastCheck + this.#options.sliceMs;
    this.#host.macrotask(this.#macrotask);
  }

  #onMacrotask(): void {
    this.#macrotaskPending = false;
    this.#sliceOver = false;
    if (this.#owed > 0) this.#breakTrust();
    if (this.#drainPending) return;
    if (this.#count === 0) {
      if (this.#flushWanted) this.#flush();
      return;
    }
    this.#startSlice();
    this.#drainQueue();
  }

  #drainQueue(): void {
    this.#drainPending = false;
    if (this.#sliceOver) return;
    this.#countResumed();
    const grant = this.#unitsPerCheck;
    if (this.#units >= this.#unitsPerCheck && this.#isSliceOver()) {
      if (this.#flushWanted) this.#flush();
      return;
    }
    this.#draining = true;
    let resumed = 0;
    const mostResumed = Math.min(RESUMES_PER_DRAIN, grant);
    let satOut: Runnable | null = null;
    try {
      while (this.#count > 0) {
        const actor = this.#queue[this.#head] as Runnable;
        // An actor that took no message waits until the others had their turns.
        if (actor === satOut && resumed > 0) break;
        this.#queue[this.#head] = undefined;
        this.#head = (this.#head + 1) & (this.#queue.length - 1);
        this.#count--;
        this.turns++;
        this.#recent[this.#recentCount++ & (MAX_UNITS_PER_CHECK - 1)] = actor;
        if (this.turnTrace !== null) this.turnTrace.beginTurn(actor.pid);
        const used = actor.run(grant);
        if (actor.turn === TURN_GOES_ON) {
          actor.turn = TURN_ENDED;
          this.#resumed[resumed++] = actor;
          if (resumed >= mostResumed) break;
        } else {
          this.#units += used + 1;
          if (this.turnTrace !== null) this.turnTrace.endTurn(actor.pid);
          if (used === 0) satOut ??= actor;
          // While actors are resumed, the clock is read after their microtasks.
          if (
            this.#units >= this.#unitsPerCheck &&
            (resumed > 0 || this.#isSliceOver())
          ) break;
        }
      }
    } finally {
      this.#draining = false;
      this.#resumedCount = resumed;
      this.#afterRun();
      // If a turn has thrown, which none should, the other actors go on.
      if (this.#count > 0 && !this.#drainPending) this.#wake();
    }
  }

  #afterRun(): void {
    if (this.#resumedCount > 0 && !this.#sliceOver) {
      this.#goOn();
      return;
    }
    // No turn follows that would read the clock, so a long turn is found now.
    if (this.#recentCount > 0 && !this.#sliceOver) this.#isSliceOver();
    if (this.#flushWanted) this.#flush();
  }

  /** Counts the messages that the resumed actors took in their microtasks. */
  #countResumed(): void {
    const grant = this.#unitsPerCheck;
    for (let i = 0; i < this.#resumedCount; i++) {
      const actor = this.#resumed[i] as Runnable;
      this.#units += Math.max(1, grant - actor.turnLeft) + 1;
    }
    this.#resumedCount = 0;
  }

  #flush(): void {
    this.#flushWanted = false;
    this.#afterDrain();
  }

  /** Reads the clock, and adapts how often it is read: about every 0.2 ms. */
  #isSliceOver(): boolean {
    const now = this.#host.now();
    const elapsed = now - this.#lastCheck;
    this.#lastCheck = now;
    // The grant shrinks at once after slow messages, and grows slowly.
    const fitting = CHECK_EVERY_MS * Math.max(1, this.#units) / elapsed;
    this.#unitsPerCheck = Math.max(
      1,
      Math.min(
        MAX_UNITS_PER_CHECK,
        this.#unitsPerCheck * 2,
        Math.floor(fitting),
      ),
    );
    this.#units = 0;
    if (elapsed >= this.#options.longTurnMs) this.#longTurn(elapsed);
    this.#recentCount = 0;
    this.#sliceOver = now >= this.#sliceEnd;
    return this.#sliceOver;
  }

  #longTurn(elapsed: number): void {
    const count = Math.min(this.#recentCount, MAX_UNITS_PER_CHECK);
    const suspects = [...new Set(this.#recent.slice(0, count))];
    if (suspects.length > 0) this.#reportLongTurn(elapsed, suspects);
  }

  #grow(): void {
    const old = this.#queue;
    const grown: (Runnable | undefined)[] = new Array(old.length * 2).fill(
      undefined,
    );
    for (let i = 0; i < this.#count; i++) {
      grown[i] = old[(this.#head + i) & (old.length - 1)];
    }
    this.#queue = grown;
    this.#head = 0;
  }
}
