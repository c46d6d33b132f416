/** What supervisors are told about their children; see `std/supervisor.ts`. */

import type { Pid } from "../../runtime/mod.ts";
import type { AnySelf } from "../proc_lib.ts";

/**
 * What a child's start resolves with: its pid, anything that has one (such as a
 * client of a server), or null when there is nothing to supervise (`ignore`).
 */
export type ChildStart = Pid<never> | { readonly pid: Pid<never> } | null;

/** One child of a supervisor. */
export type ChildSpec = {
  /** Which child it is, among its siblings. Any term. */
  readonly id: unknown;
  /**
   * Starts the child, linked to the supervisor, whose `self` this is:
   * `(self) => Counter.startLink(self, 0)`. Called again at each restart.
   */
  readonly start: (self: AnySelf) => ChildStart | Promise<ChildStart>;
  /**
   * Whether it is started again when it has ended: always, unless in good
   * order, or never. Default `permanent`.
   */
  readonly restart?: "permanent" | "transient" | "temporary";
  /**
   * How long it may take to end at a shutdown, before it is killed: ms, or
   * Infinity; or `brutalKill` at once. Default 5,000; Infinity for supervisors.
   */
  readonly shutdown?: number | "brutalKill";
  /** Default `worker`. */
  readonly type?: "worker" | "supervisor";
  /** Whether its end may end the supervisor; see `autoShutdown`. */
  readonly significant?: boolean;
};
