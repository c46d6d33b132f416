/** Ending children: one after the other, or many at once. */

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

/** As much of a child as its end takes. */
export type Mortal = {
  readonly restart: Restart;
  readonly shutdown: Shutdown;
};

/**
 * Ends a child and resolves with the reason once it is gone.
 *
 * It waits for the `Down` of a monitor, since a child that has taken its link
 * back sends no `Exit`. The link stays until then, so that a supervisor which
 * is killed meanwhile still takes the child along; the `Exit` that comes of it
 * names a pid that the supervisor knows no more.
 */
export async function endChild(
  self: Self<unknown>,
  pid: Pid,
  { shutdown }: Mortal,
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
    ? await trueReason(self, pid)
    : down.reason;
}

/** Of a child that had ended before: what its link has said. */
async function trueReason(
  self: Self<unknown>,
  pid: Pid,
): Promise<ExitReason> {
  const isOfIt = (message: unknown) =>
    message instanceof Exit && message.from === pid;
  const exit = await self.receive(isOfIt, { timeoutMs: 0 }) as Exit | undefined;
  return exit?.reason ?? reasons.noproc;
}

/** Whether a child that was told to end has done so as it should. */
export function hasEndedWell(
  { restart, shutdown }: Mortal,
  reason: ExitReason,
): boolean {
  if (reason === reasons.shutdown) return true;
  if (shutdown === "brutalKill" && reason === reasons.killed) return true;
  return restart !== "permanent" && isOrderly(reason);
}

/** How many are told to end in one go, so that others have their turns. */
const BATCH = 500;

/** Sent by a supervisor to itself, when more of them are to be told. */
class More {}

/** What is known of children that are ended all at once. */
class Endings<C extends Mortal> {
  readonly self: Self<unknown>;
  /** Those that were not told yet. */
  readonly left: Iterator<readonly [Pid, C]>;
  readonly waiting: Map<Ref, readonly [Pid, C]> = new Map();
  /** What the links of those said that had ended before. */
  readonly known: Map<Pid, ExitReason> = new Map();
  /** Whose time is over when a timer fires. */
  readonly timers: Map<Ref, readonly Ref[]> = new Map();
  isComplete = false;

  constructor(self: Self<unknown>, children: Iterable<readonly [Pid, C]>) {
    this.self = self;
    this.left = children[Symbol.iterator]();
  }

  tellSome(): void {
    const { self } = this;
    const limits = new Map<number, Ref[]>();
    for (let i = 0; i < BATCH; i++) {
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
    if (!this.isComplete) self.send(self.pid, new More());
  }

  killLate(timer: Ref): void {
    for (const ref of this.timers.get(timer) ?? []) {
      const late = this.waiting.get(ref);
      if (late !== undefined) this.self.sendExit(late[0], reasons.kill);
    }
  }
}

/**
 * Ends many children at once and resolves when all are gone, which takes as
 * long as the slowest of them may. Only for a supervisor that ends itself: what
 * else is in its mailbox is taken out and lost.
 */
export async function endAll<C extends Mortal>(
  self: Self<unknown>,
  children: Iterable<readonly [Pid, C]>,
  onEnd: (child: C, pid: Pid, reason: ExitReason) => void,
): Promise<void> {
  const endings = new Endings(self, children);
  const { waiting, known } = endings;
  endings.tellSome();
  while (waiting.size > 0 || !endings.isComplete) {
    const message = await self.receive();
    if (message instanceof Exit) {
      known.set(message.from, message.reason);
    } else if (message instanceof Timeout) {
      endings.killLate(message.ref);
    } else if (message instanceof More) {
      endings.tellSome();
    } else if (message instanceof Down) {
      const entry = waiting.get(message.ref);
      if (entry === undefined) continue;
      waiting.delete(message.ref);
      const [pid, child] = entry;
      const isUnknown = message.reason === reasons.noproc;
      onEnd(
        child,
        pid,
        isUnknown ? known.get(pid) ?? reasons.noproc : message.reason,
      );
    }
  }
  for (const timer of endings.timers.keys()) self.cancelTimer(timer);
}
