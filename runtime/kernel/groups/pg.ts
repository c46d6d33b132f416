/**
 * Process groups: actors of a whole cluster under names that many may have.
 *
 * An actor joins groups of its own node's scope, and all nodes that are
 * connected and run a scope of that name see it there. There is no owner, no
 * lock and no agreement: a look-up is one of a local table, and what it returns
 * is what this node has heard. OTP's `pg` is the same and speaks the same
 * protocol, so Erlang and Elixir nodes take part; it is the model, and its
 * reference manual holds here.
 *
 * What it does not do: it keeps no values, and it promises nothing about a
 * moment. After a partition each side has its own members only, until it heals.
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

/** A monitor of one group, and who was in it when it was set. */
export type GroupMonitor<M = never> = {
  readonly ref: Ref;
  readonly members: readonly Pid<M>[];
};

/** A monitor of a scope, and which groups it had when it was set. */
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
 * One scope of process groups. `pg` is the one of that name; `pg.scope(name)`
 * is any other. Scopes know nothing of each other.
 *
 * The first argument says on which node: an actor's `self`, or what `start`
 * has resolved with. A group's name is any term and is compared by
 * `termEquals`; what is no term is refused with a `TypeError`.
 *
 * The scope `pg` starts when it is first used, others when they are told to.
 * Until then a node takes no part: it hears of no member, and its look-ups in
 * other scopes find nothing. What other nodes have is there after a round trip,
 * so a program whose first look-up matters calls `pg.start` early.
 *
 * Guarantees, weak ones included:
 * - A change is in force on its own node when its call returns, and is sent at
 *   once. Another node sees what one node's actors do in that order; of several
 *   nodes, in any.
 * - Nodes that stay connected come to agree, on how often each pid is in each
 *   group as well. While they do not, each sees what it has heard.
 * - Membership is not passed on: a node knows members of nodes that it is
 *   connected to.
 * - An actor that ends leaves its groups at once on its own node and as soon as
 *   that is heard on others. A node that is lost leaves with all its members,
 *   in one step with its `NodeDown`; it may be alive.
 * - What a look-up returns may be dead, as any pid may be.
 * - A scope that is ended by an exit signal starts anew without its members.
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

  /** The scope of that name; it runs on no node before `start`. */
  scope(name: string): Pg {
    return new Pg(name);
  }

  /**
   * Takes part from now on; returns the pid of the scope's actor, which is the
   * same when it runs already. Throws `UsageError` for a name that another
   * actor has.
   */
  start(at: AtNode): Pid {
    return startScope(liveNodeOf(at), this.name).pid;
  }

  /**
   * Ends the scope on this node: its members leave everywhere, and whoever
   * monitors it gets a `Down`. Returns whether it ran.
   */
  stop(at: AtNode): boolean {
    const scope = findScope(liveNodeOf(at), this.name);
    scope?.stop();
    return scope !== undefined;
  }

  /**
   * Adds an actor of this node, or several, each as often as it is named: who
   * has joined twice must leave twice. One that has ended is not added.
   *
   * Throws `UsageError` when one is of another node, and when the scope does
   * not run; then nothing has changed.
   */
  join(at: AtNode, group: unknown, pids: Pid | readonly Pid[]): void {
    const node = liveNodeOf(at);
    const living = own(node, pids).filter((pid) =>
      node.localActor(pid) !== null
    );
    this.#running(node).state.join(group, Object.freeze(living));
  }

  /**
   * Takes an actor of this node out, or several, each as often as it is named.
   * Returns whether any was in the group. Throws as `join` does.
   */
  leave(at: AtNode, group: unknown, pids: Pid | readonly Pid[]): boolean {
    const node = liveNodeOf(at);
    const leaving = own(node, pids);
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
   * From now on the actor is sent `GroupJoin` and `GroupLeave` with this ref
   * whenever a group changes, without a gap after the members returned. When
   * the scope ends it gets a `Down` with the ref, and nothing more. An actor
   * whose mailbox is at its limit may lose events. Throws `UsageError` when the
   * scope does not run.
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
   * Ends a monitor; nothing of it comes any more, and what has come is removed
   * from the mailbox. Returns whether it was one of this actor's in this scope.
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

/** The scope `pg`, and the way to others: `pg.scope(name)`. */
export const pg: Pg = new Pg(DEFAULT_SCOPE);

/** A list of its own, so that nobody else writes to it. */
function own(node: Node, pids: Pid | readonly Pid[]): Pid[] {
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

/** Look-ups for other nodes, by the names that they have on a BEAM node. */
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
