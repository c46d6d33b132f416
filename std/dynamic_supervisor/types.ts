/** Options of dynamic supervisors; see `std/dynamic_supervisor/mod.ts`. */

import type { ChildInfo, RestartLimits } from "../supervisor/types.ts";
import type { ServerName } from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ChildOptions, ChildStart } from "../internal/child_spec.ts";

/**
 * One child. It needs no id, because it is known by its pid; an id is for
 * reports only. No child is significant.
 */
export type DynamicChildSpec<X extends readonly unknown[] = readonly []> =
  & Omit<ChildOptions, "significant">
  & {
    readonly id?: unknown;
    /**
     * Starts the child, linked to the supervisor, whose `self` this is. It is
     * followed by the supervisor's `extraArguments`.
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
   * The most children at a time, children that wait for a restart included.
   * Default Infinity.
   */
  readonly maxChildren?: number;
  /** Further arguments of each start, also at restarts; 254 at most. */
  readonly extraArguments?: X;
};

/** A child as `whichChildren` shows it. */
export type DynamicChildInfo = Omit<ChildInfo, "id">;
