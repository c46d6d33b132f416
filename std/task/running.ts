/**
 * How the actor of a task runs: it remembers its callers, and sends its value
 * to its owner if it has one.
 */

import {
  type ActorFunction,
  Down,
  ExitError,
  type Pid,
  reasons,
  type Ref,
  type Self,
  tuple,
} from "../../runtime/mod.ts";
import { type AnySelf, Task, type TaskFunction, TaskReply } from "./types.ts";

/** Limits the list of callers, since tasks may start tasks without end. */
const MAX_CALLERS = 20;

/** By the task's `self`: its starter, the starter of that one, and so on. */
const chains = new WeakMap<object, readonly Pid<never>[]>();

/** See `Task.callers`. */
export function callers(self: object): readonly Pid<never>[] {
  return chains.get(self) ?? [];
}

/** The list of callers for a task that this actor starts. */
export function chainOf(self: AnySelf): readonly Pid<never>[] {
  return [self.pid, ...callers(self)].slice(0, MAX_CALLERS);
}

export function labelOf(run: { readonly name: string }): string {
  return run.name === "" ? "task" : run.name;
}

/** Runs the work, and passes its value to `report`. */
function perform<T>(
  me: Self<unknown>,
  run: TaskFunction<T>,
  report: (value: T) => void,
): Promise<void> | void {
  const value = run(me);
  return value instanceof Promise ? value.then(report) : report(value);
}

/** A task without an owner: its value is dropped. */
export function loneTask(
  run: TaskFunction<unknown>,
  chain: readonly Pid<never>[],
): ActorFunction<unknown> {
  return (me) => {
    chains.set(me, chain);
    return perform(me, run, () => {});
  };
}

/** Starts a task that this actor owns. */
export function startTask<T>(
  self: AnySelf,
  run: TaskFunction<T>,
  chain: readonly Pid<never>[],
): Task<T> {
  // The task has its first turn after this call, when the ref is set.
  let ref: Ref | null = null;
  const pid = self.spawnLink((me: Self<unknown>) => {
    chains.set(me, chain);
    const to = ref as unknown as Ref;
    return perform(
      me,
      run,
      (value) => void me.send(to, new TaskReply(to, value)),
    );
  }, { label: labelOf(run) });
  ref = self.monitor(pid, { alias: "replyDemonitor" });
  return new Task<T>(pid, ref, self.pid as Pid<never>);
}

/** Tells a task that its owner has its link and its monitor in place. */
class Go {
  readonly type = "go";
  readonly ref: Ref;
  constructor(ref: Ref) {
    this.ref = ref;
  }
}

/**
 * A task that a supervisor has started for its owner. It waits for the owner's
 * `Go`, so that the owner's monitor always sees how the task ends. When the
 * owner ends before that, the task ends as well.
 */
export function ownedTask(
  run: TaskFunction<unknown>,
  chain: readonly Pid<never>[],
  owner: Pid<never>,
): ActorFunction<unknown> {
  return async (me) => {
    chains.set(me, chain);
    const monitor = me.monitor(owner);
    const first = await me.receive((message) =>
      message instanceof Go ||
      message instanceof Down && message.ref === monitor
    );
    me.demonitor(monitor, { flush: true });
    if (!(first instanceof Go)) {
      throw new ExitError(tuple(reasons.shutdown, (first as Down).reason));
    }
    const { ref } = first;
    await perform(
      me,
      run,
      (value) => void me.send(ref, new TaskReply(ref, value)),
    );
  };
}

/** Makes this actor the owner of a task that runs `ownedTask`. */
export function adoptTask<T>(
  self: AnySelf,
  pid: Pid<never>,
  tie: "linked" | "monitored",
): Task<T> {
  const ref = self.monitor(pid, { alias: "replyDemonitor" });
  if (tie === "linked") self.link(pid);
  self.send(pid as Pid<unknown>, new Go(ref));
  return new Task<T>(pid, ref, self.pid as Pid<never>);
}
