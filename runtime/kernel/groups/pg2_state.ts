/**
 * The groups of `pg2` on one node: which exist, who is in them, and what is to
 * be told to whom. A state machine without a clock, sockets or actors.
 *
 * The surface is that of OTP 23's `pg2`; how it comes about is not, as far as
 * Hornbeam nodes are among themselves. There each change is a message to all,
 * under a lock, and after a partition both sides add up what they have, which
 * brings back what one of them has deleted. Here:
 *
 * - **Members** are kept as in `pg` (`PgState`): each node answers for its
 *   pids.
 * - **Which groups exist** is a causal-length set: a number per name that grows
 *   by one whenever the group is created or deleted, odd while it exists. Of two
 *   numbers the greater one knows more, so a deletion is never undone by a node
 *   that has not heard of it, and two creations are one. A number that grows
 *   past a deletion takes the members of this node with it.
 *
 * Processes of BEAM nodes have nobody who answers for them, so they are kept as
 * OTP 23 does: counted and watched by every node, with what is told of them
 * added up (`joinForeign`, `exchanged`).
 */

import type { Pid } from "../../core/terms/terms.ts";
import {
  type GroupEntry,
  type PgMessage,
  type PgOutputs,
  PgState,
} from "./pg_state.ts";
import { keptName, TermMap } from "../shared/term_map.ts";

/** How often a group has been created or deleted. */
export type GroupLength = readonly [name: unknown, length: number];

/** What Hornbeam nodes say to each other. */
export type Pg2Message =
  | PgMessage
  | {
    readonly type: "groups";
    readonly from: Pid;
    readonly lengths: readonly GroupLength[];
  };

/** What the state machine wants done; see `PgOutputs`. */
export type Pg2Outputs =
  & Pick<PgOutputs, "discover" | "monitor" | "demonitor">
  & { send(to: Pid, message: Pg2Message): void };

type Existence = { readonly name: unknown; length: number };

/** Deleted groups that are remembered; those longest deleted go first. */
export const MAX_DELETED = 10_000;

export class Pg2State {
  readonly #self: Pid;
  readonly #outputs: Pg2Outputs;
  readonly #members: PgState;
  readonly #groups = new TermMap<Existence>();
  /** Those that are deleted, the first one first. */
  readonly #deleted = new Set<Existence>();
  /**
   * The greatest number of those that were forgotten. Others may remember them,
   * so a group of an unknown name is created with a greater one.
   */
  #forgotten = 0;
  /** Processes of BEAM nodes by group, all of them watched; none is empty. */
  readonly #foreign = new TermMap<Map<Pid, number>>();
  /** Their groups, by process. */
  readonly #groupsOf = new Map<Pid, Set<Existence>>();

  constructor(self: Pid, outputs: Pg2Outputs) {
    this.#self = self;
    this.#outputs = outputs;
    this.#members = new PgState(self, {
      send: (to, message) => {
        // Whoever is sent all members has to know all groups.
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
    return foreign === undefined ? members : [...members, ...listed(foreign)];
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

  /** A living actor of this node. Returns whether there is such a group. */
  join(name: unknown, pid: Pid): boolean {
    if (!this.has(name)) return false;
    this.#members.join(name, [pid]);
    return true;
  }

  /** Once; of one that is no member nothing is taken. */
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
    // Not everybody may be connected to whoever has made the change.
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

  /** A process of a BEAM node that is connected. */
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
   * What a BEAM node has, after a partition or from before this one: groups
   * that are not here come into being, and processes of BEAM nodes are members
   * as often as one of the two says.
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
    // Those who joined before a deletion are no members of what came after it.
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

/** Each pid as often as it is counted. */
function listed(counts: ReadonlyMap<Pid, number>): Pid[] {
  const pids: Pid[] = [];
  for (const [pid, count] of counts) {
    for (let i = 0; i < count; i++) pids.push(pid);
  }
  return pids;
}
