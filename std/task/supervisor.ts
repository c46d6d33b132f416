/**
 * A supervisor of tasks: they end with it, and it can tell which there are.
 *
 * It is a `DynamicSupervisor` that knows how to start tasks, as Elixir's is.
 * For children of any kind see `std/dynamic_supervisor/mod.ts`.
 */

import {
  atom,
  CallError,
  type CallTarget,
  Pid,
  printTerm,
  reasons,
} from "../../runtime/mod.ts";
import {
  DynamicSupervisor,
  SupervisorError,
} from "../dynamic_supervisor/mod.ts";
import type { ServerName } from "../gen_server/mod.ts";
import type { StopOptions } from "../gen_server/stop.ts";
import { mustBeHere } from "../internal/targets.ts";
import type { RestartLimits } from "../supervisor/types.ts";
import { adopt, chainOf, labelOf, loneTask, ownedTask } from "./running.ts";
import { type StreamFunction, type StreamInput, streamOf } from "./stream.ts";
import type {
  AnySelf,
  StreamOptions,
  StreamResult,
  Task,
  TaskFunction,
} from "./types.ts";
import type { ChildOptions } from "../internal/child_spec.ts";

/** Options of a supervisor of tasks. */
export type TaskSupervisorOptions = RestartLimits & {
  /** A local name, or one that is kept elsewhere. */
  readonly name?: ServerName;
  /** More tasks than these at a time are refused. Default Infinity. */
  readonly maxChildren?: number;
};

/**
 * Options of a single child. `restart` is `temporary` by default; the others
 * are for `startChild` only. A task ends at once unless it traps exits.
 */
export type TaskChildOptions = Pick<ChildOptions, "restart" | "shutdown">;

/**
 * A supervisor of tasks, in the hands of anybody who uses it.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { Task, TaskSupervisor } from "hornbeam/std/task";
 *
 * await using node = await start({ log: () => {} });
 * await node.run(async (self) => {
 *   const tasks = await TaskSupervisor.startLink(self);
 *   const bad = await tasks.asyncNolink(self, () => {
 *     throw new Error("no luck");
 *   });
 *   const good = await tasks.asyncNolink(self, () => 42);
 *   console.log((await Task.yield(self, bad))?.type); // prints: exit
 *   console.log(await Task.await(self, good)); // prints: 42
 * });
 * ```
 */
export class TaskSupervisor {
  readonly target: CallTarget;
  /** Null for one that is known by another name than its pid. */
  readonly #pid: Pid<never> | null;

  private constructor(target: CallTarget) {
    this.target = target;
    this.#pid = target instanceof Pid ? target : null;
  }

  /**
   * For supervisors above: its pid. Throws for one made by `at` with a name.
   */
  get pid(): Pid<never> {
    if (this.#pid !== null) return this.#pid;
    throw new TypeError(
      `expected a supervisor known by its pid, got ${printTerm(this.target)}`,
    );
  }

  /** Starts one that is linked to the caller. Rejects with a `StartError`. */
  static async startLink(
    self: AnySelf,
    options: TaskSupervisorOptions = {},
  ): Promise<TaskSupervisor> {
    const { pid } = await DynamicSupervisor.startLink(self, options);
    return new TaskSupervisor(pid);
  }

  /** As `startLink`, without a link. */
  static async start(
    self: AnySelf,
    options: TaskSupervisorOptions = {},
  ): Promise<TaskSupervisor> {
    const { pid } = await DynamicSupervisor.start(self, options);
    return new TaskSupervisor(pid);
  }

  /** One that runs already, by pid or name. */
  static at(target: CallTarget): TaskSupervisor {
    return new TaskSupervisor(target);
  }

  /**
   * Starts a task that is linked to the caller and to the supervisor: its
   * failure is the caller's end, unless that traps exits.
   *
   * Rejects with a `CallError`: `max_children` when there are too many, or why
   * the supervisor could not be asked. Throws `UsageError` for a supervisor of
   * another node.
   */
  async async<T>(self: AnySelf, run: TaskFunction<T>): Promise<Task<T>> {
    const pid = await this.#start(self, run, self.pid, {});
    return adopt<T>(self, pid, "linked");
  }

  /** As `async`, without the link: a failure is only seen by whoever awaits. */
  async asyncNolink<T>(self: AnySelf, run: TaskFunction<T>): Promise<Task<T>> {
    const pid = await this.#start(self, run, self.pid, {});
    return adopt<T>(self, pid, "alone");
  }

  /** Starts a task that nobody awaits. Rejects as `async` does. */
  startChild(
    self: AnySelf,
    run: TaskFunction<unknown>,
    options: TaskChildOptions = {},
  ): Promise<Pid<never>> {
    return this.#start(self, run, null, options);
  }

  /** As `Task.asyncStream`, with tasks of this supervisor. */
  asyncStream<I, T>(
    self: AnySelf,
    input: StreamInput<I>,
    fn: StreamFunction<I, T>,
    options: StreamOptions = {},
  ): AsyncIterable<StreamResult<I, T>> {
    return this.#stream(self, input, fn, options, true);
  }

  /** As `asyncStream`, but a failed task does the caller no harm. */
  asyncStreamNolink<I, T>(
    self: AnySelf,
    input: StreamInput<I>,
    fn: StreamFunction<I, T>,
    options: StreamOptions = {},
  ): AsyncIterable<StreamResult<I, T>> {
    return this.#stream(self, input, fn, options, false);
  }

  #stream<I, T>(
    self: AnySelf,
    input: StreamInput<I>,
    fn: StreamFunction<I, T>,
    options: StreamOptions,
    isLinked: boolean,
  ): AsyncIterable<StreamResult<I, T>> {
    return streamOf(self, input, fn, options, {
      isLinked,
      start: (run, owner) => this.#start(self, run, owner, {}),
    });
  }

  async #start(
    self: AnySelf,
    run: TaskFunction<unknown>,
    owner: Pid<never> | null,
    options: TaskChildOptions,
  ): Promise<Pid<never>> {
    mustBeHere(self, this.target, "a supervisor of tasks");
    const chain = chainOf(self);
    const behaviour = owner === null
      ? loneTask(run, chain)
      : ownedTask(run, chain, owner);
    const label = labelOf(run);
    try {
      return await this.#supervisor(self).startChild({
        restart: "temporary",
        ...options,
        start: (supervisor) => supervisor.spawnLink(behaviour, { label }),
      }) as Pid<never>;
    } catch (error) {
      if (!(error instanceof SupervisorError)) throw error;
      const who = printTerm(this.target);
      throw new CallError(who, atom("start_child"), error.reason);
    }
  }

  #supervisor(self: AnySelf): DynamicSupervisor {
    return DynamicSupervisor.at(self, this.target);
  }

  /** The tasks that run now. */
  async children(self: AnySelf): Promise<readonly Pid<never>[]> {
    const children = await this.#supervisor(self).whichChildren();
    return children.flatMap(({ pid }) => pid instanceof Pid ? pid : []);
  }

  /** Ends a task as its `shutdown` says; whether it was one of these. */
  async terminateChild(self: AnySelf, pid: Pid<never>): Promise<boolean> {
    try {
      await this.#supervisor(self).terminateChild(pid);
      return true;
    } catch (error) {
      const isNone = error instanceof SupervisorError &&
        error.reason === atom("not_found");
      if (isNone) return false;
      throw error;
    }
  }

  /** Ends all tasks and then the supervisor. Rejects with a `StopError`. */
  stop(self: AnySelf, options: StopOptions = {}): Promise<void> {
    return this.#supervisor(self).stop(reasons.normal, options);
  }
}
