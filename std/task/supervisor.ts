/**
 * A supervisor of tasks: they end with it, and it can tell which there are.
 *
 * It is for tasks only. For children of any kind see the supervisors of
 * `std/supervisor.ts` and `std/dynamic_supervisor.ts`.
 */

import {
  atom,
  CallError,
  type CallTarget,
  type Down,
  Exit,
  Pid,
  printTerm,
  reasons,
  type Self,
  Shared,
  Timeout,
} from "../../runtime/mod.ts";
import { genServer, type Server, type ServerName } from "../gen_server.ts";
import { stop as stopServer, type StopOptions } from "../gen_server.ts";
import { Clock } from "../inner/clock.ts";
import { mustBeHere } from "../inner/targets.ts";
import { isOrderly } from "../inner/reasons.ts";
import { receiveRef } from "../inner/wait.ts";
import { adopt, chainOf, labelOf, loneTask, ownedTask } from "./running.ts";
import { type StreamFunction, type StreamInput, streamOf } from "./stream.ts";
import type {
  AnySelf,
  StreamOptions,
  StreamResult,
  Task,
  TaskFunction,
} from "./types.ts";

/** Options of a supervisor of tasks. */
export type TaskSupervisorOptions = {
  /** A local name, or one that is kept elsewhere. */
  readonly name?: ServerName;
  /** More tasks than these at a time are refused. Default Infinity. */
  readonly maxChildren?: number;
  /**
   * It ends when tasks are started again more often than this within
   * `restartsWithinMs`. Default 3.
   */
  readonly maxRestarts?: number;
  /** Default 5,000. */
  readonly restartsWithinMs?: number;
};

/** Options of a single child. */
export type TaskChildOptions = {
  /**
   * Whether it is started again when it has ended: never, unless in good order,
   * or always. Default `temporary`; the others are for `startChild` only.
   */
  readonly restart?: "temporary" | "transient" | "permanent";
  /**
   * How long it may take to end when the supervisor does, before it is killed:
   * ms, or Infinity; or `brutalKill` at once. Default 5,000. A task ends at
   * once unless it traps exits.
   */
  readonly shutdown?: number | "brutalKill";
};

type Child = Required<TaskChildOptions> & {
  readonly run: TaskFunction<unknown>;
  readonly chain: readonly Pid<never>[];
  /** For whom it waits before it begins; null when nobody awaits it. */
  readonly owner: Pid<never> | null;
};

type State = {
  readonly options: Required<Omit<TaskSupervisorOptions, "name">>;
  readonly children: Map<Pid<never>, Child>;
  /** Restarts that are not long enough ago to be forgotten. */
  restarts: number;
};

const FULL = atom("max_children");

const Supervisor = genServer({
  name: "TaskSupervisor",
  trapExits: true,
  init: (_self, options: TaskSupervisorOptions): State => ({
    options: {
      maxChildren: options.maxChildren ?? Infinity,
      maxRestarts: options.maxRestarts ?? 3,
      restartsWithinMs: options.restartsWithinMs ?? 5_000,
    },
    children: new Map(),
    restarts: 0,
  }),
  calls: {
    start: (
      { state, self },
      child: Shared<Child>,
    ): Pid<never> | typeof FULL => {
      const { children, options } = state;
      if (children.size >= options.maxChildren) return FULL;
      return startChild(self, children, child.value);
    },
    children: ({ state }) => [...state.children.keys()],
    terminate: async ({ state, self }, pid: Pid<never>) => {
      const child = state.children.get(pid);
      if (child === undefined) return false;
      state.children.delete(pid);
      await endAll(self, [[pid, child]]);
      return true;
    },
  },
  info: (server, message) => {
    if (message instanceof Timeout) server.state.restarts--;
    else if (message instanceof Exit) hasEnded(server, message);
  },
  terminate: ({ state, self }) => endAll(self, [...state.children]),
});

function startChild(
  self: Self<unknown>,
  children: Map<Pid<never>, Child>,
  child: Child,
): Pid<never> {
  const { run, chain, owner } = child;
  const behaviour = owner === null
    ? loneTask(run, chain)
    : ownedTask(run, chain, owner);
  const pid = self.spawnLink(behaviour, { label: labelOf(run) }) as Pid<never>;
  children.set(pid, child);
  return pid;
}

function hasEnded(server: Server<State>, { from, reason }: Exit): void {
  const { state, self } = server;
  const pid = from as Pid<never>;
  const child = state.children.get(pid);
  // Exit signals of others, and of children that live, are nothing to it.
  if (child === undefined || self.isActorAlive(from)) return;
  state.children.delete(pid);
  const isWanted = child.restart === "permanent" ||
    child.restart === "transient" && !isOrderly(reason);
  if (!isWanted) return;
  const { maxRestarts, restartsWithinMs } = state.options;
  if (state.restarts >= maxRestarts) {
    server.stop(reasons.shutdown);
    return;
  }
  state.restarts++;
  self.startTimer(restartsWithinMs, null);
  startChild(self, state.children, child);
}

/** All at the same time; those that take too long are killed. */
async function endAll(
  self: Self<unknown>,
  children: readonly (readonly [Pid<never>, Child])[],
): Promise<void> {
  if (children.length === 0) return;
  const waits = children.map(([pid, { shutdown }]) => {
    const ref = self.monitor(pid);
    self.unlink(pid);
    const isBrutal = shutdown === "brutalKill";
    self.sendExit(pid, isBrutal ? reasons.kill : reasons.shutdown);
    return { pid, ref, limitMs: isBrutal ? Infinity : shutdown };
  });
  using clock = new Clock(self);
  for (const { pid, ref, limitMs } of waits) {
    const timeoutMs = Math.max(0, limitMs - clock.elapsedMs);
    const down = await receiveRef(self, ref, { timeoutMs });
    if (down !== undefined) continue;
    self.sendExit(pid, reasons.kill);
    await receiveRef(self, ref) as Down;
  }
}

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

  /** For supervisors above: its pid. Throws for one made by `at` with a name. */
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
    const { pid } = await Supervisor.startLink(self, options, named(options));
    return new TaskSupervisor(pid);
  }

  /** As `startLink`, without a link. */
  static async start(
    self: AnySelf,
    options: TaskSupervisorOptions = {},
  ): Promise<TaskSupervisor> {
    const { pid } = await Supervisor.start(self, options, named(options));
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
    const { restart = "temporary", shutdown = 5_000 } = options;
    const chain = chainOf(self);
    const child: Child = { run, chain, owner, restart, shutdown };
    const pid = await this.#client(self).start(new Shared(child));
    if (pid instanceof Pid) return pid;
    throw new CallError(printTerm(this.target), atom("start_child"), FULL);
  }

  #client(self: AnySelf) {
    return Supervisor.at(self, this.target, { timeoutMs: Infinity });
  }

  /** The tasks that run now. */
  children(self: AnySelf): Promise<readonly Pid<never>[]> {
    return this.#client(self).children();
  }

  /** Ends a task as its `shutdown` says; whether it was one of these. */
  terminateChild(self: AnySelf, pid: Pid<never>): Promise<boolean> {
    return this.#client(self).terminate(pid);
  }

  /** Ends all tasks and then the supervisor. Rejects with a `StopError`. */
  stop(self: AnySelf, options: StopOptions = {}): Promise<void> {
    return stopServer(self, this.target, reasons.normal, options);
  }
}

function named({ name }: TaskSupervisorOptions): { name?: ServerName } {
  return name === undefined ? {} : { name };
}
