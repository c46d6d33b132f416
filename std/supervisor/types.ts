/**
 * What supervisors are told about their children; see `std/supervisor/mod.ts`.
 */

import type { ExitReason, Pid } from "../../runtime/mod.ts";
import type { ChildSpec } from "../internal/child_spec.ts";
import type { ServerName } from "../proc_lib/naming.ts";

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
