/** What tasks come to, and how that is told; see `std/task/mod.ts`. */

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

/** The work. It gets the task's own `self`, whose `signal` tells of its end. */
export type TaskFunction<T> = (self: Self<unknown>) => T | Promise<T>;

/** A task that was started, in the hands of its owner. */
export class Task<T = unknown> {
  /** Never set: it gives the type its variance. */
  declare readonly gives?: () => T;
  /** Null for a task that was completed from the start. */
  readonly pid: Pid<never> | null;
  /** Under it the reply comes, or the `Down`: the message's `ref`. */
  readonly ref: Ref;
  /** Who may await it. */
  readonly owner: Pid<never>;
  /** Whether its outcome was taken or given up; then nobody can await it. */
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
 * What a task sends to its owner. Only an owner that takes its messages itself,
 * such as a server, ever sees one.
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

/** What a task came to. */
export type TaskOutcome<T> =
  | { readonly type: "ok"; readonly value: T }
  | TaskExit;

/** Limits of a wait for a task. */
export type AwaitOptions = {
  /** Default 5,000; Infinity waits for ever. */
  readonly timeoutMs?: number;
  /** Ends the wait, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** Options of `Task.yieldMany`. */
export type YieldManyOptions = {
  /** Default 5,000; Infinity waits for ever. */
  readonly timeoutMs?: number;
  /** It is enough when so many have ended. Default: all. */
  readonly limit?: number;
  /**
   * What is done with tasks that have not ended in time: nothing,
   * `Task.ignore`, or `Task.shutdown` with `brutalKill`. Default `nothing`.
   * Nothing is done when `limit` ended the wait.
   */
  readonly onTimeout?: "nothing" | "ignore" | "killTask";
};

/** Options of the streams of tasks. */
export type StreamOptions = {
  /** Tasks that run at the same time. Default 8; Infinity has no limit. */
  readonly maxConcurrency?: number;
  /**
   * Whether results come in the order of the input, for which early ones are
   * kept until it is their turn. Default true.
   */
  readonly ordered?: boolean;
  /** How long a single task may take. Default 5,000; or Infinity. */
  readonly timeoutMs?: number;
  /**
   * What a task that takes too long does: end the stream with a `TaskError`, or
   * be killed, with `{ type: "exit", reason: "timeout" }` for its result.
   * Default `exit`.
   */
  readonly onTimeout?: "exit" | "killTask";
  /** Whether results of type `exit` have the `input` they are of. */
  readonly zipInputOnExit?: boolean;
};

/** One result of a stream. */
export type StreamResult<I, T> =
  | { readonly type: "ok"; readonly value: T }
  | TaskExit & { readonly input?: I };

/** What a wait was for, and how long. */
type Waited = {
  readonly what: string;
  readonly on: unknown;
  readonly timeoutMs: number;
};

/**
 * No value came of a task. An actor that does not catch it ends with its
 * `exitReason`, which is `{Reason, {'Elixir.Task', await, [Pid, Timeout]}}`.
 */
export class TaskError extends CallError {
  override readonly name = "TaskError";
  readonly #waited: Waited;

  constructor(reason: ExitReason, waited: Waited) {
    super(printTerm(waited.on), atom(waited.what), reason);
    this.message = `expected a value of ${
      printTerm(waited.on)
    } in Task.${waited.what}, got ${printTerm(reason)}`;
    if (reason instanceof Error) this.cause = reason;
    this.#waited = waited;
  }

  override get exitReason(): Tuple {
    const { what, on, timeoutMs } = this.#waited;
    return tuple(
      this.reason === "timeout" ? atom("timeout") : this.reason,
      tuple(atom("Elixir.Task"), atom(what), [
        on,
        timeoutMs === Infinity ? atom("infinity") : timeoutMs,
      ]),
    );
  }
}

/** A lost connection is told by the node's name, as Elixir does. */
export function failureOf(
  pid: Pid<never> | null,
  reason: ExitReason,
): ExitReason {
  return reason === reasons.noconnection && pid !== null
    ? tuple(atom("nodedown"), atom(pid.node))
    : reason;
}
