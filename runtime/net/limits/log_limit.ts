/**
 * Limits log lines that clients without the cookie, or nodes with another one,
 * can cause: however many connections they make, the log stays readable and its
 * disk is not filled.
 *
 * Lines of one kind about one source are written in full up to a number, in a
 * window of ten seconds. Further ones are counted, and at the end of the window
 * one line sums them up. The number of sources is limited too: those that find
 * no room are counted together.
 */

import type { Host, LogLevel, TimerHandle } from "../../core/host/ports.ts";

/** A log line that may be repeated without end. */
export type RepeatableLine = {
  readonly level: LogLevel;
  /** Lines of the same kind count as the same. One of a fixed set of words. */
  readonly kind: string;
  /** The address or node that causes it, as it ends a phrase: `from 127.0.0.1`, `with a@host`. */
  readonly source: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
};

/** Settings of a `LogLimit`. */
export type LogLimitOptions = {
  readonly host: Pick<Host, "now" | "setTimer" | "clearTimer" | "logs">;
  /** Writes a line. */
  readonly log: (
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>> | undefined,
  ) => void;
  /** Lines of one kind and source that are written in a window. Default 5. */
  readonly burst?: number;
};

/** Length of a window. */
export const LOG_WINDOW_MS = 10_000;

/** Default of `burst`. */
export const LOG_BURST = 5;

/** Windows at a time; further sources of a kind share one window. */
const MAX_WINDOWS = 256;

/** Kinds are few and fixed, so this many windows are added at most. */
const OTHERS = "from other sources";

type Window = {
  readonly source: string;
  /** When the window ends, in ms of the host's clock. */
  readonly end: number;
  /** Lines that were written; at most the burst. */
  written: number;
  /** Lines that were not written. */
  held: number;
  /** The newest line that was not written. */
  last: RepeatableLine | null;
};

export class LogLimit {
  readonly #options: LogLimitOptions;
  /** Open windows by kind and source, in the order in which they end. */
  readonly #windows = new Map<string, Window>();
  /** Set while a window holds lines back, for the end of the first of these. */
  #timer: TimerHandle | null = null;
  /** Set by `close`: no timer is set after that. */
  #isClosed = false;

  constructor(options: LogLimitOptions) {
    this.#options = options;
  }

  /** Writes the line now, or counts it for the summary of its window. */
  log(line: RepeatableLine): void {
    const { host, log, burst = LOG_BURST } = this.#options;
    // A line that no log uses must not set a timer.
    if (host.logs?.(line.level) === false) return;
    const window = this.#windowOf(line);
    if (window.written < burst) {
      window.written++;
      log(line.level, line.message, line.fields);
      return;
    }
    window.held++;
    window.last = line;
    if (this.#timer === null && !this.#isClosed) this.#arm(window.end);
  }

  /** Writes all summaries that are due later. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) this.#options.host.clearTimer(this.#timer);
    this.#timer = null;
    this.#closeWindows(Infinity);
  }

  #windowOf(line: RepeatableLine): Window {
    const now = this.#options.host.now();
    const id = `${line.level} ${line.kind} `;
    let { source } = line;
    let window = this.#windows.get(id + source);
    if (window === undefined && this.#windows.size >= MAX_WINDOWS) {
      this.#closeWindows(now);
      if (this.#windows.size >= MAX_WINDOWS) {
        source = OTHERS;
        window = this.#windows.get(id + source);
      }
    }
    if (window !== undefined && window.end > now) return window;
    // Moved to the end, so that the order is that of the ends.
    if (window !== undefined) this.#closeWindow(id + source, window);
    const end = now + LOG_WINDOW_MS;
    const fresh: Window = { source, end, written: 0, held: 0, last: null };
    this.#windows.set(id + source, fresh);
    return fresh;
  }

  /** Closes the windows that end at `now` or earlier. */
  #closeWindows(now: number): void {
    for (const [id, window] of this.#windows) {
      if (window.end > now) return;
      this.#closeWindow(id, window);
    }
  }

  #closeWindow(id: string, window: Window): void {
    this.#windows.delete(id);
    const { held, last, source } = window;
    if (last === null) return;
    const { log } = this.#options;
    if (held === 1) {
      log(last.level, last.message, last.fields);
      return;
    }
    log(
      last.level,
      `… and ${grouped(held)} more of the same ${source} in the last ` +
        `${LOG_WINDOW_MS / 1_000} s; the newest: ${last.message}`,
      { ...last.fields, count: held },
    );
  }

  #arm(end: number): void {
    const { host } = this.#options;
    const delay = Math.max(0, Math.ceil(end - host.now()));
    this.#timer = host.setTimer(() => {
      this.#timer = null;
      this.#closeWindows(host.now());
      for (const window of this.#windows.values()) {
        if (window.held === 0) continue;
        if (!this.#isClosed) this.#arm(window.end);
        return;
      }
    }, delay);
  }
}

/** A number with commas between its thousands. */
function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
