/**
 * The specification of a supervisor's child: what a server's `child` makes and
 * what every kind of supervisor takes. It is here, below both, because neither
 * is to import the other for it.
 */

import type { Pid } from "../../runtime/mod.ts";
import type { AnySelf } from "./wait.ts";

/**
 * What a child's start resolves with: its pid, anything that has one (such as a
 * client of a server), or null when there is nothing to supervise (`ignore`).
 */
export type ChildStart = Pid<never> | { readonly pid: Pid<never> } | null;

/** When a child that has ended is started again. */
export type Restart = "permanent" | "transient" | "temporary";

/**
 * How a child is shut down: it has this many ms to end by itself, with no limit
 * for Infinity, or it is killed at once.
 */
export type Shutdown = number | "brutalKill";

/** One child of a supervisor. */
export type ChildSpec = ChildOptions & {
  /** Identifies the child among its siblings. Any term. */
  readonly id: unknown;
  /**
   * Starts the child, linked to the supervisor, whose `self` this is:
   * `(self) => Counter.startLink(self, 0)`. Called again at each restart. It
   * must not `receive` messages that are not its own, because the mailbox is
   * the supervisor's.
   */
  readonly start: (self: AnySelf) => ChildStart | Promise<ChildStart>;
};

/** How a child is restarted and shut down. */
export type ChildOptions = {
  /**
   * `permanent`: the child is started again whenever it has ended. `transient`:
   * it is started again unless it ended with `normal`, `shutdown` or
   * `{shutdown, _}`. `temporary`: it is never started again. Default
   * `permanent`.
   */
  readonly restart?: Restart;
  /**
   * How many ms the child may take to end at a shutdown before it is killed;
   * Infinity for no limit, `brutalKill` to kill it at once. Default 5,000;
   * Infinity for supervisors.
   */
  readonly shutdown?: Shutdown;
  /** Default `worker`. */
  readonly type?: "worker" | "supervisor";
  /** Whether its end may end the supervisor; see `autoShutdown`. */
  readonly significant?: boolean;
};

/** The id of a child that is given none: its name, or else `otherwise`. */
export function childId(
  name: string | { readonly name: unknown } | undefined,
  otherwise: string,
): unknown {
  return typeof name === "string" ? name : name?.name ?? otherwise;
}
