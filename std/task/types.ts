/**
 * The types of tasks, their options, outcomes and errors; see
 * `std/task/mod.ts`.
 */

import { causedBy } from "../internal/reasons.ts";
import {
  atom,
  CallError,
  type ExitReason,
  type Pid,
  printTerm,
  reasons,
  type Ref,
  type Self,
  type Tuple,
  tuple,
} from "../../runtime/mod.ts";
import type { AnySelf } from "../internal/wait.ts";

export type { AnySelf };

/**
 * The work of a task. It gets the task's own `self`, whose `signal` is aborted
 * when the task is ended.
 */
export type TaskFunction<T> = (self: Self<unknown>) => T | Promise<T>;

/** The owner's handle of a task that was started. */
export class Task<T = unknown> {
  /** Never set: it gives the type its variance. */
  declare readonly gives?: () => T;
  /** Null for a task that was completed from the start. */
  readonly pid: Pid<never> | null;
  /** The `ref` of the reply, or of the `Down` that comes instead. */
  readonly ref: Ref;
  /** The only actor that may await the task. */
  readonly owner: Pid<never>;
  /** Whether the outcome was taken or given up; awaiting it is refused then. */
  isSettled = false;

  /** @internal Made by `Task.async` and its like. */
  constructor(pid: Pid<never> | null, ref: Ref, owner: Pid<never>) {
    this.pid = pid;
    this.ref = ref;
    this.owner = owner;
  }

  toString(): string {
    return this.pid === null ? "a completed task" : `the task ${this.pid}`;
  }
}

/**
 * The message with a task's value that its owner gets. `Task.await` and its
 * like take it; only an owner that handles every message itself, such as a
 * server, sees it.
 */
export class TaskReply<T = unknown> {
  readonly type = "task";
  readonly ref: Ref;
  readonly value: T;
  constructor(ref: Ref, value: T) {
    this.ref = ref;
    this.value = value;
  }
}

/** A task that ended without a value. */
export type TaskExit = { readonly type: "exit"; readonly reason: ExitReason };

/** How a task ended: with a value, or with an exit reason. */
export type TaskOutcome<T> =
  | { readonly type: "ok"; readonly value: T }
  | TaskExit;

/** Limits of a wait for a task. */
export type AwaitOptions = {
  /** Default 5,000; Infinity sets no limit. */
  readonly timeoutMs?: number;
  /** Aborts the wait, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** Options of `Task.yieldMany`. */
export type YieldManyOptions = {
  /** Default 5,000; Infinity sets no limit. */
  readonly timeoutMs?: number;
  /** The wait ends when this many tasks have ended. Default: all. */
  readonly limit?: number;
  /**
   * The action on tasks that have not ended in time: none, `Task.ignore`, or
   * `Task.shutdown` with `brutalKill`. Default `nothing`. When `limit` ended
   * the wait, there is no action.
   */
  readonly onTimeout?: "nothing" | "ignore" | "killTask";
};

/** Options of the streams of tasks. */
export type StreamOptions = {
  /** How many tasks run at a time. Default 8; Infinity sets no limit. */
  readonly maxConcurrency?: number;
  /**
   * Whether results come in the order of the input. Results that are there too
   * early are kept for that. Default true.
   */
  readonly ordered?: boolean;
  /** How long a single task may take. Default 5,000; Infinity: no limit. */
  readonly timeoutMs?: number;
  /**
   * The effect of a task that takes too long: `exit` ends the stream with a
   * `TaskError`; `killTask` kills the task, whose result is then
   * `{ type: "exit", reason: "timeout" }`. Default `exit`.
   */
  readonly onTimeout?: "exit" | "killTask";
  /** Whether results of type `exit` hold the `input` of their task. */
  readonly zipInputOnExit?: boolean;
};

/** One result of a stream. */
export type StreamResult<I, T> =
  | { readonly type: "ok"; readonly value: T }
  | TaskExit & { readonly input?: I };

/** Which function of `Task` waited, for which tasks, and how long. */
type Waited = {
  readonly operation: string;
  readonly on: unknown;
  readonly timeoutMs: number;
};

/**
 * A task gave no value. An actor that does not catch the error ends with its
 * `exitReason`, which is `{Reason, {'Elixir.Task', await, [Pid, Timeout]}}`.
 */
export class TaskError extends CallError {
  override readonly name = "TaskError";
  readonly #waited: Waited;

  constructor(reason: ExitReason, waited: Waited) {
    super(printTerm(waited.on), atom(waited.operation), reason);
    this.message = `expected a value of ${
      printTerm(waited.on)
    } in Task.${waited.operation}, got ${printTerm(reason)}`;
    Object.assign(this, causedBy(reason));
    this.#waited = waited;
  }

  override get exitReason(): Tuple {
    const { operation, on, timeoutMs } = this.#waited;
    return tuple(
      this.reason === "timeout" ? atom("timeout") : this.reason,
      tuple(atom("Elixir.Task"), atom(operation), [
        on,
        timeoutMs === Infinity ? atom("infinity") : timeoutMs,
      ]),
    );
  }
}

/** Names the node in the reason for a lost connection, as Elixir does. */
export function failureOf(
  pid: Pid<never> | null,
  reason: ExitReason,
): ExitReason {
  return reason === reasons.noconnection && pid !== null
    ? tuple(atom("nodedown"), atom(pid.node))
    : reason;
}
