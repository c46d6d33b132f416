/**
 * Starting actors that say when they are ready, and stopping them: the base of
 * servers and supervisors.
 *
 * `self.spawn` returns before the new actor has done anything. The functions
 * here resolve when it has acknowledged its start, and reject, with nothing of
 * it left, when it has not. Follows OTP's `proc_lib`: `start`, `start_link`,
 * `start_monitor`, `init_ack`, `init_fail`, `stop`.
 *
 * When not to use it: for an actor with nothing to prepare, `spawnLink` and
 * `spawnMonitor` of `self` are enough and cost no wait. Actors on other nodes
 * are started with `spawnOn`. The caller must be a function actor, because it
 * waits; what is started can be of either kind. A handler makes its first state
 * in the caller's turn, and costs no wait where its `init` does not.
 *
 * Labels, parents and crash reports need no counterpart here: `SpawnOptions`
 * and `self` have a `label`, `self.info` tells `parent` and `behaviour`, and
 * the node reports every crash.
 */

import {
  type Behaviour,
  CallError,
  type Down,
  ExitError,
  type ExitReason,
  KilledError,
  type Pid,
  printTerm,
  reasons,
  type Ref,
  type ReplyTo,
  type SpawnOptions,
  termEquals,
  UsageError,
} from "../../runtime/mod.ts";
import { type AnySelf, flushExit, receiveRef } from "../internal/wait.ts";

export type { AnySelf };

