/**
 * Deadlines of pending calls.
 *
 * Most calls have the same time limit, and nearly all are answered long before
 * it. A heap entry and a timer for each call would cost more than the call. So
 * calls with the same limit stand in one line, in the order in which they were
 * made and expire, and one timer is set for the head of the line.
 *
 * Most calls are answered within the turn of the event loop in which they were
 * made, and reading the clock for each would cost measurable time. So the time
 * of a call begins at the end of that turn. No call expires early.
 */

import type { Host } from "./ports.ts";
import { mustBeDelay, type Timer, type Timers } from "./timers.ts";

/** A call, or another wait, in a line. */
export interface Waiting {
  /** Clock time in ms; set at the end of the turn in which it was added. */
  deadline: number;
  /** Its line; null while it waits in none. */
  line: Line | null;
  before: Waiting | null;
  after: Waiting | null;
  /** Called at the deadline. It must leave its line then. */
  expire(): void;
}

/** Waits with the same limit, the oldest first. */
export type Line = {
  readonly limitMs: number;
  head: Waiting | null;
  tail: Waiting | null;
  /** The first one without a deadline; all after it have none either. */
  fresh: Waiting | null;
  /** Fires at the deadline of the head or before; null while none is set. */
  timer: Timer | null;
  /** Whether deadlines and timer will be set at the end of this turn. */
  willSetDeadlines: boolean;
};

export class CallDeadlines {
  readonly #host: Host;
  readonly #timers: Timers;
  readonly #lines = new Map<number, Line>();
  /** The line used last. */
  #last: Line | null = null;

  constructor(host: Host, timers: Timers) {
    this.#host = host;
    this.#timers = timers;
  }

  /** Calls `expire` after the limit; Infinity means no limit. */
  add(waiting: Waiting, limitMs: number): void {
    if (limitMs === Infinity) return;
    const line = this.#last?.limitMs === limitMs
      ? this.#last
      : this.#lineOf(limitMs);
    this.#last = line;
    waiting.line = line;
    waiting.before = line.tail;
    if (line.tail === null) line.head = waiting;
    else line.tail.after = waiting;
    line.tail = waiting;
    line.fresh ??= waiting;
    if (!line.willSetDeadlines) this.#settleSoon(line);
  }

  remove(waiting: Waiting): void {
    const { line, before, after } = waiting;
    if (line === null) return;
    waiting.line = waiting.before = waiting.after = null;
    if (line.fresh === waiting) line.fresh = after;
    if (before === null) line.head = after;
    else before.after = after;
    if (after === null) line.tail = before;
    else after.before = before;
    if (line.head === null && !line.willSetDeadlines) this.#settleSoon(line);
  }

  #lineOf(limitMs: number): Line {
    const known = this.#lines.get(limitMs);
    if (known !== undefined) return known;
    mustBeDelay(limitMs);
    const line: Line = {
      limitMs,
      head: null,
      tail: null,
      fresh: null,
      timer: null,
      willSetDeadlines: false,
    };
    this.#lines.set(limitMs, line);
    return line;
  }

  #settleSoon(line: Line): void {
    line.willSetDeadlines = true;
    this.#host.macrotask(() => {
      line.willSetDeadlines = false;
      this.#setDeadlines(line);
    });
  }

  /**
   * Gives each wait of a line its deadline, and sets or cancels the timer.
   */
  #setDeadlines(line: Line): void {
    if (line.head === null) {
      // A timer without a wait would keep an idle node alive.
      if (line.timer !== null) this.#timers.cancel(line.timer);
      line.timer = null;
      this.#lines.delete(line.limitMs);
      if (this.#last === line) this.#last = null;
      return;
    }
    const now = this.#host.now();
    for (; line.fresh !== null; line.fresh = line.fresh.after) {
      line.fresh.deadline = now + line.limitMs;
    }
    line.timer ??= this.#timers.set(
      Math.max(0, line.head.deadline - now),
      () => this.#fire(line),
    );
  }

  #fire(line: Line): void {
    line.timer = null;
    const now = this.#host.now();
    while (
      line.head !== null && line.head !== line.fresh &&
      line.head.deadline <= now
    ) line.head.expire();
    this.#setDeadlines(line);
  }
}
