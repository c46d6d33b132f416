/**
 * Timers of one node: a binary heap over a single platform timer.
 *
 * Setting and cancelling cost O(log n), and a call of the platform only when the
 * earliest deadline changes. A timer never fires early. Delays above the limit
 * of platforms (2^31 - 1 ms) are chained.
 */

import type { Host, TimerHandle } from "./ports.ts";
import { UsageError } from "../messages/errors.ts";
import { printTerm } from "../terms/terms.ts";

/** One armed timer. `index` is -1 once it has fired or was cancelled. */
export type Timer = {
  deadline: number;
  /** Order of setting, which breaks ties between equal deadlines. */
  order: number;
  index: number;
  fire: () => void;
};

const LONGEST_PLATFORM_DELAY_MS = 2_147_483_647;

export class Timers {
  readonly #host: Host;
  /** Binary heap by (deadline, order); `heap[i].index === i`. */
  readonly #heap: Timer[] = [];
  #order = 0;
  #platformTimer: TimerHandle | null = null;
  /** When the platform timer fires; infinite when there is none. */
  #platformDeadline = Infinity;
  #willDisarm = false;

  constructor(host: Host) {
    this.#host = host;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Runs `fire` once, not earlier than `delayMs` from now; Infinity: never. */
  set(delayMs: number, fire: () => void): Timer {
    if (delayMs !== Infinity) mustBeDelay(delayMs);
    const timer: Timer = {
      deadline: this.#host.now() + delayMs,
      order: this.#order++,
      index: this.#heap.length,
      fire,
    };
    this.#heap.push(timer);
    this.#up(timer);
    if (timer.index === 0) this.#arm();
    return timer;
  }

  /**
   * Milliseconds that were left, or null when it has fired or was cancelled.
   */
  cancel(timer: Timer): number | null {
    if (timer.index < 0) return null;
    const left = Math.max(0, timer.deadline - this.#host.now());
    this.#remove(timer);
    if (this.#heap.length === 0) this.#disarmSoon();
    return left;
  }

  /**
   * A timer without a purpose must not keep an idle node alive. But each call
   * sets and cancels a timer, and a platform timer costs more than a call. So
   * the platform timer stays armed until the end of the turn.
   */
  #disarmSoon(): void {
    if (this.#willDisarm) return;
    this.#willDisarm = true;
    this.#host.macrotask(() => {
      this.#willDisarm = false;
      if (this.#heap.length === 0) this.#disarm();
    });
  }

  /** Milliseconds left, or null when it has fired or was cancelled. */
  read(timer: Timer): number | null {
    if (timer.index < 0) return null;
    return Math.max(0, timer.deadline - this.#host.now());
  }

  /** Drops every timer without firing it. */
  clear(): void {
    for (const timer of this.#heap) timer.index = -1;
    this.#heap.length = 0;
    this.#disarm();
  }

  #expire(): void {
    this.#platformTimer = null;
    this.#platformDeadline = Infinity;
    const now = this.#host.now();
    // Timers that a fired one sets with delay 0 wait for the next round.
    const lastOrder = this.#order;
    for (;;) {
      const first = this.#heap[0];
      if (
        first === undefined || first.deadline > now || first.order >= lastOrder
      ) break;
      this.#remove(first);
      first.fire();
    }
    if (this.#heap.length > 0) this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.deadline >= this.#platformDeadline) return;
    this.#disarm();
    const delay = Math.min(
      Math.max(0, first.deadline - this.#host.now()),
      LONGEST_PLATFORM_DELAY_MS,
    );
    this.#platformDeadline = first.deadline;
    // Rounded up: platforms cut off the fraction, and would fire early.
    this.#platformTimer = this.#host.setTimer(
      () => this.#expire(),
      Math.ceil(delay),
    );
  }

  #disarm(): void {
    if (this.#platformTimer !== null) {
      this.#host.clearTimer(this.#platformTimer);
    }
    this.#platformTimer = null;
    this.#platformDeadline = Infinity;
  }

  #remove(timer: Timer): void {
    const heap = this.#heap;
    const index = timer.index;
    timer.index = -1;
    const last = heap.pop() as Timer;
    if (last === timer) return;
    last.index = index;
    heap[index] = last;
    this.#up(last);
    this.#down(last);
  }

  #up(timer: Timer): void {
    const heap = this.#heap;
    let index = timer.index;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Timer;
      if (!earlier(timer, parent)) break;
      heap[index] = parent;
      parent.index = index;
      index = above;
    }
    heap[index] = timer;
    timer.index = index;
  }

  #down(timer: Timer): void {
    const heap = this.#heap;
    let index = timer.index;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && earlier(right, heap[below] as Timer)) below++;
      const child = heap[below] as Timer;
      if (!earlier(child, timer)) break;
      heap[index] = child;
      child.index = index;
      index = below;
    }
    heap[index] = timer;
    timer.index = index;
  }
}

/** Throws `UsageError` for a value that is no delay. */
export function mustBeDelay(delayMs: number): void {
  if (typeof delayMs === "number" && delayMs >= 0 && delayMs !== Infinity) {
    return;
  }
  throw new UsageError(
    `expected a delay in ms of 0 or more, got ${printTerm(delayMs)}`,
  );
}

function earlier(a: Timer, b: Timer): boolean {
  return a.deadline < b.deadline ||
    (a.deadline === b.deadline && a.order < b.order);
}
