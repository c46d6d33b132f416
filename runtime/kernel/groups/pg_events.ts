/** The messages to actors that monitor groups. */

import type { Pid, Ref } from "../../core/terms/terms.ts";

/** These pids have joined a group, each as often as it is named. */
export class GroupJoin {
  readonly type = "groupjoin";
  /** Of the monitor. */
  readonly ref: Ref;
  readonly group: unknown;
  readonly pids: readonly Pid[];
  constructor(ref: Ref, group: unknown, pids: readonly Pid[]) {
    this.ref = ref;
    this.group = group;
    this.pids = pids;
  }
}

/** These pids have left a group, each as often as it is named. */
export class GroupLeave {
  readonly type = "groupleave";
  /** Of the monitor. */
  readonly ref: Ref;
  readonly group: unknown;
  readonly pids: readonly Pid[];
  constructor(ref: Ref, group: unknown, pids: readonly Pid[]) {
    this.ref = ref;
    this.group = group;
    this.pids = pids;
  }
}
