/**
 * Process groups: names in a whole cluster that many actors may share.
 *
 * An actor joins groups of its own node's scope, and all connected nodes that
 * run a scope of that name see it there. There is no owner, no lock and no
 * agreement: a look-up is a read of a local table, which holds the messages
 * that this node has received so far. OTP's `pg` is the model and speaks the
 * same protocol, so Erlang and Elixir nodes take part, and its reference manual
 * holds here.
 *
 * It keeps no values, and it does not promise that two nodes have the same
 * members at one moment. During a partition each side has only its own members.
 */

import type { ExportedFunction } from "../../core/node/functions.ts";
import type { LocalActor } from "../../core/actor/local_actor.ts";
import type { Node } from "../../core/node/node.ts";
import { UsageError } from "../../core/messages/errors.ts";
import { atom, Pid, printTerm, type Ref } from "../../core/terms/terms.ts";
import { atomName } from "../../core/terms/atom_names.ts";
import {
  type AtActor,
  type AtNode,
  liveActorOf,
  liveNodeOf,
  nodeOf,
} from "../shared/self_or_node.ts";
import { findScope, type PgScope, startScope } from "./pg_scope.ts";
import type { PgState } from "./pg_state.ts";

/** A monitor of one group, and its members when the monitor was set. */
export type GroupMonitor<M = never> = {
  readonly ref: Ref;
  readonly members: readonly Pid<M>[];
};

/** A monitor of a scope, and its groups when the monitor was set. */
export type ScopeMonitor = {
  readonly ref: Ref;
  readonly groups: readonly {
    readonly group: unknown;
    readonly members: readonly Pid[];
  }[];
};

/** The scope that starts by itself. */
const DEFAULT_SCOPE = "pg";

/**
 * One scope of process groups. `pg` is the scope of that name, and
 * `pg.scope(name)` is any other. Scopes are independent of each other.
 *
 * The first argument is an actor's `self` or a running node, and says on which
 * node the function acts. A group's name is any term and is compared by
 * `termEquals`; a value that is no term is refused with a `TypeError`.
 *
 * The scope `pg` starts when it is first used, other scopes by `start`. Before
 * that a node takes no part: it receives no members, and look-ups in other
 * scopes return nothing. The members of other nodes are known after a round
 * trip, so a program whose first look-up matters calls `pg.start` early.
 *
 * Guarantees, weak ones included:
 * - A change is in force on its own node when its call returns, and is sent at
 *   once. Other nodes see the changes of one node in their order, and those of
 *   several nodes in any order.
 * - Nodes that stay connected come to agree, also on how often each pid is in
 *   each group. Until then each node shows what it has received.
 * - Membership is not passed on: a node knows only members of nodes that it is
 *   connected to.
 * - An actor that ends leaves its groups at once on its own node, and on
 *   another node as soon as that is notified. A node that is lost leaves with
 *   all its members, in one step with its `NodeDown`, even if it still runs.
 * - A look-up may return the pid of an actor of another node that has ended.
 * - A scope that is ended by an exit signal starts again without its members.
 *
 * @example
 * ```ts
 * import { GroupJoin, pg, type Self, start } from "hornbeam";
 *
 * await using node = await start();
 * await node.run(async (self: Self<GroupJoin | string>) => {
 *   const { ref } = pg.monitor(self, "lobby");
 *   pg.join(self, "lobby", self.pid);
 *   pg.join(self, "lobby", [self.pid, self.pid]);
 *   console.log(pg.members(self, "lobby").length); // prints: 3
 *   const event = await self.receive(ref);
 *   console.log((event as GroupJoin).pids.length); // prints: 1
 *   pg.demonitor(self, ref);
 *   for (const pid of new Set(pg.members<string>(self, "lobby"))) {
 *     self.send(pid, "hello");
 *   }
 *   console.log(await self.receive()); // prints: hello
 *   console.log(pg.leave(self, "lobby", self.pid)); // prints: true
 * });
 * console.log(pg.whichGroups(node).length); // prints: 0
 * ```
 */
export class Pg {
  /** Its name, under which its actor is registered. */
  readonly name: string;

  /** @internal Made by `pg.scope`. */
  constructor(name: string) {
    this.name = name;
  }

  /** The scope of that name. It runs on no node before `start`. */
  scope(name: string): Pg {
    return new Pg(name);
  }

  /**
   * Runs the scope on this node from now on, if it does not run already.
   * Returns the pid of the scope's actor. Throws `UsageError` for a name that
   * another actor has.
   */
  start(at: AtNode): Pid {
    return startScope(liveNodeOf(at), this.name).pid;
  }

  /**
   * Ends the scope on this node: its members leave on all nodes, and actors
   * that monitor it get a `Down`. Returns whether it ran.
   */
  stop(at: AtNode): boolean {
    const scope = findScope(liveNodeOf(at), this.name);
    scope?.stop();
    return scope !== undefined;
  }

  /**
   * Adds one actor of this node or several, each as often as it is named. An
   * actor that has joined twice must leave twice. An ended actor is not added.
   *
   * Throws `UsageError` when an actor is of another node, and when the scope
   * does not run; then nothing has changed.
   */
  join(at: AtNode, group: unknown, pids: Pid | readonly Pid[]): void {
    const node = liveNodeOf(at);
    const live = ownPids(node, pids).filter((pid) =>
      node.localActor(pid) !== null
    );
    this.#running(node).state.join(group, Object.freeze(live));
  }

