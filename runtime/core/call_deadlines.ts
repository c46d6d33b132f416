/**
 * Deadlines of pending calls.
 *
 * Most calls have the same time limit and nearly all are answered long before,
 * so a heap entry and a timer for each would cost more than the call. Calls of
 * one limit expire in the order in which they were made: they stand in a line,
 * and one timer watches over its head.
 */

import type { Host } from "./ports.ts";
import { mustBeDelay, type Timer, type Timers } from "./timers.ts";

/** What waits in a line. */
export interface Waiting {
  /** Clock time in ms; meaningless without a line. */
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
  /** Fires at the head's deadline or before; null only while it is empty. */
  timer: Timer | null;
  /** Whether it will be looked at, since it was empty, at the turn's end. */
  willClose: boolean;
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
    waiting.deadline = this.#host.now() + limitMs;
    waiting.line = line;
    waiting.before = line.tail;
    if (line.tail === null) line.head = waiting;
    else line.tail.after = waiting;
    line.tail = waiting;
    line.timer ??= this.#timers.set(limitMs, () => this.#fire(line));
  }

  remove(waiting: Waiting): void {
    const { line, before, after } = waiting;
    if (line === null) return;
    waiting.line = waiting.before = waiting.after = null;
    if (before === null) line.head = after;
    else before.after = after;
    if (after === null) line.tail = before;
    else after.before = before;
    if (line.head === null && !line.willClose) this.#closeSoon(line);
  }

  #lineOf(limitMs: number): Line {
    const known = this.#lines.get(limitMs);
    if (known !== undefined) return known;
    mustBeDelay(limitMs);
    const line: Line = {
      limitMs,
      head: null,
      tail: null,
      timer: null,
      willClose: false,
    };
    this.#lines.set(limitMs, line);
    return line;
  }

  /**
   * A timer that nobody waits for must not keep an idle node alive. But one
   * call mostly follows another, so it stays until the end of the turn.
   */
  #closeSoon(line: Line): void {
    line.willClose = true;
    this.#host.macrotask(() => {
      line.willClose = false;
      if (line.head !== null) return;
      if (line.timer !== null) this.#timers.cancel(line.timer);
      line.timer = null;
      this.#lines.delete(line.limitMs);
      if (this.#last === line) this.#last = null;
    });
  }

  #fire(line: Line): void {
    line.timer = null;
    const now = this.#host.now();
    while (line.head !== null && line.head.deadline <= now) line.head.expire();
    if (line.head === null) return;
    line.timer = this.#timers.set(
      Math.max(0, line.head.deadline - now),
      () => this.#fire(line),
    );
  }
}
