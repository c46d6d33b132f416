/** The shutdown of children: one after the other, or many at once. */

import {
  Down,
  Exit,
  type ExitReason,
  type Pid,
  reasons,
  type Ref,
  type Self,
  Timeout,
} from "../../runtime/mod.ts";
import { isOrderly } from "../internal/reasons.ts";
import { receiveRef } from "../internal/wait.ts";
import type { Restart, Shutdown } from "../internal/child_spec.ts";

/** As much of a child as its shutdown needs. */
export type ShutdownSpec = {
  readonly restart: Restart;
  readonly shutdown: Shutdown;
};

/**
 * Shuts a child down, and resolves with its exit reason once it has ended.
 *
 * It waits for the `Down` of a monitor, because a child that has removed its
 * link sends no `Exit`. The link stays until then, so that the child ends too
 * if the supervisor is killed meanwhile. The `Exit` that comes over the link is
 * ignored later, because its pid is no longer in the supervisor's table.
 */
export async function shutDownChild(
  self: Self<unknown>,
  pid: Pid,
  { shutdown }: ShutdownSpec,
): Promise<ExitReason> {
  const ref = self.monitor(pid);
  let down: Down | undefined;
  if (shutdown !== "brutalKill") {
    self.sendExit(pid, reasons.shutdown);
    down = await receiveRef(self, ref, { timeoutMs: shutdown }) as
      | Down
      | undefined;
  }
  if (down === undefined) {
    self.sendExit(pid, reasons.kill);
    down = await self.receive(ref) as Down;
  }
  return down.reason === reasons.noproc
    ? await reasonFromLink(self, pid)
    : down.reason;
}

/**
 * The exit reason of a child that had ended before it was monitored: the one of
 * its `Exit`, if that has come.
 */
async function reasonFromLink(
  self: Self<unknown>,
  pid: Pid,
): Promise<ExitReason> {
  const isOfPid = (message: unknown) =>
    message instanceof Exit && message.from === pid;
  const exit = await self.receive(isOfPid, { timeoutMs: 0 }) as
    | Exit
    | undefined;
  return exit?.reason ?? reasons.noproc;
}

/** Whether a child that was shut down has ended with an expected reason. */
export function isExpectedEnd(
  { restart, shutdown }: ShutdownSpec,
  reason: ExitReason,
): boolean {
  if (reason === reasons.shutdown) return true;
  if (shutdown === "brutalKill" && reason === reasons.killed) return true;
  return restart !== "permanent" && isOrderly(reason);
}

/** How many children are signalled in one turn; other actors run in between. */
const BATCH_SIZE = 500;

/** A supervisor's message to itself: more children are to be signalled. */
class NextBatch {}

/** The state of a shutdown of many children at once. */
class ParallelShutdown<C extends ShutdownSpec> {
  readonly self: Self<unknown>;
  /** The children that have not been signalled yet. */
  readonly left: Iterator<readonly [Pid, C]>;
  /** The children that were signalled and have not ended, by monitor. */
  readonly waiting: Map<Ref, readonly [Pid, C]> = new Map();
  /** Exit reasons that came over links, for children that ended before. */
  readonly exitReasons: Map<Pid, ExitReason> = new Map();
  /** Timers, with the monitors of the children to kill when they fire. */
  readonly timers: Map<Ref, readonly Ref[]> = new Map();
  /** Whether all children have been signalled. */
  isComplete = false;

  constructor(self: Self<unknown>, children: Iterable<readonly [Pid, C]>) {
    this.self = self;
    this.left = children[Symbol.iterator]();
  }

  /** Signals the next children. */
  signalBatch(): void {
    const { self } = this;
    const limits = new Map<number, Ref[]>();
    for (let i = 0; i < BATCH_SIZE; i++) {
      const { done, value } = this.left.next();
      if (done === true) {
        this.isComplete = true;
        break;
      }
      const [pid, { shutdown }] = value;
      const ref = self.monitor(pid);
      this.waiting.set(ref, value);
      const isBrutal = shutdown === "brutalKill";
      self.sendExit(pid, isBrutal ? reasons.kill : reasons.shutdown);
      if (isBrutal || shutdown === Infinity) continue;
      const same = limits.get(shutdown);
      if (same === undefined) limits.set(shutdown, [ref]);
      else same.push(ref);
    }
    for (const [limitMs, refs] of limits) {
      this.timers.set(self.startTimer(limitMs, null), refs);
    }
    if (!this.isComplete) self.send(self.pid, new NextBatch());
  }

  /** Kills the children whose time limit this timer was. */
  killLate(timer: Ref): void {
    for (const ref of this.timers.get(timer) ?? []) {
      const late = this.waiting.get(ref);
      if (late !== undefined) this.self.sendExit(late[0], reasons.kill);
    }
  }
}

/**
 * Shuts many children down at once, and resolves when all have ended, which
 * takes at most the longest of their time limits. Only for a supervisor that
 * ends itself, because all other messages in its mailbox are removed.
 */
export async function shutDownAll<C extends ShutdownSpec>(
  self: Self<unknown>,
  children: Iterable<readonly [Pid, C]>,
  onEnd: (child: C, pid: Pid, reason: ExitReason) => void,
): Promise<void> {
  const shutdown = new ParallelShutdown(self, children);
  const { waiting, exitReasons } = shutdown;
  shutdown.signalBatch();
  while (waiting.size > 0 || !shutdown.isComplete) {
    const message = await self.receive();
    if (message instanceof Exit) {
      exitReasons.set(message.from, message.reason);
    } else if (message instanceof Timeout) {
      shutdown.killLate(message.ref);
    } else if (message instanceof NextBatch) {
      shutdown.signalBatch();
    } else if (message instanceof Down) {
      const entry = waiting.get(message.ref);
      if (entry === undefined) continue;
      waiting.delete(message.ref);
      const [pid, child] = entry;
      const hadEnded = message.reason === reasons.noproc;
      onEnd(
        child,
        pid,
        hadEnded ? exitReasons.get(pid) ?? reasons.noproc : message.reason,
      );
    }
  }
  for (const timer of shutdown.timers.keys()) self.cancelTimer(timer);
}