/** Options of a start: those of a spawn, and limits of the wait. */
export type StartOptions = SpawnOptions & {
  /**
   * Longest wait for the acknowledgement. Default Infinity, as in OTP: the wait
   * then ends with the started actor at the latest.
   */
  readonly timeoutMs?: number;
  /** Kills what was started and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** How a started actor tells that it is ready, or that it will not be. */
export type Starting<R = void> = {
  /**
   * Resolves the start with this value. The first word counts: after it, and
   * after a timeout, it has no effect.
   */
  readonly initAck: (value: R) => void;
  /**
   * Ends the actor that calls it, and then rejects the start with a
   * `StartError` of this reason. The actor's exit reason is the same unless
   * another is given: with `reasons.normal`, nobody is harmed over a link. It
   * works by throwing, so let nothing catch it.
   */
  readonly initFail: (reason: unknown, exitReason?: ExitReason) => never;
};

/** A start that was acknowledged. */
export type Started<M, R> = {
  readonly pid: Pid<M>;
  /** What the actor gave to `initAck`. */
  readonly value: R;
};

/** A start that came to nothing. The actor has ended; its names are free. */
export class StartError extends Error {
  override readonly name = "StartError";
  /**
   * `"timeout"`, what the actor gave to `initFail`, or the reason it ended with
   * before it said anything.
   */
  readonly reason: unknown;
  readonly pid: Pid;
  /** For `startMonitor`: the monitor whose `Down` is in the mailbox. */
  readonly ref: Ref | null;
  constructor(reason: unknown, pid: Pid, ref: Ref | null) {
    super(
      `expected ${pid} to acknowledge its start, got ${printTerm(reason)}`,
      reason instanceof Error ? { cause: reason } : {},
    );
    this.reason = reason;
    this.pid = pid;
    this.ref = ref;
  }
}

/** A stop that did not go as asked. */
export class StopError extends Error {
  override readonly name = "StopError";
  /**
   * `"timeout"`, `noproc` when there was no such actor, `noconnection` when its
   * node is lost, or the other reason that it ended with.
   */
  readonly reason: unknown;
  constructor(target: Pid | string, asked: ExitReason, reason: unknown) {
    super(
      `expected ${printTerm(target)} to end with ${printTerm(asked)}, got ${
        printTerm(reason)
      }`,
      reason instanceof Error ? { cause: reason } : {},
    );
    this.reason = reason;
  }
}

/** Options of `stop`. */
export type StopOptions = {
  /** Default `reasons.shutdown`. */
  readonly reason?: ExitReason;
  /** Longest wait for the end. Default Infinity. */
  readonly timeoutMs?: number;
  /** Ends the wait, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** Makes the behaviour to start; called at once, in the caller's turn. */
type Make<M, R> = (starting: Starting<R>) => Behaviour<M>;

type How = "alone" | "linked" | "monitored";

/** What the started actor says to its starter. */
type Word = {
  readonly type: "ack" | "nack";
  readonly value: unknown;
};

/**
 * Starts an actor and resolves when it has called `initAck`.
 *
 * Rejects with a `StartError` when it has called `initFail`, when it ends
 * without a word, and after `timeoutMs`, when it is killed. In each case the
 * actor has ended by then, so that its name can be taken again, and when the
 * caller traps exits, an `Exit` message of it has been removed. If the caller
 * is ended meanwhile, what it has started lives on.
 *
 * Throws `UsageError` when the name is taken or the caller is a handler actor.
 *
 * @example
 * ```ts
 * import { type Self, start as startNode } from "hornbeam";
 * import { start, StartError, type Starting } from "hornbeam/std/proc_lib";
 *
 * await using node = await startNode();
 * await node.run(async (self) => {
 *   const store = ({ initAck, initFail }: Starting<number>) =>
 *     async (me: Self<string>) => {
 *       const rows = await Promise.resolve(["a", "b"]);
 *       if (rows.length === 0) initFail("empty");
 *       initAck(rows.length);
 *       for await (const row of me) rows.push(row);
 *     };
 *   const { pid, value } = await start(self, store, { name: "store" });
 *   self.send(pid, "c");
 *   console.log(value); // prints: 2
 *
 *   const error = await start(
 *     self,
 *     ({ initFail }) => () => initFail("no disk"),
 *   ).catch((error: StartError) => error);
 *   console.log(error instanceof StartError && error.reason); // prints: no disk
 * });
 * ```
 */
export async function start<M = unknown, R = void>(
  self: AnySelf,
  make: Make<M, R>,
  options: StartOptions = {},
): Promise<Started<M, R>> {
  const { pid, value } = await begin(self, make, options, "alone");
  return { pid, value };
}

/**
 * As `start`, with a link from the beginning.
 *
 * A caller that does not trap exits goes with an actor whose start fails with
 * an abnormal exit reason. A timeout and an abort do it no harm: the link is
 * taken back before the kill.
 */
export async function startLink<M = unknown, R = void>(
  self: AnySelf,
  make: Make<M, R>,
  options: StartOptions = {},
): Promise<Started<M, R>> {
  const { pid, value } = await begin(self, make, options, "linked");
  return { pid, value };
}

/**
 * As `start`, with a monitor from the beginning, which goes on after the start:
 * `ref` is its ref. When the start fails, the `Down` is in the mailbox and the
 * `StartError` has its `ref`.
 */
export function startMonitor<M = unknown, R = void>(
  self: AnySelf,
  make: Make<M, R>,
  options: StartOptions = {},
): Promise<Started<M, R> & { readonly ref: Ref }> {
  return begin(self, make, options, "monitored");
}

/** How a start is going. */
type Progress = {
  /** Nobody is there yet, somebody is, or is waited for. */
  phase: "making" | "running" | "waiting";
  /** Where the word is to go, once the starter waits for it. */
  from: ReplyTo | null;
  /** What was said before that. */
  early: Word | null;
};

async function begin<M, R>(
  self: AnySelf,
  make: Make<M, R>,
  options: StartOptions,
  how: How,
): Promise<Started<M, R> & { readonly ref: Ref }> {
  return await startNow(self, make, options, how);
}

/**
 * As `start` and its like, but without a promise where an actor is ready that
 * had nothing to wait for. For what starts others in great numbers.
 *
 * @internal
 */
export function startNow<M, R>(
  self: AnySelf,
  make: Make<M, R>,
  options: StartOptions,
  how: How,
):
  | Started<M, R> & { readonly ref: Ref }
  | Promise<Started<M, R> & { readonly ref: Ref }> {
  if ("monitor" in options || "link" in options) {
    throw new UsageError(
      "expected options of a start, got link or monitor; use startLink or " +
        "startMonitor",
    );
  }
  options.signal?.throwIfAborted();
  const progress: Progress = { phase: "making", from: null, early: null };
  const behaviour = make(makeStarting(self, progress));
  progress.phase = "running";
  // Whoever is monitored must be so before anything happens to it.
  if (how === "monitored" || typeof behaviour === "function") {
    const pid = how === "linked"
      ? self.spawnLink(behaviour, options)
      : self.spawn(behaviour, options);
    const ref = how === "monitored" ? self.monitor(pid) : NO_REF;
    return untilReady(self, progress, { pid, ref }, options);
  }
  const { pid, hasEnded, reason } = self.spawnReady(
    behaviour,
    how === "linked" ? { ...options, link: true } : options,
  );
  const { early } = progress;
  if (early?.type === "ack") {
    return { pid, ref: NO_REF, value: early.value as R };
  }
  if (early === null && !hasEnded) {
    return untilReady(self, progress, { pid, ref: NO_REF }, options);
  }
  return failed(self, pid, early === null ? reason : early.value);
}

/** Nothing is left of an actor that had its first turn in vain. */
async function failed(
  self: AnySelf,
  pid: Pid<never>,
  reason: unknown,
): Promise<never> {
  // It was linked and has taken its starter along.
  if (!self.isAlive) throw new KilledError(reason);
  await hasEnded(self, pid);
  throw new StartError(reason, pid, null);
}

/** The start of an actor that has something to wait for. */
async function untilReady<M, R>(
  self: AnySelf,
  progress: Progress,
  { pid, ref }: { readonly pid: Pid<M>; readonly ref: Ref },
  options: StartOptions,
): Promise<Started<M, R> & { readonly ref: Ref }> {
  const { timeoutMs = Infinity, signal } = options;
  const announce = (address: ReplyTo) => {
    progress.from = address;
    progress.phase = "waiting";
  };
  let word: Word;
  try {
    word = await self.expectReply<Word>(
      pid,
      announce,
      signal === undefined ? { timeoutMs } : { timeoutMs, signal },
    );
  } catch (error) {
    const reason = await unanswered(self, pid, error);
    throw new StartError(reason, pid, ref);
  }
  if (word.type === "ack") return { pid, ref, value: word.value as R };
  await hasEnded(self, pid);
  throw new StartError(word.value, pid, ref);
}

/** Nobody sees it: `start` and `startLink` return no ref. */
const NO_REF = null as never;

/** Why there was no word; nothing is left of the actor then. */
async function unanswered(
  self: AnySelf,
  pid: Pid<never>,
  error: unknown,
): Promise<unknown> {
  if (!self.isAlive) throw error;
  const isFailure = error instanceof CallError;
  if (isFailure && !self.isActorAlive(pid)) {
    await hasEnded(self, pid);
    return error.reason;
  }
  // The link first, or it would end the caller as well.
  self.unlink(pid);
  self.sendExit(pid, reasons.kill);
  // The caller is a handler, which cannot wait, or its time limit is none.
  if (error instanceof UsageError) throw error;
  await hasEnded(self, pid);
  if (isFailure) return "timeout";
  throw error;
}

/** Waits for the end, and removes an `Exit` of it. */
async function hasEnded(self: AnySelf, pid: Pid<never>): Promise<void> {
  if (self.isActorAlive(pid)) {
    const ref = self.monitor(pid);
    await receiveRef(self, ref);
  }
  await flushExit(self, pid);
}

function makeStarting<R>(self: AnySelf, progress: Progress): Starting<R> {
  return {
    initAck: (value) => say(self, progress, { type: "ack", value }),
    initFail: (reason, exitReason = reason) => {
      say(self, progress, { type: "nack", value: reason });
      throw new ExitError(exitReason);
    },
  };
}

function say(self: AnySelf, progress: Progress, word: Word): void {
  if (progress.phase === "making") {
    throw new UsageError(
      "expected initAck or initFail to be called by the started actor, got " +
        "a call before there is one",
    );
  }
  if (progress.from === null) progress.early ??= word;
  // In the caller's name, because to a reply it matters to nobody.
  else if (self.isAlive) self.reply(progress.from, word);
}

/**
 * Sends an exit signal and resolves when the actor has ended, with the reason
 * asked for or, having done so in good order, with `normal`.
 *
 * Rejects with a `StopError` when it was not there, when it ends with another
 * reason, and after `timeoutMs`, when it still lives. A link to it is taken
 * back first, so that its end does the caller no harm.
 *
 * A name is one of this node. An actor that traps exits decides itself whether
 * and when it ends; `reasons.kill` ends it in any case. `reasons.normal` is
 * refused with `UsageError`: nobody ends by that signal who does not trap it.
 *
 * @example
 * ```ts
 * import { handler, start } from "hornbeam";
 * import { stop, StopError } from "hornbeam/std/proc_lib";
 *
 * await using node = await start();
 * await node.run(async (self) => {
 *   self.spawn(handler(0, (n: number) => n), { name: "counter" });
 *   await stop(self, "counter", { timeoutMs: 1_000 });
 *   const error = await stop(self, "counter").catch((error) => error);
 *   console.log(error instanceof StopError && error.reason);
 *   // prints: Symbol(noproc)
 * });
 * ```
 */
export async function stop(
  self: AnySelf,
  target: Pid<never> | string,
  options: StopOptions = {},
): Promise<void> {
  const { reason: asked = reasons.shutdown, ...limits } = options;
  const pid = typeof target === "string" ? self.whereis(target) : target;
  if (pid === self.pid || asked === reasons.normal) {
    throw new UsageError(
      pid === self.pid
        ? "expected another actor to stop, got the caller; use self.exit"
        : "expected an exit reason other than normal, which no actor ends by " +
          "that does not trap exits; use shutdown",
    );
  }
  if (pid === null) throw new StopError(target, asked, reasons.noproc);
  const ref = self.monitor(pid);
  self.unlink(pid);
  self.sendExit(pid, asked);
  let down: Down | undefined;
  try {
    down = await receiveRef(self, ref, limits) as Down | undefined;
  } finally {
    if (self.isAlive) self.demonitor(ref, { flush: true });
  }
  const reason = down === undefined ? "timeout" : down.reason;
  // A killed actor's end is told as `killed`.
  const expected = asked === reasons.kill ? reasons.killed : asked;
  if (reason === reasons.normal || termEquals(reason, expected)) {
    return;
  }
  throw new StopError(target, asked, reason);
}
