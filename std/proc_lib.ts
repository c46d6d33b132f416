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
 * waits; what is started can be of either kind.
 *
 * Labels, parents and crash reports need no counterpart here: `SpawnOptions`
 * and `self` have a `label`, `self.info` tells `parent` and `behaviour`, and
 * the node reports every crash.
 */

import {
  type Behaviour,
  Down,
  ExitError,
  type ExitReason,
  type Pid,
  printTerm,
  reasons,
  type ReceiveOptions,
  type Ref,
  type SpawnOptions,
  termEquals,
  UsageError,
} from "../runtime/mod.ts";
import { type AnySelf, flushExit, receiveRef } from "./inner/wait.ts";

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

/** What the started actor sends. The ref is the one its starter waits for. */
type Word = {
  readonly ref: Ref;
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

async function begin<M, R>(
  self: AnySelf,
  make: Make<M, R>,
  options: StartOptions,
  how: How,
): Promise<Started<M, R> & { readonly ref: Ref }> {
  const { timeoutMs, signal, ...spawnOptions } = options;
  if ("monitor" in spawnOptions || "link" in spawnOptions) {
    throw new UsageError(
      "expected options of a start, got link or monitor; use startLink or " +
        "startMonitor",
    );
  }
  signal?.throwIfAborted();
  let alias: Ref | null = null;
  let hasSpoken = false;
  const behaviour = make(makeStarting((type, value) => {
    if (alias === null) {
      throw new UsageError(
        "expected initAck or initFail to be called by the started actor, got " +
          "a call before there is one",
      );
    }
    if (hasSpoken) return;
    hasSpoken = true;
    // In the caller's name, because under an alias it matters to nobody.
    self.send(alias, { ref: alias, type, value } satisfies Word);
  }));
  const pid = how === "linked"
    ? self.spawnLink(behaviour, spawnOptions)
    : self.spawn(behaviour, spawnOptions);
  const ref = alias = self.monitor(pid, { alias: "explicit" });
  const limits = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  };
  const word = await firstWord(self, { pid, ref, how }, limits);
  if (word?.type === "ack") {
    if (how !== "monitored") self.demonitor(ref, { flush: true });
    return { pid, ref, value: word.value as R };
  }
  await flushExit(self, pid);
  if (word?.type === "DOWN") {
    if (how === "monitored") self.send(self.pid as Pid<unknown>, word);
  } else {
    await awaitDown(self, { ref, how });
  }
  const reason = word === undefined
    ? "timeout"
    : word.type === "DOWN"
    ? word.reason
    : word.value;
  throw new StartError(reason, pid, how === "monitored" ? ref : null);
}

function makeStarting<R>(
  say: (type: Word["type"], value: unknown) => void,
): Starting<R> {
  return {
    initAck: (value) => say("ack", value),
    initFail: (reason, exitReason = reason) => {
      say("nack", reason);
      throw new ExitError(exitReason);
    },
  };
}

type Start = {
  readonly pid: Pid<never>;
  readonly ref: Ref;
  readonly how: How;
};

/** What comes first; undefined when nothing came in time, and it is killed. */
async function firstWord(
  self: AnySelf,
  { pid, ref, how }: Start,
  limits: ReceiveOptions,
): Promise<Word | Down | undefined> {
  let word: Word | Down | undefined;
  try {
    word = await receiveRef(self, ref, limits) as Word | Down | undefined;
  } catch (error) {
    if (self.isAlive) {
      killUnlinked(self, pid);
      if (error instanceof UsageError) {
        // The caller is a handler actor, or the time limit makes no sense.
        self.demonitor(ref, { flush: true });
      } else {
        await flushExit(self, pid);
        await awaitDown(self, { ref, how });
      }
    }
    throw error;
  } finally {
    self.unalias(ref);
  }
  if (word === undefined) killUnlinked(self, pid);
  return word;
}

/** The link first, or it would end the caller as well. */
function killUnlinked(self: AnySelf, pid: Pid<never>): void {
  self.unlink(pid);
  self.sendExit(pid, reasons.kill);
}

/**
 * Passes over an acknowledgement that came too late to count, and early enough
 * to be in the mailbox. For `startMonitor` the caller still wants to see the
 * `Down`.
 */
async function awaitDown(
  self: AnySelf,
  { ref, how }: Pick<Start, "ref" | "how">,
): Promise<void> {
  let message: unknown;
  do message = await receiveRef(self, ref); while (!(message instanceof Down));
  if (how === "monitored") self.send(self.pid as Pid<unknown>, message);
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
