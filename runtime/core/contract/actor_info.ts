/** The figures of a live actor; `sys/info.ts` collects them. */

import type { NamedTarget } from "../messages/named_target.ts";
import type { Pid } from "../terms/terms.ts";

/** Figures of a live actor, as `self.info` returns them. */
export type ActorInfo = {
  readonly pid: Pid;
  /** Registered name, or null. */
  readonly name: string | null;
  readonly label: string;
  readonly kind: "handler" | "function";
  /** Name of its function, or of its handler's; empty when that has none. */
  readonly behaviour: string;
  /** The actor that spawned it, which may have ended; null when none did. */
  readonly parent: Pid | null;
  /**
   * - `waiting`: the mailbox holds no message that it waits for.
   * - `runnable`: it waits for its turn.
   * - `held`: it has overfilled a connection; see `send`.
   * - `running`: its code runs, or awaits a promise that is not of a message.
   */
  readonly status: "waiting" | "runnable" | "held" | "running";
  readonly mailboxLength: number;
  /** Messages that were dropped because its mailbox was full. */
  readonly lostMessages: number;
  /** Messages it has taken. */
  readonly reductions: number;
  readonly links: readonly Pid[];
  /** The targets of its monitors. */
  readonly monitors: readonly (Pid | NamedTarget)[];
  readonly monitoredBy: readonly Pid[];
  /** Timers that will send to its pid, set by any actor. */
  readonly timers: number;
  readonly aliases: number;
  readonly trapExits: boolean;
  readonly groupLeader: Pid;
};
