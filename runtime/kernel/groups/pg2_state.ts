/**
 * The groups of `pg2` on one node: which groups exist, their members, and the
 * messages to other nodes. A state machine without a clock, sockets or actors.
 *
 * The functions are those of OTP 23's `pg2`, but Hornbeam nodes use another
 * protocol among themselves. In OTP each change is a message to all nodes under
 * a lock, and after a partition both sides add up what they have, which brings
 * back groups that one side has deleted. Here:
 *
 * - **Members** are kept as in `pg` (`PgState`): each node is the authority for
 *   its own pids.
 * - **Which groups exist** is a causal-length set: a number per name, which is
 *   increased by one whenever the group is created or deleted, and is odd while
 *   the group exists. Of two numbers the greater one is newer. So a node that
 *   does not know of a deletion never undoes it, and two concurrent creations
 *   count as one. When a number increases past a deletion, this node's members
 *   leave the group.
 *
 * BEAM nodes do not speak this protocol, so no scope answers for their
 * processes. These are kept as in OTP 23: every node counts and monitors them,
 * and adds up the messages about them (`joinForeign`, `exchanged`).
 */

import type { Pid } from "../../core/terms/terms.ts";
import {
  countedPids,
  type GroupEntry,
  type PgMessage,
  type PgOutputs,
  PgState,
} from "./pg_state.ts";
import { keptName, TermMap } from "../shared/term_map.ts";

/** How often a group has been created or deleted. */
export type GroupLength = readonly [name: unknown, length: number];

/** The messages between Hornbeam nodes. */
export type Pg2Message =
  | PgMessage
  | {
    readonly type: "groups";
    readonly from: Pid;
    readonly lengths: readonly GroupLength[];
  };

/** The effects of the state machine; see `PgOutputs`. */
export type Pg2Outputs =
  & Pick<PgOutputs, "discover" | "monitor" | "demonitor">
  & { send(to: Pid, message: Pg2Message): void };

type Existence = { readonly name: unknown; length: number };

/** Most deleted groups that are remembered; the oldest is forgotten first. */
export const MAX_DELETED = 10_000;

export class Pg2State {
  readonly #self: Pid;
  readonly #outputs: Pg2Outputs;
  /**
   * Members on Hornbeam nodes. Those of this node are in existing groups only.
   */
  readonly #members: PgState;
  /** Groups that exist (odd length), and deleted ones that are remembered. */
  readonly #groups = new TermMap<Existence>();
  /** The deleted ones of `#groups`, oldest first; at most `MAX_DELETED`. */
  readonly #deleted = new Set<Existence>();
  /**
   * The greatest length of a forgotten group, always even. Other nodes may
   * still remember it, so an unknown group is created with a greater length.
   */
  #forgotten = 0;
  /**
   * Processes of BEAM nodes in existing groups, with how often each has joined,
   * by group. All are monitored, and no map is empty.
   */
  readonly #foreign = new TermMap<Map<Pid, number>>();
  /** The same processes with their groups, of which each has one at least. */
  readonly #groupsOf = new Map<Pid, Set<Existence>>();

