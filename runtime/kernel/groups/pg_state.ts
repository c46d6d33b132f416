/**
 * One scope of process groups on one node: the members of each group, and the
 * messages to other nodes. A state machine without a clock, sockets or actors.
 *
 * The protocol is that of OTP's module `pg` (the messages are in `pg_wire.ts`).
 * Each node is the authority for its own pids: about the pids of another node,
 * this node knows what that node's scope (a peer) said last. Hence:
 *
 * - The members of a peer are kept for exactly as long as the peer is
 *   monitored. When it is lost, all of them go in one step, so no member
 *   outlives the connection to its node.
 * - A new peer is sent all groups and asked for all of its groups, and its
 *   answer replaces what was known. A message that comes late, over a
 *   connection that has been lost meanwhile, is corrected by that answer or is
 *   dropped together with the peer.
 * - Changes are sent only to peers that have been sent all groups before,
 *   because OTP's `pg` crashes on a change of an unknown peer.
 * - A group exists while it has members.
 */

import type { Pid } from "../../core/terms/terms.ts";
import { keptName, TermMap } from "../shared/term_map.ts";

/** The messages between scopes; `from` is the sender's scope. */
export type PgMessage =
  | { readonly type: "discover"; readonly from: Pid }
  | {
    /** All groups with members of the sender's node. */
    readonly type: "sync";
    readonly from: Pid;
    readonly groups: readonly GroupEntry[];
  }
  | {
    readonly type: "join";
    readonly from: Pid;
    readonly group: unknown;
    readonly pids: readonly Pid[];
  }
  | {
    /** Each pid leaves each group, as often as the group is named. */
    readonly type: "leave";
    readonly from: Pid;
    readonly pids: readonly Pid[];
    readonly groups: readonly unknown[];
  };

/** A group, and its members as often as they have joined. */
export type GroupEntry = readonly [name: unknown, pids: readonly Pid[]];

/** The effects of the state machine, which has changed before it calls them. */
export interface PgOutputs {
  /** To the scope of a peer. */
  send(to: Pid, message: PgMessage): void;
  /** Sends a `discover` to the scope of that name on a node. */
  discover(node: string): void;
  /** `down` must be called once the actor has ended or cannot be reached. */
  monitor(pid: Pid): void;
  demonitor(pid: Pid): void;
  /** These pids have joined a group or left it. */
  changed(type: "join" | "leave", group: unknown, pids: readonly Pid[]): void;
}

/** How often each pid is in a group. */
type Counts = Map<Pid, number>;

type Change = {
  readonly type: "join" | "leave";
  readonly group: unknown;
  readonly pids: readonly Pid[];
};

class Group {
  readonly name: unknown;
  /** Members by the scope of their node. No part is empty. */
  readonly parts: Map<Pid, Counts> = new Map();
  /** All members, as look-ups return them; null: made at the next look-up. */
  all: readonly Pid[] | null = null;
  /** Members of this node, likewise. */
  local: readonly Pid[] | null = null;
  constructor(name: unknown) {
    this.name = keptName(name);
  }
}

const noPids: readonly Pid[] = Object.freeze([]);

export class PgState {
  /** This node's scope. */
  readonly #self: Pid;
  readonly #outputs: PgOutputs;
  /** Exactly the groups that have a member. */
  readonly #groups = new TermMap<Group>();
  /**
   * Members of this node with their groups, of which each has one at least. All
   * are monitored, and each is in the part of `#self` of its groups.
   */
  readonly #locals = new Map<Pid, Set<Group>>();
  /**
   * Scopes of other nodes, with the groups that have a part of them. All are
   * monitored, and all have been sent this node's groups.
   */
  readonly #peers = new Map<Pid, Set<Group>>();

  constructor(self: Pid, outputs: PgOutputs) {
    this.#self = self;
    this.#outputs = outputs;
  }

  // -- Look-ups

  /** Frozen; in no order. */
  members(name: unknown): readonly Pid[] {
    const group = this.#groups.get(name);
    if (group === undefined) return noPids;
    return group.all ??= frozen([...group.parts.values()]);
  }

