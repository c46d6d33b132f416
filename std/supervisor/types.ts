/**
 * What supervisors are told about their children; see `std/supervisor/mod.ts`.
 */

import type { ExitReason, Pid } from "../../runtime/mod.ts";
import type { ServerName } from "../gen_server/types.ts";
import type { AnySelf } from "../proc_lib/mod.ts";

/**
 * What a child's start resolves with: its pid, anything that has one (such as a
 * client of a server), or null when there is nothing to supervise (`ignore`).
 */
export type ChildStart = Pid<never> | { readonly pid: Pid<never> } | null;

/** When a child that has ended is started again. */
export type Restart = "permanent" | "transient" | "temporary";

/** How a child is ended: ms it may take, Infinity, or killed at once. */
export type Shutdown = number | "brutalKill";

/** One child of a supervisor. */
export type ChildSpec = ChildOptions & {
  /** Which child it is, among its siblings. Any term. */
  readonly id: unknown;
  /**
   * Starts the child, linked to the supervisor, whose `self` this is:
   * `(self) => Counter.startLink(self, 0)`. Called again at each restart. It
   * must not `receive` what is not its own: the mailbox is the supervisor's.
   */
  readonly start: (self: AnySelf) => ChildStart | Promise<ChildStart>;
};

/** What a child specification says besides who the child is. */
export type ChildOptions = {
  /**
   * Whether it is started again when it has ended: always, unless in good
   * order, or never. Default `permanent`.
   */
  readonly restart?: Restart;
  /**
   * How long it may take to end at a shutdown, before it is killed: ms, or
   * Infinity; or `brutalKill` at once. Default 5,000; Infinity for supervisors.
   */
  readonly shutdown?: Shutdown;
  /** Default `worker`. */
  readonly type?: "worker" | "supervisor";
  /** Whether its end may end the supervisor; see `autoShutdown`. */
  readonly significant?: boolean;
};

/** How many restarts are too many, for any kind of supervisor. */
export type RestartLimits = {
  /**
   * Restarts within `withinMs` that are not yet too many; failed attempts count
   * as well. Default 3. With 0, the first restart is one too many.
   */
  readonly maxRestarts?: number;
  /**
   * The window in ms, which slides: a restart exactly so long ago still counts.
   * Measured to the millisecond. Default 5,000.
   */
  readonly withinMs?: number;
};

/** Who is restarted with a child that has ended. */
export type Strategy = "oneForOne" | "oneForAll" | "restForOne";

/** Which ends of significant children end the supervisor. */
export type AutoShutdown = "never" | "anySignificant" | "allSignificant";

/** What a supervisor is and does. */
export type SupervisorFlags = RestartLimits & {
  /**
   * `oneForOne`: that child alone. `oneForAll`: all children. `restForOne`: it
   * and those that stand after it. Default `oneForOne`.
   */
  readonly strategy?: Strategy;
  /**
   * Whether the supervisor ends, with reason `shutdown`, when any or all of its
   * significant children have ended by themselves and are not restarted.
   * Default `never`.
   */
  readonly autoShutdown?: AutoShutdown;
};

/** Options of a supervisor's start. */
export type SupervisorOptions = SupervisorFlags & {
  /** Started in this order, and ended in the opposite one. */
  readonly children: readonly ChildSpec[];
  readonly name?: ServerName;
};

/** A child as `whichChildren` shows it. */
export type ChildInfo = {
  readonly id: unknown;
  /** Null when it has ended, or there was nothing to start. */
  readonly pid: Pid | "restarting" | null;
  readonly type: "worker" | "supervisor";
  /** Of a child in Erlang: its callback modules. */
  readonly modules: unknown;
};

/** What `countChildren` resolves with. */
export type ChildCounts = {
  /** Children, alive or not. */
  readonly specs: number;
  /** Those that are alive. */
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
};

/** Why a child could not be started; not an error that anybody threw. */
export class Failed {
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    this.reason = reason;
  }
}
