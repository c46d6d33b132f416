/**
 * Tasks: work that is done once, in an actor of its own, and whose value is
 * awaited by the actor that started it. Follows Elixir's `Task`.
 *
 * A task is linked to its owner and monitored by it: neither outlives a failure
 * of the other, and no wait is in vain. Under a `TaskSupervisor` it can be
 * without the link.
 *
 * When not to use it: for what only waits, `await` of a promise is enough; a
 * task is for work that has to be ended, limited in time, watched, or kept from
 * doing harm. It runs in the same thread as its owner, so it makes no
 * calculation faster. Where something goes on and on, see
 * `std/gen_server/mod.ts`.
 *
 * Guarantees, weak ones included:
 * - Only the owner can await a task, once. Others are refused with
 *   `UsageError`.
 * - After `await`, `awaitMany`, `shutdown` and `ignore`, and after `yield` and
 *   `yieldMany` for tasks that have ended, nothing is left of the task in the
 *   owner: no message, no `Exit` of it, no monitor and no link. A late reply is
 *   dropped before the mailbox. Only a task that `await` or `awaitMany` gave up
 *   keeps its link while it runs, so that an owner that ends by the time-out
 *   takes it along; `shutdown` ends it.
 * - A reply that was sent before a time-out or a `shutdown` took effect counts.
 * - What ends a task is the `reason` of the `TaskError`: what it threw, the
 *   reason it exited with, `{nodedown, Node}` for `noconnection`, or
 *   `"timeout"`. An owner that does not catch it ends with what Elixir's would
 *   exit with. A linked owner that does not trap exits ends before it can.
 * - A task that is ended gets its `signal` aborted, and cannot touch its node
 *   any more. Its code runs on to its next `await`.
 * - A stream of tasks starts at most `maxConcurrency` at a time, takes from its
 *   input only while it is read, and keeps out of its owner's mailbox. When the
 *   loop over it ends, in whatever way, its tasks have ended. With `ordered`,
 *   any number of results may wait for a slow one before them.
 */

import type { Pid } from "../../runtime/mod.ts";
import { begin, callers, chainOf, labelOf, loneTask } from "./running.ts";
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

/** A task that was started, in the hands of its owner. */
export type Task<T = unknown> = TaskHandle<T>;

/** What a list of tasks gives, one by one. */
type ValuesOf<Tasks extends readonly Task[]> = {
  -readonly [I in keyof Tasks]: Tasks[I] extends Task<infer T> ? T : never;
};

type OutcomesOf<Tasks extends readonly Task[]> = {
  -readonly [I in keyof Tasks]: Tasks[I] extends Task<infer T>
    ? TaskOutcome<T> | null
    : never;
};

/** Starts work whose value is to be awaited. */
function startAsync<T>(self: AnySelf, run: TaskFunction<T>): Task<T> {
  return begin(self, run, chainOf(self));
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
 * What can be done with tasks. The caller must be able to wait: a function
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
   * Starts work in an actor that is linked to the caller, who owns the task.
   */
  readonly async: typeof startAsync;
  /**
   * Resolves with the task's value. Rejects with a `TaskError` when it ended
   * without one or took longer than `timeoutMs` (default 5,000), and with the
   * reason of `signal`. Then it can only be ended, by `shutdown`; it runs on,
   * and is still linked.
   */
  readonly await: <T>(
    self: AnySelf,
    task: Task<T>,
    options?: AwaitOptions,
  ) => Promise<T>;
  /**
   * Resolves with the values of all, in their order. Rejects with a `TaskError`
   * at the first failure, or when they take longer than `timeoutMs` together.
   */
  readonly awaitMany: <const Tasks extends readonly Task[]>(
    self: AnySelf,
    tasks: Tasks,
    options?: AwaitOptions,
  ) => Promise<ValuesOf<Tasks>>;
  /**
   * Resolves with what the task came to, or with null when it has not ended
   * after `timeoutMs` (default 5,000); it can be waited for again then.
   */
  readonly yield: typeof yieldTask;
  /** As `yield` of several, in their order, within one time limit. */
  readonly yieldMany: <const Tasks extends readonly Task[]>(
    self: AnySelf,
    tasks: Tasks,
    options?: YieldManyOptions,
  ) => Promise<OutcomesOf<Tasks>>;
  /**
   * Ends a task and resolves when it has ended: with its value if it was
   * quicker, with null when it ended by this, else with the reason. It is asked
   * to `shutdown`, and killed after so many ms (default 5,000), which is
   * `{ type: "exit", reason: killed }`; with `brutalKill` it is killed at once.
   */
  readonly shutdown: typeof shutdownTask;
  /**
   * Lets a task run, but without the owner: no link, no reply. Resolves with
   * what it has come to, or with null when it still runs.
   */
  readonly ignore: typeof ignoreTask;
  /** A task that has its value already, and no actor. */
  readonly completed: typeof completed;
  /** Starts work that nobody awaits. */
  readonly start: typeof start;
  /** As `start`, with a link. */
  readonly startLink: typeof startLink;
  /**
   * Runs the function on each input, in a task for each, and gives what they
   * come to: `{ type: "ok", value }` or, to an owner that traps exits,
   * `{ type: "exit", reason }`. Any other owner ends with a task that fails.
   *
   * Nothing is started before the first result is asked for. The input may be
   * asynchronous: results do not wait for further inputs, so it must not
   * `receive` in the caller's name if the loop over the results does. Rejects
   * with a `TaskError` when a task takes longer than `timeoutMs`, unless
   * `onTimeout` is `killTask`, and with whatever the input throws.
   */
  readonly asyncStream: typeof asyncStream;
  /**
   * Who started the task that this `self` is, who started that one, and so on:
   * the nearest first, 20 at most. Empty for an actor that is no task.
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
