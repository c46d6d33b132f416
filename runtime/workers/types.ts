/**
 * Workers as programs see them: what `RunningNode.startWorker` takes, and the
 * handle that it resolves with. Types only.
 */

import type { NodeStats, WorkerState } from "../node_stats.ts";

/** What `startWorker` takes. */
export type WorkerOptions = {
  /**
   * The module that the worker loads, as a URL or an absolute path:
   * `new URL("./worker.ts", import.meta.url)`. It may have a default export,
   * which is run with the node and `context`; the worker ends when it has
   * returned. Without one the worker lives until it is stopped. Its `exports`
   * are behaviours that other nodes may spawn there, its `options` are options
   * of `start`, as in the programs of `hornbeam run`.
   */
  readonly module: string | URL;
  /**
   * The node's name, with or without the host, which is this node's then.
   * Default: this node's with `-w1`, `-w2` … before the `@`.
   */
  readonly name?: string;
  /**
   * Names of those of the module's `exports` that are offered. Default: all.
   */
  readonly exports?: readonly string[];
  /**
   * Given to the default export along with `signal`, as a clone: what
   * `structuredClone` takes, and no pids.
   */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Port to listen on. Default 0: a free one. */
  readonly port?: number;
  /** Longest wait until the node is up. Default 10,000. */
  readonly startTimeoutMs?: number;
};

/** How a worker ended. */
export type WorkerExit =
  /** Its module's default export has returned. */
  | { readonly type: "done" }
  /** It was stopped, or its parent was. */
  | { readonly type: "stopped" }
  /** Something in it was thrown that nobody caught. */
  | { readonly type: "failed"; readonly error: Error }
  /** Its own code ended the thread. */
  | { readonly type: "exited"; readonly code: number }
  /**
   * It was terminated. `isLost`: it is cut off and its name is free, but the
   * thread did not end, and burns a core until its code comes to an end of its
   * turn. Deno cannot stop a busy thread; elsewhere only a system call that
   * blocks can lead to this.
   */
  | { readonly type: "terminated"; readonly isLost: boolean };

/** A limit for one question to a worker. */
export type WorkerCallOptions = {
  /** Default 5,000. */
  readonly timeoutMs?: number;
};

/**
 * A worker node that was started: one incarnation of it. It is a node like any
 * other, to be used by its name; this object is for its life.
 */
export interface WorkerNode {
  /** Of the node, `part@host`. */
  readonly name: string;
  readonly state: WorkerState;
  /** Resolves when it has ended, however that came; never rejects. */
  readonly exited: Promise<WorkerExit>;
  /**
   * Its figures. Rejects with a `WorkerError`: `timeout` when it does not
   * answer, as in a long turn, and `ended` when it has ended.
   */
  stats(options?: WorkerCallOptions): Promise<NodeStats>;
  /** Names that other nodes may spawn there. Rejects as `stats` does. */
  exports(options?: WorkerCallOptions): Promise<readonly string[]>;
  /**
   * Ends it in good order: aborts the program's `signal`, waits for a program
   * that has looked at it, stops the node, ends the thread. What is not over
   * after `timeoutMs` is terminated. Safe to call twice.
   */
  stop(options?: WorkerCallOptions): Promise<WorkerExit>;
  /** Ends the thread, whatever it is doing; see `WorkerExit`. */
  terminate(): Promise<WorkerExit>;
  /**
   * Starts it again with the same options, as a new incarnation with a handle
   * of its own; one that still runs is terminated before. Rejects as
   * `startWorker` does.
   */
  restart(): Promise<WorkerNode>;
  /** Stops it. */
  [Symbol.asyncDispose](): Promise<void>;
}
