/**
 * The actor behind a stream of tasks. It starts the tasks and monitors them, so
 * that nothing of them reaches the owner's mailbox. It is linked to the owner,
 * so no task outlives the actor that wanted its value.
 *
 * The owner sends a cast for each task to start, and calls for the next result.
 */

import {
  Call,
  Cast,
  Down,
  Exit,
  type ExitReason,
  type Handler,
  handler,
  type Pid,
  reasons,
  type Ref,
  type ReplyTo,
  type Self,
  type Shared,
  type Stop,
  stop,
  Timeout,
} from "../../runtime/mod.ts";
import { adoptTask, startTask } from "./running.ts";
import {
  type StreamOptions,
  type Task,
  type TaskFunction,
  type TaskOutcome,
  TaskReply,
} from "./types.ts";

/**
 * Requests of the owner: `run` and `adopt` are casts, `next` and `stop` calls.
 * The field `run` is a box around the function; `pid` is a supervised task.
 */
export type StreamRequest =
  | {
    readonly type: "run";
    readonly index: number;
    readonly run: Shared<TaskFunction<unknown>>;
  }
  | { readonly type: "adopt"; readonly index: number; readonly pid: Pid<never> }
  | { readonly type: "next" }
  | { readonly type: "stop" };

/** The reply to `next`. */
export type Finished = {
  readonly index: number;
  readonly outcome: TaskOutcome<unknown>;
  /** Whether the task took too long and the stream ends by that. */
  readonly isFatal: boolean;
};

export type StreamPlan = Pick<StreamOptions, "timeoutMs" | "onTimeout"> & {
  readonly owner: Pid<never>;
  readonly chain: readonly Pid<never>[];
  /** Whether a failed task ends an owner that does not trap exits. */
  readonly isLinked: boolean;
};

type Running = {
  readonly index: number;
  readonly task: Task<unknown>;
  readonly timer: Ref | null;
};

class Stream {
  readonly plan: StreamPlan;
  readonly self: Self<unknown>;
  readonly running = new Map<Ref, Running>();
  readonly finished: Finished[] = [];
  asker: ReplyTo | null = null;

  constructor(plan: StreamPlan, self: Self<unknown>) {
    this.plan = plan;
    this.self = self;
  }

  addTask(index: number, task: Task<unknown>): void {
    const { timeoutMs = 5_000 } = this.plan;
    const timer = timeoutMs === Infinity
      ? null
      : this.self.startTimer(timeoutMs, task.ref);
    this.running.set(task.ref, { index, task, timer });
  }

  /** Records the outcome of a task, or replies with it. Ignores old refs. */
  finishTask(ref: Ref, outcome: TaskOutcome<unknown>, isFatal = false): void {
    const known = this.running.get(ref);
    if (known === undefined) return;
    this.running.delete(ref);
    if (known.timer !== null) this.self.cancelTimer(known.timer);
    const finished = { index: known.index, outcome, isFatal };
    if (this.asker === null) {
      this.finished.push(finished);
    } else {
      this.self.reply(this.asker, finished);
      this.asker = null;
    }
  }

  killTask({ pid, ref }: Task<unknown>): void {
    this.self.demonitor(ref);
    this.self.unlink(pid as Pid<never>);
    this.self.sendExit(pid as Pid<never>, reasons.kill);
  }

  killAll(): void {
    for (const { task } of this.running.values()) this.killTask(task);
    this.running.clear();
  }

  /** Whether this exit ends the owner, as it would over a direct link. */
  endsOwner(ref: Ref, reason: ExitReason): boolean {
    return this.plan.isLinked && this.running.has(ref) &&
      reason !== reasons.normal &&
      this.self.info(this.plan.owner)?.trapExits === false;
  }
}

/** The behaviour of a stream's actor, which must be spawned trapping exits. */
export function streamActor(plan: StreamPlan): Handler<unknown> {
  return handler<Stream, unknown>(
    (self) => new Stream(plan, self),
    handleMessage,
  );
}

function handleMessage(stream: Stream, message: unknown): Stream | Stop {
  if (message instanceof TaskReply) {
    stream.finishTask(message.ref, { type: "ok", value: message.value });
  } else if (message instanceof Down) {
    const { ref, reason } = message;
    if (stream.endsOwner(ref, reason)) return stopStream(stream, reason);
    stream.finishTask(ref, { type: "exit", reason });
  } else if (message instanceof Timeout) {
    taskTimedOut(stream, message.message as Ref);
  } else if (message instanceof Cast) {
    startRequested(stream, message.request as StreamRequest);
  } else if (message instanceof Call) {
    return answer(stream, message as Call<StreamRequest>);
  } else if (message instanceof Exit && message.from === stream.plan.owner) {
    return stopStream(stream, message.reason);
  }
  return stream;
}

/** The link passes the reason on to the owner. */
function stopStream(stream: Stream, reason: ExitReason): Stop {
  stream.killAll();
  return stop(reason);
}

function startRequested(stream: Stream, request: StreamRequest): void {
  const { self, plan } = stream;
  if (request.type === "run") {
    const task = startTask(self, request.run.value, plan.chain);
    stream.addTask(request.index, task);
  } else if (request.type === "adopt") {
    stream.addTask(request.index, adoptTask(self, request.pid, "linked"));
  }
}

function answer(
  stream: Stream,
  { from, request }: Call<StreamRequest>,
): Stream | Stop {
  if (request.type === "stop") {
    stream.killAll();
    stream.self.reply(from, null);
    return stop();
  }
  const finished = stream.finished.shift();
  if (finished === undefined) stream.asker = from;
  else stream.self.reply(from, finished);
  return stream;
}

function taskTimedOut(stream: Stream, ref: Ref): void {
  const known = stream.running.get(ref);
  if (known === undefined) return;
  stream.killTask(known.task);
  const isFatal = stream.plan.onTimeout !== "killTask";
  stream.finishTask(ref, { type: "exit", reason: "timeout" }, isFatal);
}
