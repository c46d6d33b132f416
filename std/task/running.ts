/** How a task runs: with its callers, and a value for whoever asked for it. */

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

/** Callers that are remembered; a task that starts the next one has no end. */
const MAX_CALLERS = 20;

/** By the task's `self`: who started it, who started that one, and so on. */
const chains = new WeakMap<object, readonly Pid<never>[]>();

/** See `Task.callers`. */
export function callers(self: object): readonly Pid<never>[] {
  return chains.get(self) ?? [];
}

/** The callers of what this actor starts. */
export function chainOf(self: AnySelf): readonly Pid<never>[] {
  return [self.pid, ...callers(self)].slice(0, MAX_CALLERS);
}

export function labelOf(run: { readonly name: string }): string {
  return run.name === "" ? "task" : run.name;
}

/** Runs the work, and gives its value to `say`. */
function perform<T>(
  me: Self<unknown>,
  run: TaskFunction<T>,
  say: (value: T) => void,
): Promise<void> | void {
  const value = run(me);
  return value instanceof Promise ? value.then(say) : say(value);
}

/** A task whose value is nobody's. */
export function loneTask(
  run: TaskFunction<unknown>,
  chain: readonly Pid<never>[],
): ActorFunction<unknown> {
  return (me) => {
    chains.set(me, chain);
    return perform(me, run, () => {});
  };
}

/** Starts a task of this actor's. */
export function begin<T>(
  self: AnySelf,
  run: TaskFunction<T>,
  chain: readonly Pid<never>[],
): Task<T> {
  // It runs for the first time when the ref is there.
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

/** The owner is ready: it has its link and its monitor. */
class Go {
  readonly type = "go";
  readonly ref: Ref;
  constructor(ref: Ref) {
    this.ref = ref;
  }
}

/**
 * A task that another actor has started for its owner. It waits for the owner's
 * word, so that no end of it is missed, and not longer than the owner lives.
 */
export function ownedTask(
  run: TaskFunction<unknown>,
  chain: readonly Pid<never>[],
  owner: Pid<never>,
): ActorFunction<unknown> {
  return async (me) => {
    chains.set(me, chain);
    const watch = me.monitor(owner);
    const word = await me.receive((message) =>
      message instanceof Go ||
      message instanceof Down && message.ref === watch
    );
    me.demonitor(watch, { flush: true });
    if (!(word instanceof Go)) {
      throw new ExitError(tuple(reasons.shutdown, (word as Down).reason));
    }
    const { ref } = word;
    await perform(
      me,
      run,
      (value) => void me.send(ref, new TaskReply(ref, value)),
    );
  };
}

/** Makes a task of an actor that runs `ownedTask`. */
export function adopt<T>(
  self: AnySelf,
  pid: Pid<never>,
  how: "linked" | "alone",
): Task<T> {
  const ref = self.monitor(pid, { alias: "replyDemonitor" });
  if (how === "linked") self.link(pid);
  self.send(pid as Pid<unknown>, new Go(ref));
  return new Task<T>(pid, ref, self.pid as Pid<never>);
}
