/**
 * What is told to a supervisor of many; see `std/dynamic_supervisor/mod.ts`.
 */

import type { ChildInfo, RestartLimits } from "../supervisor/types.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ChildOptions, ChildStart } from "../internal/child_spec.ts";

/**
 * One child. It needs no id, because it is known by its pid; one that is given
 * is for reports. No child is significant.
 */
export type DynamicChildSpec<X extends readonly unknown[] = readonly []> =
  & Omit<ChildOptions, "significant">
  & {
    readonly id?: unknown;
    /**
     * Starts the child, linked to the supervisor, whose `self` this is. Behind
     * it come the supervisor's `extraArguments`.
     */
    readonly start: (
      self: AnySelf,
      ...extra: X
    ) => ChildStart | Promise<ChildStart>;
  };

/** Options of a start. */
export type DynamicSupervisorOptions<
  X extends readonly unknown[] = readonly [],
> = RestartLimits & {
  readonly name?: ServerName;
  /**
   * Children at a time, those that wait for a restart included. Default: any.
   */
  readonly maxChildren?: number;
  /** What each start is given, at restarts as well. */
  readonly extraArguments?: X;
};

/** A child as `whichChildren` shows it. */
export type DynamicChildInfo = Omit<ChildInfo, "id">;
