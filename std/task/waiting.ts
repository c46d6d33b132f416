/**
 * How an owner waits for its tasks and ends them. Afterwards the owner keeps no
 * message and no monitor of a task that it has taken or given up. It keeps no
 * link either, unless the task was given up at a time-out and still runs.
 *
 * A task's ref is a monitor and at the same time an alias that ends with the
 * monitor. So either a reply or a `Down` comes with this ref, and after
 * `demonitor` neither comes.
 */

import { waitRules } from "../internal/options.ts";
import {
  Down,
  type ExitReason,
  option,
  OptionTable,
  printTerm,
  reasons,
  type Ref,
  UsageError,
} from "../../runtime/mod.ts";
import { Clock } from "../internal/clock.ts";
import { flushExit, receiveRef } from "../internal/wait.ts";
import {
  type AnySelf,
  type AwaitOptions,
  failureOf,
  type Task,
  TaskError,
  type TaskOutcome,
  TaskReply,
  type YieldManyOptions,
} from "./types.ts";

const DEFAULT_TIMEOUT_MS = 5_000;

/** The message that ends a wait for a task. */
type Answer<T> = TaskReply<T> | Down;

function mustOwn(self: AnySelf, task: Task<unknown>, what: string): void {
  if (task.owner === self.pid) return;
  throw new UsageError(
    `expected Task.${what} to be called by ${task.owner}, who owns the task, ` +
      `got ${self.pid}; have the owner await it, and send the value on`,
  );
}

function mustBeOpen(self: AnySelf, task: Task<unknown>, what: string): void {
  mustOwn(self, task, what);
  if (!task.isSettled) return;
  throw new UsageError(
    `expected Task.${what} to be called on a task whose outcome was not ` +
      "taken yet, got a task that was awaited, ended or ignored before",
  );
}

/** Removes the link. The monitor has ended with the message that came. */
async function settleTask(self: AnySelf, task: Task<unknown>): Promise<void> {
  task.isSettled = true;
  if (task.pid !== null) await flushExit(self, task.pid);
}

/** Removes monitor and link; resolves with a message that had come before. */
async function detachTask<T>(
  self: AnySelf,
  task: Task<T>,
): Promise<Answer<T> | undefined> {
  const answer = await giveUpTask(self, task);
  await settleTask(self, task);
  return answer;
}

/**
 * As `detachTask`, but a task that still runs keeps its link, so that it ends
 * with an owner that ends by the time-out.
 */
async function giveUpTask<T>(
  self: AnySelf,
  task: Task<T>,
): Promise<Answer<T> | undefined> {
  self.demonitor(task.ref);
  const answer = await receiveRef(self, task.ref, { timeoutMs: 0 });
  task.isSettled = true;
  if (answer !== undefined) await settleTask(self, task);
  return answer as Answer<T> | undefined;
}

/** Throws a `TaskError` when the connection to the task is lost. */
function outcomeOf<T>(
  answer: Answer<T>,
  task: Task<T>,
  what: string,
  timeoutMs: number,
): TaskOutcome<T> {
  if (answer instanceof TaskReply) return { type: "ok", value: answer.value };
  const { reason } = answer;
  if (reason === reasons.noconnection) {
    throw failed(task, reason, what, timeoutMs);
  }
  return { type: "exit", reason };
}

function failed(
  task: Task<unknown>,
  reason: ExitReason,
  what: string,
  timeoutMs: number,
): TaskError {
  return new TaskError(failureOf(task.pid, reason), {
    operation: what,
    on: task.pid,
    timeoutMs,
  });
}

const awaitOptions = new OptionTable<AwaitOptions>("Task.await", waitRules);

const yieldOptions = new OptionTable<YieldManyOptions>("Task.yieldMany", {
  timeoutMs: option.timeout,
  limit: option.endlessCount,
  onTimeout: option.oneOf("nothing", "ignore", "killTask"),
});

