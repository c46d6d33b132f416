/**
 * Figures of a running node. Types only, so that a node and its workers can
 * both name them.
 */

/** What a worker is doing. `lost`: see `WorkerExit`. */
export type WorkerState = "starting" | "up" | "stopping" | "ended" | "lost";

/** Figures of a node. Counts go back to its start. */
export type NodeStats = {
  readonly name: string;
  readonly runtime: string;
  /** Live actors, the kernel's included. */
  readonly actors: number;
  /** Messages that were delivered to mailboxes. */
  readonly messages: number;
  readonly crashes: number;
  /** Messages that were dropped because a mailbox was full. */
  readonly lostMessages: number;
  /**
   * Log records that were dropped: `log` threw, rejected, had 1,000 promises
   * pending or logged by itself, or the standard error stream, to which the
   * default log writes, was stalled or closed. Of this stream, lines of all
   * nodes of the thread are counted.
   */
  readonly lostLogRecords: number;
  readonly nodes: readonly string[];
  /** Its workers with a running thread. */
  readonly workers: readonly {
    readonly name: string;
    readonly state: WorkerState;
  }[];
};
