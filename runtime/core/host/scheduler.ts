/**
 * The scheduler of one node: decides which actor goes on, and when the event
 * loop gets its turn.
 *
 * One run queue, first in first out. An actor's turn is bounded by a number of
 * messages (Erlang's reductions) that shrinks when messages are slow, a run of
 * turns by a slice of time; after it the event loop gets a macrotask, so that
 * sockets and timers live. JavaScript cannot be preempted: a single long turn
 * exceeds the slice.
 *
 * A slice is measured from the first wake-up in a macrotask and not from each
 * wake-up: otherwise actors that fall idle and wake each other through promises
 * would form an endless chain of microtasks, which starves timers and sockets.
 */

import type { Pid } from "../terms/terms.ts";
import type { Host, SteppedScheduler } from "./ports.ts";
import type { TurnTrace } from "./trace.ts";

/** What the scheduler runs. */
export interface Runnable {
  /** The actor whose turn it is. */
  readonly pid: Pid<unknown>;
  /**
   * Takes one turn of at most `budget` messages and returns how many it took.
   * A negative result means that the turn goes on in a microtask.
   */
  run(budget: number): number;
  /** Turns in a row that ended in a wait for messages; see `handOver`. */
  cleanTurns: number;
  /** Whether the scheduler waits for it to hand over. */
  owesTurn: boolean;
  /** Whether its turn consists of resolving a promise and nothing else. */
  readonly takesOver: boolean;
  /** What is left of the budget of its turn; negative when it took more. */
  readonly turnLeft: number;
  /** Its code runs, or waits for something that is no message. */
  readonly isBusy: boolean;
  /** What traces call it. */
  describe(): string;
}

export type SchedulerOptions = {
  /** Longest run without a macrotask, unless a single turn is longer. */
  readonly sliceMs: number;
  /** A turn of this length is reported. */
  readonly longTurnMs: number;
};

export const defaultSchedulerOptions: SchedulerOptions = {
  sliceMs: 2,
  longTurnMs: 100,
};

/**
 * Messages of one turn and between two looks at the clock, at most; a power of
 * two. A look costs as much as several messages on Node.js and Deno, but when
 * quick messages are followed by slow ones, so many of them go unnoticed. With
 * turns of half of that, a sender of 100 a turn outran its receiver.
 */
const MAX_UNITS_PER_CHECK = 128;
/** Turns after which an actor is trusted to hand over. */
const TURNS_OF_TRUST = 8;
/** As many more turns does it take after trust was broken. */
const TURNS_OF_DISTRUST = 100;
/** Actors that get a context of their own within a slice. */
const CONTEXTS_PER_SLICE = 64;
/** How long to run between two looks at the clock. */
const CHECK_EVERY_MS = 0.2;
/** Function actors resumed before their microtasks are let run. */
const RESUMES_PER_DRAIN = 16;

export class Scheduler implements SteppedScheduler {
  readonly #host: Host;
  readonly #options: SchedulerOptions;
  /** Somebody else decides who goes on; nothing wakes by itself then. */
  readonly isStepped: boolean;
  /** Actors whose turn went on in microtasks, when somebody else decides. */
  #inMicrotasks: Runnable[] = [];
  /** Ring buffer of runnable actors; its length is a power of two. */
  #queue: (Runnable | undefined)[] = new Array(64).fill(undefined);
  #head = 0;
  #count = 0;
  /** A macrotask is on its way, which ends the current slice. */
  #macrotaskPending = false;
  /** A microtask is on its way that will drain. */
  #drainPending = false;
  #draining = false;
  /** When the current slice ends; meaningful while a macrotask is pending. */
  #sliceEnd = 0;
  #sliceOver = false;
  /** Messages, received or sent, since the clock was read last. */
  #units = 0;
  /**
   * Function actors whose turn goes on in microtasks: the first
   * `#resumedCount`. Never shortened, since that would give its memory back.
   */
  readonly #resumed: Runnable[] = [];
  #resumedCount = 0;
  /**
   * Of these, how many are trusted and have not handed over yet; no drain is
   * on its way then.
   */
  #owed = 0;
  #unitsPerCheck = 1;
  #lastCheck = 0;
  #flushWanted = false;
  #contextsLeft = CONTEXTS_PER_SLICE;
  /** Called at the end of a drain if output was announced by `poke`. */
  #afterDrain: () => void = () => {};
  #reportLongTurn: (ms: number, actors: readonly Runnable[]) => void = () => {};
  /** Whose turns came since the clock was read last; a ring. */
  readonly #recent: Runnable[] = [];
  #recentCount = 0;
  /** Is told of each turn; null: nothing is. */
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

