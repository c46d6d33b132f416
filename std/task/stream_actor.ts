/**
 * The actor behind a stream of tasks. It starts and watches them, so that the
 * owner's mailbox and monitors stay out of it, and it is linked to the owner:
 * no task outlives the one that wanted its value.
 *
 * The owner casts what is to be run and calls for what has ended.
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
import { adopt, begin } from "./running.ts";
import {
  type StreamOptions,
  type Task,
  type TaskFunction,
  type TaskOutcome,
  TaskReply,
} from "./types.ts";

/** Casts and calls of the owner. `run` is a box, `pid` a supervised task. */
export type StreamRequest =
  | {
    readonly type: "run";
    readonly index: number;
    readonly run: Shared<TaskFunction<unknown>>;
  }
  | { readonly type: "adopt"; readonly index: number; readonly pid: Pid<never> }
  | { readonly type: "next" }
  | { readonly type: "stop" };

/** What a call of `next` resolves with. */
export type Finished = {
  readonly index: number;
  readonly outcome: TaskOutcome<unknown>;
  /** It took too long, and that is the end of the stream. */
  readonly isFatal: boolean;
};

export type StreamPlan = Pick<StreamOptions, "timeoutMs" | "onTimeout"> & {
  readonly owner: Pid<never>;
  readonly chain: readonly Pid<never>[];
  /** Whether a failed task takes an owner along that does not trap exits. */
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

  watch(index: number, task: Task<unknown>): void {
    const { timeoutMs = 5_000 } = this.plan;
    const timer = timeoutMs === Infinity
      ? null
      : this.self.startTimer(timeoutMs, task.ref);
    this.running.set(task.ref, { index, task, timer });
  }

  /** Nothing of a task that is not known here matters any more. */
  finish(ref: Ref, outcome: TaskOutcome<unknown>, isFatal = false): void {
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

  kill({ pid, ref }: Task<unknown>): void {
    this.self.demonitor(ref);
    this.self.unlink(pid as Pid<never>);
    this.self.sendExit(pid as Pid<never>, reasons.kill);
  }

  killAll(): void {
    for (const { task } of this.running.values()) this.kill(task);
    this.running.clear();
  }

  /** Whether that is the end of the owner, as it would be over a link. */
  takesOwnerAlong(ref: Ref, reason: ExitReason): boolean {
    return this.plan.isLinked && this.running.has(ref) &&
      reason !== reasons.normal &&
      this.self.info(this.plan.owner)?.trapExits === false;
  }
}

/** See above. It has to trap exits. */
export function streamActor(plan: StreamPlan): Handler<unknown> {
  return handler<Stream, unknown>(
    (self) => new Stream(plan, self),
    handleMessage,
  );
}

function handleMessage(stream: Stream, message: unknown): Stream | Stop {
  if (message instanceof TaskReply) {
    stream.finish(message.ref, { type: "ok", value: message.value });
  } else if (message instanceof Down) {
    const { ref, reason } = message;
    if (stream.takesOwnerAlong(ref, reason)) return end(stream, reason);
    stream.finish(ref, { type: "exit", reason });
  } else if (message instanceof Timeout) {
    tooLate(stream, message.message as Ref);
  } else if (message instanceof Cast) {
    start(stream, message.request as StreamRequest);
  } else if (message instanceof Call) {
    return answer(stream, message as Call<StreamRequest>);
  } else if (message instanceof Exit && message.from === stream.plan.owner) {
    return end(stream, message.reason);
  }
  return stream;
}

/** Its own end is told to the owner over the link. */
function end(stream: Stream, reason: ExitReason): Stop {
  stream.killAll();
  return stop(reason);
}

function start(stream: Stream, request: StreamRequest): void {
  const { self, plan } = stream;
  if (request.type === "run") {
    stream.watch(request.index, begin(self, request.run.value, plan.chain));
  } else if (request.type === "adopt") {
    stream.watch(request.index, adopt(self, request.pid, "linked"));
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

function tooLate(stream: Stream, ref: Ref): void {
  const known = stream.running.get(ref);
  if (known === undefined) return;
  stream.kill(known.task);
  const isFatal = stream.plan.onTimeout !== "killTask";
  stream.finish(ref, { type: "exit", reason: "timeout" }, isFatal);
}
