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
   * returned. Without a default export the worker runs until it is stopped. The
   * module's `exports` are behaviours that other nodes may spawn on the worker,
   * and its `options` are options of `start`, as in programs of `hornbeam run`.
   */
  readonly module: string | URL;
  /**
   * The worker's node name. Without a host, it gets this node's host. Default:
   * this node's name with `-w1`, `-w2` … before the `@`.
   */
  readonly name?: string;
  /**
   * Names of the module's `exports` that are offered. Default: all.
   */
  readonly exports?: readonly string[];
  /**
   * Given to the default export along with `signal`. It is a clone, so it may
   * hold all that `structuredClone` takes, but no pids.
   */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Port to listen on. Default 0: a free port. */
  readonly port?: number;
  /** Limit for the node to be up. Default 10,000. */
  readonly startTimeoutMs?: number;
};

/** How a worker ended. */
export type WorkerExit =
  /** Its module's default export has returned. */
  | { readonly type: "done" }
  /** It was stopped, or its parent was. */
  | { readonly type: "stopped" }
  /** An error in it was not caught. */
  | { readonly type: "failed"; readonly error: Error }
  /** Its own code ended the thread. */
  | { readonly type: "exited"; readonly code: number }
  /**
   * It was terminated. `isLost`: it is cut off and its name is free, but the
   * thread did not end, and uses a core until the running turn ends. Deno
   * cannot stop a busy thread; on Node.js and Bun only a blocking system call
   * can lead to this.
   */
  | { readonly type: "terminated"; readonly isLost: boolean };

/** A limit for one request to a worker. */
export type WorkerCallOptions = {
  /** Default 5,000. */
  readonly timeoutMs?: number;
};

/**
 * The handle of one incarnation of a worker, to inspect and to end it. The
 * worker is a node like any other, and programs use it by its name.
 */
export interface WorkerNode {
  /** The node name, `part@host`. */
  readonly name: string;
  readonly state: WorkerState;
  /** Resolves when it has ended, by any cause. Never rejects. */
  readonly exited: Promise<WorkerExit>;
  /**
   * Its figures. Rejects with a `WorkerError`: `timeout` when it does not
   * answer in time, for example in a long turn, and `ended` when it has ended.
   */
  stats(options?: WorkerCallOptions): Promise<NodeStats>;
  /**
   * Names of behaviours that other nodes may spawn. Rejects as `stats` does.
   */
  exports(options?: WorkerCallOptions): Promise<readonly string[]>;
  /**
   * Ends it in order: aborts the program's `signal`, waits for the program if
   * it has read the signal, stops the node, and ends the thread. After
   * `timeoutMs` it is terminated. Safe to call twice.
   */
  stop(options?: WorkerCallOptions): Promise<WorkerExit>;
  /** Ends the thread at once; see `WorkerExit`. */
  terminate(): Promise<WorkerExit>;
  /**
   * Starts it again with the same options, as a new incarnation with a new
   * handle. A worker that still runs is terminated first. Rejects as
   * `startWorker` does.
   */
  restart(): Promise<WorkerNode>;
  /** Calls `stop`. */
  [Symbol.asyncDispose](): Promise<void>;
}
