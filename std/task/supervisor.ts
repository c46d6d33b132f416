/**
 * A supervisor of tasks: its tasks end when it ends, and it can list them.
 *
 * It is a `DynamicSupervisor` that knows how to start tasks, as Elixir's is.
 * For children of any kind see `std/dynamic_supervisor/mod.ts`.
 */

import { childRules } from "../internal/options.ts";
import {
  atom,
  CallError,
  type CallTarget,
  OptionTable,
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
import type { ChildOptions } from "../internal/child_spec.ts";
import type { RestartLimits } from "../supervisor/types.ts";
import { adoptTask, chainOf, labelOf, loneTask, ownedTask } from "./running.ts";
import { type StreamFunction, type StreamInput, streamOf } from "./stream.ts";
import type {
  AnySelf,
  StreamOptions,
  StreamResult,
  Task,
  TaskFunction,
} from "./types.ts";

/** Options of a supervisor of tasks. */
export type TaskSupervisorOptions = RestartLimits & {
  /** A local name, or a name of another registry (`via`, `global`). */
  readonly name?: ServerName;
  /** How many tasks may run at a time; more are refused. Default Infinity. */
  readonly maxChildren?: number;
};

/**
 * Options of a single child. `restart` is `temporary` by default; the other
 * values are for `startChild` only. At `shutdown` a task ends at once unless it
 * traps exits.
 */
export type TaskChildOptions = Pick<ChildOptions, "restart" | "shutdown">;

const taskChildOptions = new OptionTable<TaskChildOptions>("startChild", {
  restart: childRules.restart,
  shutdown: childRules.shutdown,
});

/**
 * A handle of a supervisor of tasks. Any actor of its node may use it.
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
  /** Null for a handle that `at` made from a name. */
  readonly #pid: Pid<never> | null;

  private constructor(target: CallTarget) {
    this.target = target;
    this.#pid = target instanceof Pid ? target : null;
  }

  /**
   * The supervisor's pid, which a supervisor above it needs. Throws `TypeError`
   * for a handle that `at` made from a name.
   */
  get pid(): Pid<never> {
    if (this.#pid !== null) return this.#pid;
    throw new TypeError(
      `expected a supervisor known by its pid, got ${printTerm(this.target)}`,
    );
  }

  /**
   * Starts a supervisor that is linked to the caller. Rejects with a
   * `StartError`.
   */
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

  /** Makes a handle of a supervisor that runs already, by pid or name. */
  static at(target: CallTarget): TaskSupervisor {
    return new TaskSupervisor(target);
  }

  /**
   * Starts a task that is linked to the caller and to the supervisor: when it
   * fails, a caller that does not trap exits ends as well.
   *
   * Rejects with a `CallError`. Its reason is `max_children` when there are too
   * many tasks; any other reason says why the supervisor gave no answer. Throws
   * `UsageError` for a supervisor of another node.
   */
  async async<T>(self: AnySelf, run: TaskFunction<T>): Promise<Task<T>> {
    const pid = await this.#start(self, run, self.pid, {});
    return adoptTask<T>(self, pid, "linked");
  }

  /** As `async`, without the link: only a wait for the task sees its failure. */
  async asyncNolink<T>(self: AnySelf, run: TaskFunction<T>): Promise<Task<T>> {
    const pid = await this.#start(self, run, self.pid, {});
    return adoptTask<T>(self, pid, "monitored");
  }

  /** Starts a task whose value is not needed. Rejects as `async` does. */
  startChild(
    self: AnySelf,
    run: TaskFunction<unknown>,
    options: TaskChildOptions = {},
  ): Promise<Pid<never>> {
    taskChildOptions.check(options);
    return this.#start(self, run, null, options);
  }

  /** As `Task.asyncStream`, with tasks under this supervisor. */
  asyncStream<I, T>(
    self: AnySelf,
    input: StreamInput<I>,
    fn: StreamFunction<I, T>,
    options: StreamOptions = {},
  ): AsyncIterable<StreamResult<I, T>> {
    return this.#stream(self, input, fn, options, true);
  }

  /** As `asyncStream`, but a failed task never ends the caller. */
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
      const supervisor = printTerm(this.target);
      throw new CallError(supervisor, atom("start_child"), error.reason);
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

  /**
   * Ends a task as its `shutdown` says. Resolves with false when the pid is no
   * task of this supervisor.
   */
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
