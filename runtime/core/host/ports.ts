/**
 * The ports of the pure core: all that a node needs of its environment, as small
 * interfaces that are passed in.
 *
 * Nothing is implemented here. `runtime/platform/` implements the ports for a
 * real machine, the simulator with virtual time. So the same code of a node runs
 * in a process, in a worker thread and in a test.
 */

import type { PidTable } from "../terms/terms.ts";

/** Handle of a timer of the platform; core only passes it back. */
export type TimerHandle = unknown;

/** Severity of a log record, least severe first. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** One structured log record; `fields` hold plain values for machines. */
export type LogRecord = {
  readonly level: LogLevel;
  /** The part that logs: `actor`, `net`, `epmd`, `node`. */
  readonly category: string;
  /** Name of the node that logs. */
  readonly node: string;
  /** One line without line breaks. */
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
};

/**
 * What a platform can do that others cannot.
 *
 * `attributesRejections`: an unhandled rejection can be traced to the actor
 * that caused it.
 */
export type Capabilities = {
  readonly attributesRejections: boolean;
};

/** A scheduler whose decisions are made by a simulator. */
export interface SteppedScheduler {
  /** Number of actors that could take a turn. */
  readonly runnable: number;
  /** Gives one of them a turn of one message; returns its name for traces. */
  step(index: number): string;
  /** Writes the output of the turns since the last call. */
  flush(): void;
  /**
   * An actor that awaits a promise that is neither of a message nor of a timer
   * of the node, or null. Only meaningful once all microtasks have run.
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
  /** Runs `callback` once timers and I/O have had their turn. */
  macrotask(callback: () => void): void;
  /** A uniformly random unsigned 32-bit integer, fit for challenges. */
  randomU32(): number;
  /** MD5, which Erlang's handshake prescribes for its cookie digest. */
  md5(data: Uint8Array): Uint8Array;
  /**
   * Takes over the decisions of the scheduler. Absent on real machines, where
   * the scheduler decides itself.
   */
  readonly stepped?: (scheduler: SteppedScheduler) => void;
  log(record: LogRecord): void;
  /** Number of records that the log did not take. Absent: it takes all. */
  readonly lostRecords?: () => number;
  /** Whether records of this level are used. Absent: all levels are. */
  readonly logs?: (level: LogLevel) => boolean;
  /**
   * Runs `body` so that a floating rejection inside it is reported to `owner`.
   * Null: it is reported to no owner, also where another owner runs the body.
   */
  attribute<T>(owner: ((error: unknown) => void) | null, body: () => T): T;
  /**
   * From here on, floating rejections of the running microtask and of its
   * continuations are reported to `owner`. Only inside a microtask; the effect
   * ends with it.
   */
  adopt(owner: (error: unknown) => void): void;
}
