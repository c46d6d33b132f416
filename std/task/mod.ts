/**
 * Tasks: work that is done once, in an actor of its own, and whose value is
 * awaited by the actor that started it. Follows Elixir's `Task`.
 *
 * A task and its owner are linked, and the owner monitors the task. So neither
 * outlives a failure of the other, and a wait for a task always ends. A
 * `TaskSupervisor` can also start tasks without the link.
 *
 * When not to use it: to wait for an operation of the platform, `await` its
 * promise. A task is for work that must be stoppable, limited in time,
 * monitored, or isolated from its owner's state. It runs in the thread of its
 * owner, so it makes no calculation faster. For an actor that serves many
 * requests, see `std/gen_server/mod.ts`.
 *
 * Guarantees, weak ones included:
 * - Only the owner can await a task, and only once. Other callers are refused
 *   with `UsageError`.
 * - After `await`, `awaitMany`, `shutdown` and `ignore`, and after `yield` and
 *   `yieldMany` for tasks that have ended, the owner keeps nothing of the task:
 *   no message, no `Exit`, no monitor and no link. A late reply is dropped
 *   before it reaches the mailbox. There is one exception: when `await` or
 *   `awaitMany` times out, the task keeps its link while it runs, so that it
 *   ends with an owner that ends by the time-out. `shutdown` ends such a task.
 * - A reply that was sent before a time-out or a `shutdown` took effect counts.
 * - The `reason` of a `TaskError` says why the task ended: the value that it
 *   threw, the reason that it exited with, `{nodedown, Node}` for
 *   `noconnection`, or `"timeout"`. An owner that does not catch the error ends
 *   with the exit reason that Elixir's owner would have. A linked owner that
 *   does not trap exits ends before it can catch anything.
 * - When a task is ended from outside, its `signal` is aborted and it has no
 *   effect on its node any more. Its code runs on until its next `await`.
 * - A stream of tasks runs at most `maxConcurrency` tasks at a time, takes from
 *   its input only while it is read, and puts nothing into its owner's mailbox.
 *   When the loop over the stream ends, for any cause, its tasks have ended.
 *   With `ordered`, the number of results that wait for a slow one before them
 *   has no limit.
 */

import type { Pid } from "../../runtime/mod.ts";
import { callers, chainOf, labelOf, loneTask, startTask } from "./running.ts";
import { type StreamFunction, type StreamInput, streamOf } from "./stream.ts";
import {
  type AnySelf,
  type AwaitOptions,
  type StreamOptions,
  type StreamResult,
  Task as TaskHandle,
  type TaskFunction,
  type TaskOutcome,
  TaskReply,
  type YieldManyOptions,
} from "./types.ts";
import {
  awaitMany,
  awaitTask,
  ignoreTask,
  shutdownTask,
  yieldMany,
  yieldTask,
} from "./waiting.ts";