  constructor(self: Pid, outputs: Pg2Outputs) {
    this.#self = self;
    this.#outputs = outputs;
    this.#members = new PgState(self, {
      send: (to, message) => {
        // A peer that is sent all members must know all groups first.
        if (message.type === "sync") this.#sendGroups(to);
        outputs.send(to, message);
      },
      discover: (node) => outputs.discover(node),
      monitor: (pid) => outputs.monitor(pid),
      demonitor: (pid) => outputs.demonitor(pid),
      changed: () => {},
    });
  }

  // -- Look-ups

  has(name: unknown): boolean {
    return isOdd(this.#groups.get(name)?.length ?? 0);
  }

  groups(): unknown[] {
    const names: unknown[] = [];
    for (const { name, length } of this.#groups.values()) {
      if (isOdd(length)) names.push(name);
    }
    return names;
  }

  /** Null when there is no such group. */
  members(name: unknown): readonly Pid[] | null {
    if (!this.has(name)) return null;
    const members = this.#members.members(name);
    const foreign = this.#foreign.get(name);
    return foreign === undefined
      ? members
      : [...members, ...countedPids([foreign])];
  }

  localMembers(name: unknown): readonly Pid[] | null {
    return this.has(name) ? this.#members.localMembers(name) : null;
  }

  /** Scopes of other Hornbeam nodes. */
  peers(): readonly Pid[] {
    return this.#members.peers();
  }

  /** Every group with all its members, for a BEAM node. */
  entries(): GroupEntry[] {
    return this.groups().map((name) => [name, this.members(name) ?? []]);
  }

  // -- Changes on this node

  create(name: unknown): void {
    if (!this.has(name)) this.#lengthen(name);
  }

  delete(name: unknown): void {
    if (this.has(name)) this.#lengthen(name);
  }

  /** Adds a live actor of this node. Returns whether there is such a group. */
  join(name: unknown, pid: Pid): boolean {
    if (!this.has(name)) return false;
    this.#members.join(name, [pid]);
    return true;
  }

  /**
   * Removes an actor of this node once; one that is no member stays none.
   * Returns whether there is such a group.
   */
  leave(name: unknown, pid: Pid): boolean {
    if (!this.has(name)) return false;
    this.#members.leave(name, [pid]);
    return true;
  }

  // -- Hornbeam nodes

  nodeUp(node: string): void {
    this.#members.nodeUp(node);
  }

  receive(message: Pg2Message): void {
    if (message.type !== "groups") {
      this.#members.receive(message);
      return;
    }
    const news: GroupLength[] = [];
    for (const [name, length] of message.lengths) {
      if (this.#learn(name, length)) news.push([name, length]);
    }
    // Passed on, since the origin of a change may not be connected to all.
    if (news.length > 0) this.#tell(news, message.from);
  }

  down(pid: Pid): void {
    const groups = this.#groupsOf.get(pid);
    if (groups === undefined) {
      this.#members.down(pid);
      return;
    }
    this.#groupsOf.delete(pid);
    for (const { name } of groups) {
      const counts = this.#foreign.get(name);
      counts?.delete(pid);
      if (counts?.size === 0) this.#foreign.delete(name);
    }
  }

  // -- BEAM nodes

  /** Adds a process of a connected BEAM node. */
  joinForeign(name: unknown, pid: Pid): boolean {
    const group = this.#groups.get(name);
    if (group === undefined || !isOdd(group.length)) return false;
    const counts = this.#foreign.get(name) ?? new Map<Pid, number>();
    counts.set(pid, (counts.get(pid) ?? 0) + 1);
    this.#foreign.set(name, counts);
    const groups = this.#groupsOf.get(pid);
    if (groups !== undefined) {
      groups.add(group);
    } else {
      this.#groupsOf.set(pid, new Set([group]));
      this.#outputs.monitor(pid);
    }
    return true;
  }

  leaveForeign(name: unknown, pid: Pid): boolean {
    if (!this.has(name)) return false;
    const count = this.#foreign.get(name)?.get(pid) ?? 0;
    if (count > 1) this.#foreign.get(name)?.set(pid, count - 1);
    else if (count === 1) this.#removeForeign(name, pid);
    return true;
  }

  /**
   * The groups of a BEAM node that has connected. Groups that do not exist here
   * are created, and a process of a BEAM node is a member as often as the
   * greater of the two counts.
   */
  exchanged(entries: readonly GroupEntry[]): void {
    for (const [name, pids] of entries) {
      this.create(name);
      const said = new Map<Pid, number>();
      for (const pid of pids) said.set(pid, (said.get(pid) ?? 0) + 1);
      for (const [pid, count] of said) {
        let known = this.#foreign.get(name)?.get(pid) ?? 0;
        for (; known < count; known++) this.joinForeign(name, pid);
      }
    }
  }

  #removeForeign(name: unknown, pid: Pid): void {
    const counts = this.#foreign.get(name);
    counts?.delete(pid);
    if (counts?.size === 0) this.#foreign.delete(name);
    const group = this.#groups.get(name);
    const groups = this.#groupsOf.get(pid);
    if (group !== undefined) groups?.delete(group);
    if (groups?.size !== 0) return;
    this.#groupsOf.delete(pid);
    this.#outputs.demonitor(pid);
  }

  // -- Which groups exist

  #lengthen(name: unknown): void {
    const length = (this.#groups.get(name)?.length ?? this.#forgotten) + 1;
    this.#learn(name, length);
    this.#tell([[name, length]], null);
  }

  /** Returns whether that was new. */
  #learn(name: unknown, length: number): boolean {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { name: keptName(name), length: 0 };
      this.#groups.set(name, group);
    }
    if (length <= group.length) return false;
    // Members from before a deletion are no members of a group created after.
    const isOver = isOdd(group.length);
    group.length = length;
    this.#remember(group);
    if (isOver) this.#empty(name);
    return true;
  }

  #empty(name: unknown): void {
    this.#members.leave(name, this.#members.localMembers(name));
    for (const pid of [...this.#foreign.get(name)?.keys() ?? []]) {
      this.#removeForeign(name, pid);
    }
  }

  #remember(group: Existence): void {
    this.#deleted.delete(group);
    if (isOdd(group.length)) return;
    this.#deleted.add(group);
    if (this.#deleted.size <= MAX_DELETED) return;
    const [oldest] = this.#deleted;
    if (oldest === undefined) return;
    this.#deleted.delete(oldest);
    this.#groups.delete(oldest.name);
    this.#forgotten = Math.max(this.#forgotten, oldest.length);
  }

  #sendGroups(to: Pid): void {
    const lengths = this.#groups.values()
      .map(({ name, length }): GroupLength => [name, length]);
    if (lengths.length === 0) return;
    this.#outputs.send(to, { type: "groups", from: this.#self, lengths });
  }

  #tell(lengths: readonly GroupLength[], but: Pid | null): void {
    for (const peer of this.#members.peers()) {
      if (peer === but) continue;
      this.#outputs.send(peer, { type: "groups", from: this.#self, lengths });
    }
  }
}

function isOdd(length: number): boolean {
  return length % 2 === 1;
}