/** See `Task.await`. */
export async function awaitTask<T>(
  self: AnySelf,
  task: Task<T>,
  options: AwaitOptions = {},
): Promise<T> {
  awaitOptions.check(options, "Task.await");
  mustBeOpen(self, task, "await");
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  let answer: Answer<T> | undefined;
  try {
    const limits = { ...options, timeoutMs };
    answer = await receiveRef(self, task.ref, limits) as Answer<T> | undefined;
  } catch (error) {
    // A refused call changes nothing.
    if (self.isAlive && !(error instanceof UsageError)) {
      await giveUpTask(self, task);
    }
    throw error;
  }
  if (answer === undefined) answer = await giveUpTask(self, task);
  else await settleTask(self, task);
  if (answer instanceof TaskReply) return answer.value;
  const reason = answer === undefined ? "timeout" : answer.reason;
  throw failed(task, reason, "await", timeoutMs);
}

/** See `Task.yield`. */
export async function yieldTask<T>(
  self: AnySelf,
  task: Task<T>,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<TaskOutcome<T> | null> {
  mustBeOpen(self, task, "yield");
  const answer = await receiveRef(self, task.ref, { timeoutMs }) as
    | Answer<T>
    | undefined;
  if (answer === undefined) return null;
  await settleTask(self, task);
  return outcomeOf(answer, task, "yield", timeoutMs);
}

/** See `Task.ignore`. */
export async function ignoreTask<T>(
  self: AnySelf,
  task: Task<T>,
): Promise<TaskOutcome<T> | null> {
  mustBeOpen(self, task, "ignore");
  const answer = await detachTask(self, task);
  return answer === undefined ? null : outcomeOf(answer, task, "ignore", 0);
}

/** See `Task.shutdown`. */
export async function shutdownTask<T>(
  self: AnySelf,
  task: Task<T>,
  how: number | "brutalKill" = DEFAULT_TIMEOUT_MS,
): Promise<TaskOutcome<T> | null> {
  mustOwn(self, task, "shutdown");
  const { pid } = task;
  const timeoutMs = how === "brutalKill" ? Infinity : how;
  const expected = how === "brutalKill" ? reasons.killed : reasons.shutdown;
  let reason: ExitReason = reasons.noproc;
  if (pid !== null) {
    // A reply ends the task's own monitor, but the exit has to be seen as well.
    const monitor = self.monitor(pid);
    // Unlinked first, so that the exit does not come back to the owner.
    self.unlink(pid);
    self.sendExit(
      pid,
      how === "brutalKill" ? reasons.kill : reasons.shutdown,
    );
    let down = await receiveRef(self, monitor, { timeoutMs });
    if (down === undefined) {
      self.sendExit(pid, reasons.kill);
      down = await receiveRef(self, monitor);
    }
    ({ reason } = down as Down);
  }
  const answer = await detachTask(self, task);
  if (answer instanceof TaskReply) return { type: "ok", value: answer.value };
  if (answer instanceof Down) reason = answer.reason;
  if (reason === expected) return null;
  if (reason === reasons.noconnection) {
    throw failed(task, reason, "shutdown", timeoutMs);
  }
  return { type: "exit", reason };
}

/** The next answer of any of them; undefined when the time has passed. */
function nextAnswer(
  self: AnySelf,
  open: ReadonlyMap<Ref, unknown>,
  limits: AwaitOptions & { readonly timeoutMs: number },
): Promise<unknown> {
  return self.receive(
    (message) =>
      (message instanceof TaskReply || message instanceof Down) &&
      open.has(message.ref),
    limits,
  );
}

/** A time limit on several waits together. */
class Deadline implements Disposable {
  readonly #timeoutMs: number;
  readonly #clock: Clock | null;
  constructor(self: AnySelf, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#clock = timeoutMs === Infinity ? null : new Clock(self);
  }

  get leftMs(): number {
    const passed = this.#clock?.elapsedMs ?? 0;
    return Math.max(0, this.#timeoutMs - passed);
  }

  [Symbol.dispose](): void {
    this.#clock?.[Symbol.dispose]();
  }
}

function openTasks(
  self: AnySelf,
  tasks: readonly Task<unknown>[],
  what: string,
): Map<Ref, number> {
  for (const task of tasks) mustBeOpen(self, task, what);
  const open = new Map(tasks.map(({ ref }, index) => [ref, index]));
  if (open.size === tasks.length) return open;
  throw new UsageError(
    `expected Task.${what} to get different tasks, got one of them twice`,
  );
}

/** See `Task.awaitMany`. */
export async function awaitMany(
  self: AnySelf,
  tasks: readonly Task<unknown>[],
  options: AwaitOptions = {},
): Promise<unknown[]> {
  awaitOptions.check(options, "Task.awaitMany");
  const { timeoutMs = DEFAULT_TIMEOUT_MS, ...more } = options;
  const open = openTasks(self, tasks, "awaitMany");
  const values: unknown[] = new Array(tasks.length).fill(undefined);
  using deadline = new Deadline(self, timeoutMs);
  try {
    while (open.size > 0) {
      const limits = { ...more, timeoutMs: deadline.leftMs };
      const answer = await nextAnswer(self, open, limits);
      if (answer === undefined) {
        const pids = tasks.map(({ pid }) => pid);
        const waited = { operation: "await_many", on: pids, timeoutMs };
        throw new TaskError("timeout", waited);
      }
      const { ref } = answer as Answer<unknown>;
      const index = open.get(ref) as number;
      const task = tasks[index] as Task<unknown>;
      open.delete(ref);
      await settleTask(self, task);
      if (!(answer instanceof TaskReply)) {
        throw failed(task, (answer as Down).reason, "await_many", timeoutMs);
      }
      values[index] = answer.value;
    }
  } catch (error) {
    if (self.isAlive && !(error instanceof UsageError)) {
      for (const index of open.values()) {
        await giveUpTask(self, tasks[index] as Task<unknown>);
      }
    }
    throw error;
  }
  return values;
}

/** See `Task.yieldMany`. */
export async function yieldMany(
  self: AnySelf,
  tasks: readonly Task<unknown>[],
  options: YieldManyOptions = {},
): Promise<(TaskOutcome<unknown> | null)[]> {
  yieldOptions.check(options);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, onTimeout = "nothing" } = options;
  const { limit = tasks.length } = options;
  const open = openTasks(self, tasks, "yieldMany");
  const outcomes: (TaskOutcome<unknown> | null)[] = tasks.map(() => null);
  let left = Math.min(limit, tasks.length);
  using deadline = new Deadline(self, timeoutMs);
  while (left > 0) {
    const answer = await nextAnswer(self, open, {
      timeoutMs: deadline.leftMs,
    }) as Answer<unknown> | undefined;
    if (answer === undefined) break;
    const index = open.get(answer.ref) as number;
    const task = tasks[index] as Task<unknown>;
    open.delete(task.ref);
    await settleTask(self, task);
    outcomes[index] = outcomeOf(
      answer,
      task,
      "yield_many",
      timeoutMs,
    );
    left--;
  }
  if (left === 0) return outcomes;
  for (const index of open.values()) {
    const task = tasks[index] as Task<unknown>;
    outcomes[index] = await handleLateTask(self, task, onTimeout);
  }
  return outcomes;
}

function handleLateTask(
  self: AnySelf,
  task: Task<unknown>,
  onTimeout: NonNullable<YieldManyOptions["onTimeout"]>,
): Promise<TaskOutcome<unknown> | null> | null {
  switch (onTimeout) {
    case "nothing":
      return null;
    case "ignore":
      return ignoreTask(self, task);
    case "killTask":
      return shutdownTask(self, task, "brutalKill");
    default:
      onTimeout satisfies never;
      throw new UsageError(
        `expected onTimeout to be nothing, ignore or killTask, got ${
          printTerm(onTimeout)
        }`,
      );
  }
}