  localMembers(name: unknown): readonly Pid[] {
    const group = this.#groups.get(name);
    if (group === undefined) return noPids;
    const counts = group.parts.get(this.#self);
    return group.local ??= counts === undefined ? noPids : frozen([counts]);
  }

  groups(): unknown[] {
    return this.#groups.values().map(({ name }) => name);
  }

  localGroups(): unknown[] {
    const names: unknown[] = [];
    for (const { name, parts } of this.#groups.values()) {
      if (parts.has(this.#self)) names.push(name);
    }
    return names;
  }

  peers(): readonly Pid[] {
    return [...this.#peers.keys()];
  }

  // -- Members of this node

  /** Adds live actors of this node, each as often as it is named. */
  join(name: unknown, pids: readonly Pid[]): void {
    if (pids.length === 0) return;
    const group = this.#add(this.#self, name, pids);
    const fresh: Pid[] = [];
    for (const pid of pids) {
      const groups = this.#locals.get(pid);
      if (groups !== undefined) {
        groups.add(group);
      } else {
        this.#locals.set(pid, new Set([group]));
        fresh.push(pid);
      }
    }
    for (const pid of fresh) this.#outputs.monitor(pid);
    this.#tell({ type: "join", from: this.#self, group: group.name, pids });
    this.#outputs.changed("join", group.name, pids);
  }

  /** Returns the pids that were members and have left. */
  leave(name: unknown, pids: readonly Pid[]): readonly Pid[] {
    const group = this.#groups.get(name);
    if (group === undefined) return noPids;
    const left = this.#takeOut(this.#self, group, pids);
    if (left.length === 0) return left;
    const gone: Pid[] = [];
    const counts = group.parts.get(this.#self);
    for (const pid of new Set(left)) {
      if (counts?.has(pid)) continue;
      const groups = this.#locals.get(pid);
      groups?.delete(group);
      if (groups?.size !== 0) continue;
      this.#locals.delete(pid);
      gone.push(pid);
    }
    for (const pid of gone) this.#outputs.demonitor(pid);
    const from = this.#self;
    this.#tell({ type: "leave", from, pids: left, groups: [group.name] });
    this.#outputs.changed("leave", group.name, left);
    return left;
  }

  // -- Other nodes

  nodeUp(node: string): void {
    this.#outputs.discover(node);
  }

  /** A message of another node's scope. */
  receive(message: PgMessage): void {
    const { from } = message;
    switch (message.type) {
      case "discover":
        if (!this.#addPeer(from)) this.#sendAll(from);
        return;
      case "sync":
        this.#addPeer(from);
        this.#replace(from, message.groups);
        return;
      case "join":
        if (this.#peers.has(from)) {
          const pids = ownPids(from, message.pids);
          if (pids.length === 0) return;
          const { name } = this.#add(from, message.group, pids);
          this.#outputs.changed("join", name, pids);
        }
        return;
      case "leave":
        if (this.#peers.has(from)) {
          this.#leaveRemote(from, message.pids, message.groups);
        }
        return;
      default:
        message satisfies never;
    }
  }

  /** A monitored actor has ended, or cannot be reached any more. */
  down(pid: Pid): void {
    const groups = this.#peers.get(pid);
    if (groups !== undefined) {
      this.#peers.delete(pid);
      const changes: Change[] = [];
      for (const group of groups) {
        const pids = countedPids([group.parts.get(pid) ?? new Map()]);
        this.#dropPart(pid, group);
        changes.push({ type: "leave", group: group.name, pids });
      }
      this.#announce(changes);
      return;
    }
    const joined = this.#locals.get(pid);
    if (joined === undefined) return;
    this.#locals.delete(pid);
    const changes: Change[] = [];
    for (const group of joined) {
      const count = group.parts.get(this.#self)?.get(pid) ?? 0;
      const pids = Array.from({ length: count }, () => pid);
      this.#takeOut(this.#self, group, pids);
      changes.push({ type: "leave", group: group.name, pids });
    }
    const names = changes.flatMap(({ group, pids }) => pids.map(() => group));
    const from = this.#self;
    this.#tell({ type: "leave", from, pids: [pid], groups: names });
    this.#announce(changes);
  }

  /**
   * Makes a scope a peer, which is sent changes from now on. Returns whether it
   * was unknown; then it has been sent all groups and been asked for its own.
   */
  #addPeer(peer: Pid): boolean {
    if (this.#peers.has(peer)) return false;
    this.#peers.set(peer, new Set());
    this.#outputs.monitor(peer);
    this.#sendAll(peer);
    this.#outputs.send(peer, { type: "discover", from: this.#self });
    return true;
  }

  #sendAll(peer: Pid): void {
    const groups: GroupEntry[] = [];
    for (const group of this.#groups.values()) {
      const counts = group.parts.get(this.#self);
      if (counts !== undefined) {
        groups.push([group.name, countedPids([counts])]);
      }
    }
    this.#outputs.send(peer, { type: "sync", from: this.#self, groups });
  }

  /** Replaces all that is known of a peer's groups. */
  #replace(peer: Pid, entries: readonly GroupEntry[]): void {
    const said = new TermMap<{ name: unknown; counts: Counts }>();
    for (const [name, pids] of entries) {
      const counts = said.get(name)?.counts ?? new Map<Pid, number>();
      for (const pid of ownPids(peer, pids)) increase(counts, pid, 1);
      if (counts.size > 0) said.set(name, { name, counts });
    }
    const changes: Change[] = [];
    for (const group of [...this.#peers.get(peer) ?? []]) {
      const before = group.parts.get(peer) ?? new Map<Pid, number>();
      const now = said.get(group.name)?.counts ?? new Map<Pid, number>();
      const pids = surplus(before, now);
      if (pids.length === 0) continue;
      changes.push({ type: "leave", group: group.name, pids });
      this.#takeOut(peer, group, pids);
    }
    for (const { name, counts } of said.values()) {
      const before = this.#groups.get(name)?.parts.get(peer);
      const pids = surplus(counts, before ?? new Map());
      if (pids.length === 0) continue;
      const group = this.#add(peer, name, pids);
      changes.push({ type: "join", group: group.name, pids });
    }
    this.#announce(changes);
  }

  #leaveRemote(
    peer: Pid,
    pids: readonly Pid[],
    names: readonly unknown[],
  ): void {
    const changes: Change[] = [];
    // All groups are looked up first: a name that is no term throws, and then
    // nothing must have changed.
    for (const group of names.map((name) => this.#groups.get(name))) {
      if (group === undefined) continue;
      const left = this.#takeOut(peer, group, pids);
      if (left.length === 0) continue;
      changes.push({ type: "leave", group: group.name, pids: left });
    }
    this.#announce(changes);
  }

  #tell(message: PgMessage): void {
    for (const peer of this.#peers.keys()) this.#outputs.send(peer, message);
  }

  /** Called last, because a listener may change the groups again. */
  #announce(changes: readonly Change[]): void {
    for (const { type, group, pids } of changes) {
      this.#outputs.changed(type, group, pids);
    }
  }

  // -- The table

  #add(owner: Pid, name: unknown, pids: readonly Pid[]): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new Group(name);
      this.#groups.set(name, group);
    }
    let counts = group.parts.get(owner);
    if (counts === undefined) {
      counts = new Map();
      group.parts.set(owner, counts);
      this.#peers.get(owner)?.add(group);
    }
    for (const pid of pids) increase(counts, pid, 1);
    this.#forgetLists(owner, group);
    return group;
  }

  /** Removes the pids that are in the group, and returns them. */
  #takeOut(owner: Pid, group: Group, pids: readonly Pid[]): Pid[] {
    const counts = group.parts.get(owner);
    if (counts === undefined) return [];
    const left: Pid[] = [];
    for (const pid of pids) {
      if (!counts.has(pid)) continue;
      increase(counts, pid, -1);
      left.push(pid);
    }
    if (counts.size === 0) this.#dropPart(owner, group);
    else if (left.length > 0) this.#forgetLists(owner, group);
    return left;
  }

  #dropPart(owner: Pid, group: Group): void {
    group.parts.delete(owner);
    this.#peers.get(owner)?.delete(group);
    this.#forgetLists(owner, group);
    if (group.parts.size === 0) this.#groups.delete(group.name);
  }

  /** Has the lists made anew; lists that were returned before do not change. */
  #forgetLists(owner: Pid, group: Group): void {
    group.all = null;
    if (owner === this.#self) group.local = null;
  }
}

function increase(counts: Counts, pid: Pid, by: number): void {
  const count = (counts.get(pid) ?? 0) + by;
  if (count > 0) counts.set(pid, count);
  else counts.delete(pid);
}

/** The pids of the peer's own node: a scope cannot speak for other nodes. */
function ownPids(peer: Pid, pids: readonly Pid[]): readonly Pid[] {
  return pids.every(({ node }) => node === peer.node)
    ? pids
    : pids.filter(({ node }) => node === peer.node);
}

/** A list with each pid as often as it is counted. */
export function countedPids(parts: readonly Counts[]): Pid[] {
  const pids: Pid[] = [];
  for (const counts of parts) {
    for (const [pid, count] of counts) {
      for (let i = 0; i < count; i++) pids.push(pid);
    }
  }
  return pids;
}

function frozen(parts: readonly Counts[]): readonly Pid[] {
  return Object.freeze(countedPids(parts));
}

/** A list with each pid as often as `of` counts it more than `over`. */
function surplus(of: Counts, over: Counts): Pid[] {
  const pids: Pid[] = [];
  for (const [pid, count] of of) {
    const more = count - (over.get(pid) ?? 0);
    for (let i = 0; i < more; i++) pids.push(pid);
  }
  return pids;
}
