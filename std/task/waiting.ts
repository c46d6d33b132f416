/**
 * What an owner does with its tasks. Whatever it is, afterwards there is no
 * message and no monitor of a task that was taken or given up, and no link
 * either, unless it was given up at a time-out and still runs.
 *
 * A task's ref is a monitor and at the same time an alias that ends with it: so
 * either a reply comes under it or a `Down`, and after `demonitor` neither.
 */

import {
  Down,
  type ExitReason,
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

type Word<T> = TaskReply<T> | Down;

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
    `expected Task.${what} of a task whose outcome is still to be had, got ` +
      "one that was awaited, ended or ignored before",
  );
}

/** Takes the link back. The monitor has ended with what came. */
async function settle(self: AnySelf, task: Task<unknown>): Promise<void> {
  task.isSettled = true;
  if (task.pid !== null) await flushExit(self, task.pid);
}

/** Takes every tie back, and resolves with what has come nevertheless. */
async function leave<T>(
  self: AnySelf,
  task: Task<T>,
): Promise<Word<T> | undefined> {
  const word = await giveUp(self, task);
  await settle(self, task);
  return word;
}

/**
 * As `leave`, but a task that still runs keeps its link: an owner that ends by
 * the time-out takes it along.
 */
async function giveUp<T>(
  self: AnySelf,
  task: Task<T>,
): Promise<Word<T> | undefined> {
  self.demonitor(task.ref);
  const word = await receiveRef(self, task.ref, { timeoutMs: 0 });
  task.isSettled = true;
  if (word !== undefined) await settle(self, task);
  return word as Word<T> | undefined;
}

/** Throws a `TaskError` when the connection to the task is lost. */
function outcomeOf<T>(
  word: Word<T>,
  task: Task<T>,
  what: string,
  timeoutMs: number,
): TaskOutcome<T> {
  if (word instanceof TaskReply) return { type: "ok", value: word.value };
  const { reason } = word;
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
    what,
    on: task.pid,
    timeoutMs,
  });
}

/** See `Task.await`. */
export async function awaitTask<T>(
  self: AnySelf,
  task: Task<T>,
  options: AwaitOptions = {},
): Promise<T> {
  mustBeOpen(self, task, "await");
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  let word: Word<T> | undefined;
  try {
    const limits = { ...options, timeoutMs };
    word = await receiveRef(self, task.ref, limits) as Word<T> | undefined;
  } catch (error) {
    // A refused call changes nothing.
    if (self.isAlive && !(error instanceof UsageError)) {
      await giveUp(self, task);
    }
    throw error;
  }
  if (word === undefined) word = await giveUp(self, task);
  else await settle(self, task);
  if (word instanceof TaskReply) return word.value;
  const reason = word === undefined ? "timeout" : word.reason;
  throw failed(task, reason, "await", timeoutMs);
}

/** See `Task.yield`. */
export async function yieldTask<T>(
  self: AnySelf,
  task: Task<T>,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<TaskOutcome<T> | null> {
  mustBeOpen(self, task, "yield");
  const word = await receiveRef(self, task.ref, { timeoutMs }) as
    | Word<T>
    | undefined;
  if (word === undefined) return null;
  await settle(self, task);
  return outcomeOf(word, task, "yield", timeoutMs);
}

/** See `Task.ignore`. */
export async function ignoreTask<T>(
  self: AnySelf,
  task: Task<T>,
): Promise<TaskOutcome<T> | null> {
  mustBeOpen(self, task, "ignore");
  const word = await leave(self, task);
  return word === undefined ? null : outcomeOf(word, task, "ignore", 0);
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
    // The first monitor has ended if a reply is there, and its end counts too.
    const watch = self.monitor(pid);
    // The link goes first, since the exit signal is none of the owner's.
    self.unlink(pid);
    self.sendExit(
      pid,
      how === "brutalKill" ? reasons.kill : reasons.shutdown,
    );
    let down = await receiveRef(self, watch, { timeoutMs });
    if (down === undefined) {
      self.sendExit(pid, reasons.kill);
      down = await receiveRef(self, watch);
    }
    ({ reason } = down as Down);
  }
  const word = await leave(self, task);
  if (word instanceof TaskReply) return { type: "ok", value: word.value };
  if (word instanceof Down) reason = word.reason;
  if (reason === expected) return null;
  if (reason === reasons.noconnection) {
    throw failed(task, reason, "shutdown", timeoutMs);
  }
  return { type: "exit", reason };
}

/** The next word of any of them; undefined when the time is over. */
function nextWord(
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
    `expected Task.${what} of different tasks, got one of them twice`,
  );
}

/** See `Task.awaitMany`. */
export async function awaitMany(
  self: AnySelf,
  tasks: readonly Task<unknown>[],
  options: AwaitOptions = {},
): Promise<unknown[]> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, ...more } = options;
  const open = openTasks(self, tasks, "awaitMany");
  const values: unknown[] = new Array(tasks.length).fill(undefined);
  using deadline = new Deadline(self, timeoutMs);
  try {
    while (open.size > 0) {
      const limits = { ...more, timeoutMs: deadline.leftMs };
      const word = await nextWord(self, open, limits);
      if (word === undefined) {
        const pids = tasks.map(({ pid }) => pid);
        const waited = { what: "await_many", on: pids, timeoutMs };
        throw new TaskError("timeout", waited);
      }
      const { ref } = word as Word<unknown>;
      const index = open.get(ref) as number;
      const task = tasks[index] as Task<unknown>;
      open.delete(ref);
      await settle(self, task);
      if (!(word instanceof TaskReply)) {
        throw failed(task, (word as Down).reason, "await_many", timeoutMs);
      }
      values[index] = word.value;
    }
  } catch (error) {
    if (self.isAlive && !(error instanceof UsageError)) {
      for (const index of open.values()) {
        await giveUp(self, tasks[index] as Task<unknown>);
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
  const { timeoutMs = DEFAULT_TIMEOUT_MS, onTimeout = "nothing" } = options;
  const { limit = tasks.length } = options;
  const open = openTasks(self, tasks, "yieldMany");
  const outcomes: (TaskOutcome<unknown> | null)[] = tasks.map(() => null);
  let left = Math.min(limit, tasks.length);
  using deadline = new Deadline(self, timeoutMs);
  while (left > 0) {
    const word = await nextWord(self, open, { timeoutMs: deadline.leftMs });
    if (word === undefined) break;
    const index = open.get((word as Word<unknown>).ref) as number;
    const task = tasks[index] as Task<unknown>;
    open.delete(task.ref);
    await settle(self, task);
    outcomes[index] = outcomeOf(
      word as Word<unknown>,
      task,
      "yield_many",
      timeoutMs,
    );
    left--;
  }
  if (left === 0) return outcomes;
  for (const index of open.values()) {
    const task = tasks[index] as Task<unknown>;
    outcomes[index] = await late(self, task, onTimeout);
  }
  return outcomes;
}

function late(
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
