/**
 * The ports of the pure core: everything a node needs from the world outside,
 * as small interfaces that are passed in.
 *
 * Nothing here is implemented; `runtime/platform/` does that for the real
 * machine and a simulator can do it with virtual time. This is what lets the
 * same node code run in a process, in a worker thread and in a test.
 */

import type { PidTable } from "../terms/terms.ts";

/** What the platform returned for a timer; only ever handed back to it. */
export type TimerHandle = unknown;

/** Severity of a log record, least severe first. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** One structured log record; `fields` hold plain values for machines. */
export type LogRecord = {
  readonly level: LogLevel;
  /** Which part speaks: `actor`, `net`, `epmd`, `node`. */
  readonly category: string;
  /** Name of the node that speaks. */
  readonly node: string;
  /** One line without line breaks. */
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
};

/**
 * What the platform can do beyond the interfaces below.
 *
 * `attributesRejections`: an unhandled rejection can be traced to the actor
 * that caused it.
 */
export type Capabilities = {
  readonly attributesRejections: boolean;
};

/** A scheduler as somebody sees it who decides in its place. */
export interface SteppedScheduler {
  /** Actors that could go on. */
  readonly runnable: number;
  /** Gives one of them a turn of one message; returns what it is called. */
  step(index: number): string;
  /** Writes what has been sent since. */
  flush(): void;
  /**
   * An actor that waits for something which is neither a message nor a timer,
   * or null. Only meaningful when all microtasks have run.
   */
  foreignWait(): string | null;
}

/** Clock, event loop, entropy, digest and log of one thread. */
export interface Host {
  /** `node`, `deno`, `bun` or `simulator`: for reports, never for branching. */
  readonly runtime: string;
  readonly capabilities: Capabilities;
  /** One table for the thread, so that equal pids are `===` within it. */
  readonly pids: PidTable;
  /** Monotonic time in milliseconds, with a fraction. */
  now(): number;
  /** Unix time in milliseconds, for logs and creations only. */
  wallTime(): number;
  /**
   * Runs `callback` once after `delayMs` (at most 2^31 - 1). Keeps the loop
   * alive.
   */
  setTimer(callback: () => void, delayMs: number): TimerHandle;
  clearTimer(handle: TimerHandle): void;
  /** Runs `callback` after the running JavaScript, before any I/O. */
  microtask(callback: () => void): void;
  /** Runs `callback` once timers and I/O had their chance. */
  macrotask(callback: () => void): void;
  /** A uniformly random unsigned 32-bit integer, fit for challenges. */
  randomU32(): number;
  /** MD5, which Erlang's handshake prescribes for its cookie digest. */
  md5(data: Uint8Array): Uint8Array;
  /**
   * Takes over the decision who goes on. Absent on real machines, where the
   * scheduler decides.
   */
  readonly stepped?: (scheduler: SteppedScheduler) => void;
  log(record: LogRecord): void;
  /** Whether anybody wants records of this level. Absent: all are wanted. */
  readonly logs?: (level: LogLevel) => boolean;
  /**
   * Runs `body` so that a floating rejection inside it is reported to `owner`;
   * null: to nobody, whoever runs it.
   */
  attribute<T>(owner: ((error: unknown) => void) | null, body: () => T): T;
  /**
   * From here on, what the running microtask and its continuations leave
   * floating is reported to `owner`. Only inside a microtask, whose end ends
   * it.
   */
  adopt(owner: (error: unknown) => void): void;
}
