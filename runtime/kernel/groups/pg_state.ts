/**
 * One scope of process groups on one node: who is in which group, and what is
 * to be told to whom. A state machine without a clock, sockets or actors.
 *
 * The protocol is that of OTP's module `pg` (the messages are in `pg_wire.ts`).
 * Each node is the authority for the pids that it has: what is known of others
 * is what their scope said last. Hence:
 *
 * - What a peer's scope has said is kept for exactly as long as that scope is
 *   watched. When it is lost, all that it said goes in one step, so no member
 *   outlives the connection to its node.
 * - Whoever is met anew is sent everything and asked for everything, and its
 *   answer replaces what was known. What comes late, over a connection that has
 *   been lost meanwhile, is repaired by that answer or goes with the peer.
 * - Changes are sent to those only who have been sent everything before, since
 *   OTP's own fails on one that it cannot place.
 * - A group is its members. The last one takes it along, whoever was told.
 */

import type { Pid } from "../../core/terms/terms.ts";
import { keptName, TermMap } from "../shared/term_map.ts";

/** What scopes say to each other. */
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
    /** Each pid leaves each group, as often as that is named. */
    readonly type: "leave";
    readonly from: Pid;
    readonly pids: readonly Pid[];
    readonly groups: readonly unknown[];
  };

/** A group, and its members as often as they have joined. */
export type GroupEntry = readonly [name: unknown, pids: readonly Pid[]];

/**
 * What the state machine wants done. It has changed already when it says so.
 */
export interface PgOutputs {
  /** To the scope of a peer. */
  send(to: Pid, message: PgMessage): void;
  /** To whoever is the scope on that node: a `discover`. */
  discover(node: string): void;
  /** `down` is to be called when the actor has ended or cannot be reached. */
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
  /** By the scope that answers for them. No part is empty. */
  readonly parts: Map<Pid, Counts> = new Map();
  /** What look-ups return; null when it has to be made anew. */
  all: readonly Pid[] | null = null;
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
  /** Every group that has a member. */
  readonly #groups = new TermMap<Group>();
  /** Members of this node, each with its groups; all of them are watched. */
  readonly #locals = new Map<Pid, Set<Group>>();
  /** Scopes of other nodes, with the groups they answer for; all watched. */
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

  /** Living actors of this node, each as often as it is named. */
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

  /** Returns whom it has taken outputs; not those who were not in the group. */
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

  /** A word of another node's scope. */
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

  /** An actor that was watched has ended, or cannot be reached any more. */
  down(pid: Pid): void {
    const groups = this.#peers.get(pid);
    if (groups !== undefined) {
      this.#peers.delete(pid);
      const changes: Change[] = [];
      for (const group of groups) {
        const pids = listOf([group.parts.get(pid) ?? new Map()]);
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
   * From now on the peer is told of changes. Returns whether it was unknown; it
   * has then been sent everything, and asked for everything.
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
      if (counts !== undefined) groups.push([group.name, listOf([counts])]);
    }
    this.#outputs.send(peer, { type: "sync", from: this.#self, groups });
  }

  /** What a peer says of all its groups takes the place of what is known. */
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
    // All are looked up first: a name that is no term must change nothing.
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

  /** Last, since whoever is told may change the groups again. */
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

  /** Takes out those who are in the group, and returns them. */
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

  /** What look-ups returned before is not changed. */
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

/** A scope answers for pids of its own node, whatever it says. */
function ownPids(peer: Pid, pids: readonly Pid[]): readonly Pid[] {
  return pids.every(({ node }) => node === peer.node)
    ? pids
    : pids.filter(({ node }) => node === peer.node);
}

/** Each pid as often as it is counted. */
function listOf(parts: readonly Counts[]): Pid[] {
  const pids: Pid[] = [];
  for (const counts of parts) {
    for (const [pid, count] of counts) {
      for (let i = 0; i < count; i++) pids.push(pid);
    }
  }
  return pids;
}

function frozen(parts: readonly Counts[]): readonly Pid[] {
  return Object.freeze(listOf(parts));
}

/** Each pid as often as it is counted more in one than in the other. */
function surplus(of: Counts, over: Counts): Pid[] {
  const pids: Pid[] = [];
  for (const [pid, count] of of) {
    const more = count - (over.get(pid) ?? 0);
    for (let i = 0; i < more; i++) pids.push(pid);
  }
  return pids;
}