export { TaskError, TaskReply } from "./types.ts";
export type {
  AwaitOptions,
  StreamOptions,
  StreamResult,
  TaskExit,
  TaskFunction,
  TaskOutcome,
  YieldManyOptions,
} from "./types.ts";
export type { StreamFunction, StreamInput } from "./stream.ts";
export {
  type TaskChildOptions,
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "./supervisor.ts";

/** The owner's handle of a task that was started. */
export type Task<T = unknown> = TaskHandle<T>;

/** The value types of a list of tasks, in order. */
type ValuesOf<Tasks extends readonly Task[]> = {
  -readonly [I in keyof Tasks]: Tasks[I] extends Task<infer T> ? T : never;
};

type OutcomesOf<Tasks extends readonly Task[]> = {
  -readonly [I in keyof Tasks]: Tasks[I] extends Task<infer T>
    ? TaskOutcome<T> | null
    : never;
};

function startAsync<T>(self: AnySelf, run: TaskFunction<T>): Task<T> {
  return startTask(self, run, chainOf(self));
}

function start(self: AnySelf, run: TaskFunction<unknown>): Pid<never> {
  const behaviour = loneTask(run, chainOf(self));
  return self.spawn(behaviour, { label: labelOf(run) }) as Pid<never>;
}

function startLink(self: AnySelf, run: TaskFunction<unknown>): Pid<never> {
  const behaviour = loneTask(run, chainOf(self));
  return self.spawnLink(behaviour, { label: labelOf(run) }) as Pid<never>;
}

function completed<T>(self: AnySelf, value: T): Task<T> {
  const ref = self.alias({ once: true });
  self.send(ref, new TaskReply(ref, value));
  return new TaskHandle<T>(null, ref, self.pid);
}

function asyncStream<I, T>(
  self: AnySelf,
  input: StreamInput<I>,
  fn: StreamFunction<I, T>,
  options: StreamOptions = {},
): AsyncIterable<StreamResult<I, T>> {
  return streamOf(self, input, fn, options, { isLinked: true });
}

/**
 * The operations on tasks. The caller must be able to wait: it is a function
 * actor, or a server in an asynchronous callback.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { Task } from "hornbeam/std/task";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   const sum = Task.async(self, () => 40 + 2);
 *   console.log(await Task.await(self, sum)); // prints: 42
 *
 *   const slow = Task.async(self, async (me) => {
 *     await me.receive({ timeoutMs: 60_000 });
 *   });
 *   console.log(await Task.yield(self, slow, 1)); // prints: null
 *   console.log(await Task.shutdown(self, slow)); // prints: null
 *
 *   const squares = Task.asyncStream(self, [1, 2, 3], (n) => n * n, {
 *     maxConcurrency: 2,
 *   });
 *   for await (const result of squares) {
 *     if (result.type === "ok") console.log(result.value);
 *   }
 *   // prints: 1
 *   // prints: 4
 *   // prints: 9
 * });
 * ```
 */
export const Task: {
  /**
   * Starts work in an actor that is linked to the caller. The caller owns the
   * task.
   */
  readonly async: typeof startAsync;
  /**
   * Resolves with the task's value. Rejects with a `TaskError` when the task
   * ended without a value or took longer than `timeoutMs` (default 5,000), and
   * with the reason of `signal` when that is aborted. After a time-out or an
   * abort the task runs on and is still linked, but only `shutdown` may be
   * called on it.
   */
  readonly await: <T>(
    self: AnySelf,
    task: Task<T>,
    options?: AwaitOptions,
  ) => Promise<T>;
  /**
   * Resolves with the values of all tasks, in the order of `tasks`. Rejects
   * with a `TaskError` at the first failure, or when all of them together take
   * longer than `timeoutMs`.
   */
  readonly awaitMany: <const Tasks extends readonly Task[]>(
    self: AnySelf,
    tasks: Tasks,
    options?: AwaitOptions,
  ) => Promise<ValuesOf<Tasks>>;
  /**
   * Resolves with the task's outcome, or with null when it has not ended after
   * `timeoutMs` (default 5,000). After null the task can be awaited again.
   */
  readonly yield: typeof yieldTask;
  /** As `yield` for several tasks, in their order, with one time limit. */
  readonly yieldMany: <const Tasks extends readonly Task[]>(
    self: AnySelf,
    tasks: Tasks,
    options?: YieldManyOptions,
  ) => Promise<OutcomesOf<Tasks>>;
  /**
   * Ends a task and resolves when it has ended: with its value if the task was
   * quicker, with null when it ended by this call, else with its exit reason.
   * The task first gets the exit signal `shutdown`. When that has not ended it
   * after the given number of ms (default 5,000), it is killed, and the outcome
   * is `{ type: "exit", reason: killed }`. With `brutalKill` it is killed at
   * once.
   */
  readonly shutdown: typeof shutdownTask;
  /**
   * Separates a task from its owner: no link and no reply any more. Resolves
   * with the outcome of a task that has ended, or with null when it still runs.
   */
  readonly ignore: typeof ignoreTask;
  /** Makes a task that has its value already, and no actor. */
  readonly completed: typeof completed;
  /** Starts work whose value is not needed. There is no link and no handle. */
  readonly start: typeof start;
  /** As `start`, with a link to the caller. */
  readonly startLink: typeof startLink;
  /**
   * Runs the function on each input, each in a task of its own, and yields the
   * outcomes: `{ type: "ok", value }` or, to an owner that traps exits,
   * `{ type: "exit", reason }`. An owner that does not trap exits ends when a
   * task fails.
   *
   * No task is started before the first result is asked for. The input may be
   * asynchronous. Results do not wait for further inputs, so the input and the
   * loop over the results must not both call `receive` of the caller. Rejects
   * with a `TaskError` when a task takes longer than `timeoutMs`, unless
   * `onTimeout` is `killTask`, and with any error that the input throws.
   */
  readonly asyncStream: typeof asyncStream;
  /**
   * The actor that started the task with this `self`, the actor that started
   * that one, and so on: the nearest first, 20 at most. Empty for an actor that
   * is not a task.
   */
  readonly callers: (self: AnySelf) => readonly Pid<never>[];
} = {
  async: startAsync,
  await: awaitTask,
  awaitMany: awaitMany as never,
  yield: yieldTask,
  yieldMany: yieldMany as never,
  shutdown: shutdownTask,
  ignore: ignoreTask,
  completed,
  start,
  startLink,
  asyncStream,
  callers,
};
