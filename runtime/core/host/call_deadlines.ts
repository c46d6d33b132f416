/**
 * Deadlines of pending calls.
 *
 * Most calls have the same time limit and nearly all are answered long before,
 * so a heap entry and a timer for each would cost more than the call. Calls of
 * one limit expire in the order in which they were made: they stand in a line,
 * and one timer watches over its head. Most are even answered in the turn of
 * the event loop in which they were made, and to look at the clock for each is
 * felt: so their time begins at the end of that turn. None expires early.
 */

import type { Host } from "./ports.ts";
import { mustBeDelay, type Timer, type Timers } from "./timers.ts";

/** What waits in a line. */
export interface Waiting {
  /** Clock time in ms, once the turn is over in which it came. */
  deadline: number;
  /** Null when it waits in none. */
  line: Line | null;
  before: Waiting | null;
  after: Waiting | null;
  /** Its time is over. It must leave its line. */
  expire(): void;
}

/** Those that wait equally long, the oldest first. */
export type Line = {
  readonly limitMs: number;
  head: Waiting | null;
  tail: Waiting | null;
  /** The first that has no deadline yet; so have all after it. */
  fresh: Waiting | null;
  /** Fires at the head's deadline or before; null while there is none. */
  timer: Timer | null;
  /** Whether it will be looked at when the turn is over. */
  willSettle: boolean;
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

  /** Has `expire` called after the limit; Infinity is none. */
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
    if (!line.willSettle) this.#settleSoon(line);
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
    if (line.head === null && !line.willSettle) this.#settleSoon(line);
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
      willSettle: false,
    };
    this.#lines.set(limitMs, line);
    return line;
  }

  #settleSoon(line: Line): void {
    line.willSettle = true;
    this.#host.macrotask(() => {
      line.willSettle = false;
      this.#settle(line);
    });
  }

  /**
   * Sees to it that what waits has a deadline, and the line a timer or none.
   */
  #settle(line: Line): void {
    if (line.head === null) {
      // A timer that nobody waits for would keep an idle node alive.
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
    this.#settle(line);
  }
}