  /**
   * Removes one actor of this node or several, each as often as it is named.
   * Returns whether any of them was in the group. Throws as `join` does.
   */
  leave(at: AtNode, group: unknown, pids: Pid | readonly Pid[]): boolean {
    const node = liveNodeOf(at);
    const leaving = ownPids(node, pids);
    return this.#running(node).state.leave(group, leaving).length > 0;
  }

  /** Members on all connected nodes, in no order, as often as they joined. */
  members<M = never>(at: AtNode, group: unknown): readonly Pid<M>[] {
    const members = this.#found(at)?.state.members(group) ?? [];
    return members as readonly Pid<M>[];
  }

  /** Members of this node. */
  localMembers<M = never>(at: AtNode, group: unknown): readonly Pid<M>[] {
    const members = this.#found(at)?.state.localMembers(group) ?? [];
    return members as readonly Pid<M>[];
  }

  /** Names of the groups that have members, in no order. */
  whichGroups(at: AtNode): readonly unknown[] {
    return this.#found(at)?.state.groups() ?? [];
  }

  /** Names of the groups that have members of this node. */
  whichLocalGroups(at: AtNode): readonly unknown[] {
    return this.#found(at)?.state.localGroups() ?? [];
  }

  /**
   * Sends the actor a `GroupJoin` or `GroupLeave` with the returned ref on each
   * change of the group from now on; no change is missed after the returned
   * members. When the scope ends, the actor gets a `Down` with the ref and no
   * further event. An actor whose mailbox is at its limit may lose events.
   * Throws `UsageError` when the scope does not run.
   */
  monitor<M = never>(self: AtActor, group: unknown): GroupMonitor<M> {
    const actor = liveActorOf(self);
    const scope = this.#running(nodeOf(actor));
    const members = scope.state.members(group) as readonly Pid<M>[];
    return { ref: scope.subscribe(actor, { name: group }), members };
  }

  /** As `monitor`, for all groups of the scope. */
  monitorScope(self: AtActor): ScopeMonitor {
    const actor = liveActorOf(self);
    const scope = this.#running(nodeOf(actor));
    const groups = scope.state.groups().map((group) => ({
      group,
      members: scope.state.members(group),
    }));
    return { ref: scope.subscribe(actor, null), groups };
  }

  /**
   * Ends a monitor: no further event comes, and its events in the mailbox are
   * removed. Returns whether the actor had that monitor in this scope.
   */
  demonitor(self: AtActor, ref: Ref): boolean {
    const actor: LocalActor = liveActorOf(self);
    const scope = findScope(nodeOf(actor), this.name);
    return scope?.unsubscribe(actor, ref) ?? false;
  }

  #found(at: AtNode): PgScope | undefined {
    const node = liveNodeOf(at);
    return findScope(node, this.name) ??
      (this.name === DEFAULT_SCOPE ? this.#running(node) : undefined);
  }

  #running(node: Node): PgScope {
    const known = findScope(node, this.name);
    if (known !== undefined) return known;
    if (this.name === DEFAULT_SCOPE) return startScope(node, this.name);
    throw new UsageError(
      `expected the scope "${this.name}" to run on ${node.name}; start it ` +
        `first: pg.scope("${this.name}").start(self)`,
    );
  }
}

/** The scope `pg`. Other scopes are made by `pg.scope(name)`. */
export const pg: Pg = new Pg(DEFAULT_SCOPE);

/** A copy of the list, which no caller can change. Throws `UsageError`. */
function ownPids(node: Node, pids: Pid | readonly Pid[]): Pid[] {
  const list: readonly unknown[] = Array.isArray(pids) ? pids : [pids];
  return list.map((pid) => {
    if (pid instanceof Pid && node.isOwnPid(pid)) return pid;
    throw new UsageError(
      `expected pids of ${node.name}, got ${
        pid instanceof Pid ? `${pid} of ${pid.node}` : printTerm(pid)
      }; an actor joins and leaves on its own node`,
    );
  });
}

/** Look-ups for other nodes, under the names of OTP's functions. */
export function pgFunctions(
  node: Node,
): Readonly<Record<string, ExportedFunction>> {
  const look = <T>(name: unknown, ask: (state: PgState) => T): T | [] => {
    const scope = findScope(node, atomName(name) ?? "");
    return scope === undefined ? [] : ask(scope.state);
  };
  const usual = atom(DEFAULT_SCOPE);
  return {
    "pg:get_members/1": (group) => look(usual, (pg) => pg.members(group)),
    "pg:get_members/2": (name, group) => look(name, (pg) => pg.members(group)),
    "pg:get_local_members/1": (group) =>
      look(usual, (pg) => pg.localMembers(group)),
    "pg:get_local_members/2": (name, group) =>
      look(name, (pg) => pg.localMembers(group)),
    "pg:which_groups/0": () => look(usual, (pg) => pg.groups()),
    "pg:which_groups/1": (name) => look(name, (pg) => pg.groups()),
    "pg:which_local_groups/0": () => look(usual, (pg) => pg.localGroups()),
    "pg:which_local_groups/1": (name) => look(name, (pg) => pg.localGroups()),
  };
}