  /** Actors waiting for their turn. */
  get runnable(): number {
    return this.#count;
  }

  onDrained(callback: () => void): void {
    this.#afterDrain = callback;
  }

  /**
   * Called with the actors of which one took a turn that was too long. The
   * clock is not read for every turn: the first time there may be several
   * candidates, but slow turns make it be read more often.
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
   * Whether an actor may be given an async context of its own, which tells
   * whose a floating rejection is. One costs as much as several spawns (half a
   * microsecond on Node.js, two on Deno), so of a crowd of actors that are
   * started at once only the first get theirs at the start.
   */
  mayAttribute(): boolean {
    return --this.#contextsLeft >= 0;
  }

  /** Asks for a flush of output at the end of the present drain, or soon. */
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
    this.turnTrace?.begin(actor.pid);
    if (actor.run(1) < 0) this.#inMicrotasks.push(actor);
    else this.turnTrace?.end(actor.pid);
    return name;
  }

  /** An actor's turn goes on that waited for the node itself. */
  goesOn(actor: Runnable): void {
    if (this.isStepped) this.#inMicrotasks.push(actor);
  }

  /**
   * The actor's turn has ended in a wait for messages, or with its end. When
   * all that were resumed have come here, the next turn begins. If that only
   * needs a promise resolved, it is done here and now: this saves the microtask
   * of a drain, a quarter of the cost of a message between function actors.
   *
   * It takes trust, as nobody else is there to go on when an actor waits for
   * something foreign instead: then everyone waits for the next macrotask. So
   * only actors whose last turns all ended here are waited for.
   */
  handOver(actor: Runnable): void {
    if (this.turnTrace !== null) this.turnTrace.end(actor.pid);
    actor.cleanTurns++;
    if (!actor.owesTurn) return;
    actor.owesTurn = false;
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
      if (this.turnTrace !== null) this.turnTrace.begin(next.pid);
      if (next.run(this.#unitsPerCheck) < 0) {
        this.#resumed[0] = next;
        this.#resumedCount = 1;
        this.#goOn();
        return;
      }
    }
    this.#host.microtask(this.#drain);
  }

  /** Once the resumed actors have gone on in their microtasks. */
  #goOn(): void {
    this.#drainPending = true;
    for (let i = 0; i < this.#resumedCount; i++) {
      if ((this.#resumed[i] as Runnable).cleanTurns >= TURNS_OF_TRUST) continue;
      // Those that are not trusted may be done after their first microtask.
      this.#host.microtask(this.#drain);
      return;
    }
    this.#owed = this.#resumedCount;
    for (let i = 0; i < this.#owed; i++) {
      (this.#resumed[i] as Runnable).owesTurn = true;
    }
  }

  /** Actors that were trusted wait for something foreign. */
  #breakTrust(): void {
    for (let i = 0; i < this.#resumedCount; i++) {
      const actor = this.#resumed[i] as Runnable;
      if (!actor.owesTurn) continue;
      actor.owesTurn = false;
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
    // What came before the slice was not the actors' time.
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
        // Who sits out a turn does so once while the others have theirs.
        if (actor === satOut && resumed > 0) break;
        this.#queue[this.#head] = undefined;
        this.#head = (this.#head + 1) & (this.#queue.length - 1);
        this.#count--;
        this.turns++;
        this.#recent[this.#recentCount++ & (MAX_UNITS_PER_CHECK - 1)] = actor;
        if (this.turnTrace !== null) this.turnTrace.begin(actor.pid);
        const used = actor.run(grant);
        if (used < 0) {
          this.#resumed[resumed++] = actor;
          if (resumed >= mostResumed) break;
        } else {
          this.#units += used + 1;
          if (this.turnTrace !== null) this.turnTrace.end(actor.pid);
          if (used === 0) satOut ??= actor;
          // With actors resumed, the clock tells more once they have gone on.
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
      // Where a turn has thrown, which none should, the others still go on.
      if (this.#count > 0 && !this.#drainPending) this.#wake();
    }
  }

  #afterRun(): void {
    if (this.#resumedCount > 0 && !this.#sliceOver) {
      this.#goOn();
      return;
    }
    // Nobody is left to make the clock be read, so a long turn is seen now.
    if (this.#recentCount > 0 && !this.#sliceOver) this.#isSliceOver();
    if (this.#flushWanted) this.#flush();
  }

  /** What the actors that were resumed last have done in their microtasks. */
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

  /** Looks at the clock, and adapts how often to look: about every 0.2 ms. */
  #isSliceOver(): boolean {
    const now = this.#host.now();
    const elapsed = now - this.#lastCheck;
    this.#lastCheck = now;
    // Slow messages are learned from at once, quick ones with caution.
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
