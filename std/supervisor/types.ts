/** Options and replies of supervisors; see `std/supervisor/mod.ts`. */

import type { Pid } from "../../runtime/mod.ts";
import type { ChildSpec } from "../internal/child_spec.ts";
import type { ServerName } from "../proc_lib/naming.ts";

/** How many restarts are too many; for all kinds of supervisors. */
export type RestartLimits = {
  /**
   * The number of restarts within `withinMs` that the supervisor tolerates;
   * failed attempts count as well. Default 3. With 0, the first restart is one
   * too many.
   */
  readonly maxRestarts?: number;
  /**
   * The sliding window in ms; a restart exactly this long ago still counts.
   * Measured to the millisecond. Default 5,000.
   */
  readonly withinMs?: number;
};

/** Which children are restarted when one has ended. */
export type Strategy = "oneForOne" | "oneForAll" | "restForOne";

/** When the ends of significant children end the supervisor. */
export type AutoShutdown = "never" | "anySignificant" | "allSignificant";

/** How a supervisor restarts its children, and when it ends itself. */
export type SupervisorFlags = RestartLimits & {
  /**
   * `oneForOne` restarts the child alone, `oneForAll` all children, and
   * `restForOne` the child and those after it. Default `oneForOne`.
   */
  readonly strategy?: Strategy;
  /**
   * Whether the supervisor ends, with reason `shutdown`, when one or all of its
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
  /** Null when the child has ended, or its start has started nothing. */
  readonly pid: Pid | "restarting" | null;
  readonly type: "worker" | "supervisor";
  /** The callback modules of a child on a BEAM node. */
  readonly modules: unknown;
};

/** What `countChildren` resolves with. */
export type ChildCounts = {
  /** All children, alive or not. */
  readonly specs: number;
  /** The children that are alive. */
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
};
