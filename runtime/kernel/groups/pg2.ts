/**
 * `pg2`: named groups of actors that are created and deleted by hand, as OTP
 * had them up to release 23. For programs that are used to it, and for clusters
 * with BEAM nodes that still run it; for anything new there is `pg`.
 *
 * Against `pg`: a group exists from `create` to `delete`, members or not; any
 * actor can be joined from any node; and a change is waited for, until all
 * nodes that are connected have it.
 */

import { option, OptionTable } from "../../core/messages/options.ts";
import type { CallOptions, Self } from "../../core/contract/self.ts";
import type { ExportedFunction } from "../../core/node/functions.ts";
import type { Node } from "../../core/node/node.ts";
import { LocalActor } from "../../core/actor/local_actor.ts";
import { CallError, UsageError } from "../../core/messages/errors.ts";
import { reasons } from "../../core/messages/reasons.ts";
import { atom, Pid, printTerm, Tuple } from "../../core/terms/terms.ts";
import { type AtNode, liveNodeOf } from "../shared/self_or_node.ts";
import {
  findPg2,
  isNoGroup,
  PG2,
  type Pg2Change,
  pg2Server,
  requestOf,
} from "./pg2_server.ts";

/** There is no such group, or it has no member. */
export class Pg2Error extends Error {
  override readonly name = "Pg2Error";
  readonly reason: "no_such_group" | "no_process";
  readonly group: unknown;
  constructor(reason: Pg2Error["reason"], group: unknown) {
    super(
      reason === "no_such_group"
        ? `expected ${
          printTerm(group)
        } to be a group, got none of that name; ` +
          "create it first: pg2.create(self, group)"
        : `expected a member in the group ${printTerm(group)}, got none`,
    );
    this.reason = reason;
    this.group = group;
  }
}

/**
 * A change waits until every connected node has answered or is lost, or until
 * `timeoutMs` have passed. The change has been made and sent by then.
 */
export type Pg2Options = Pick<CallOptions, "timeoutMs">;

const pg2Options = new OptionTable<Pg2Options>("pg2", {
  timeoutMs: option.timeout,
});

/**
 * Takes part in `pg2` from now on. The first use of any function of `pg2` does
 * this too. The groups of other nodes are known after a round trip.
 */
function start(at: AtNode): void {
  pg2Server(liveNodeOf(at));
}

/**
 * Creates a group; an existing group stays as it is. Waits as `Pg2Options`
 * says. Must be called by a function actor, or with a running node.
 */
async function create(
  at: AtNode,
  group: unknown,
  options: Pg2Options = {},
): Promise<void> {
  await change(at, { type: "create", group }, options);
}

/**
 * Deletes a group with all its members, if there is one. Waits as `create`
 * does.
 */
async function remove(
  at: AtNode,
  group: unknown,
  options: Pg2Options = {},
): Promise<void> {
  await change(at, { type: "delete", group }, options);
}

/**
 * Adds an actor of any connected node. An actor that has joined twice must
 * leave twice. An ended actor is not added. Waits as `create` does; an actor of
 * another node may be seen by third nodes a moment later.
 *
 * Rejects with `Pg2Error` when there is no such group, and with a `CallError`
 * with reason `noproc` when the actor's node takes no part in `pg2`.
 */
async function join(
  at: AtNode,
  group: unknown,
  pid: Pid,
  options: Pg2Options = {},
): Promise<void> {
  await change(at, { type: "join", group, pid: actor(pid) }, options);
}

/**
 * Removes an actor once; an actor that is no member stays none. Waits and
 * rejects as `join` does.
 */
async function leave(
  at: AtNode,
  group: unknown,
  pid: Pid,
  options: Pg2Options = {},
): Promise<void> {
  await change(at, { type: "leave", group, pid: actor(pid) }, options);
}

/**
 * All members, in no order, as often as they joined. Throws `Pg2Error` when
 * there is no such group.
 */
function getMembers<M = never>(
  at: AtNode,
  group: unknown,
): readonly Pid<M>[] {
  const members = pg2Server(liveNodeOf(at)).state.members(group);
  if (members === null) throw new Pg2Error("no_such_group", group);
  return members as readonly Pid<M>[];
}

/** The members of this node. Throws as `getMembers` does. */
function getLocalMembers<M = never>(
  at: AtNode,
  group: unknown,
): readonly Pid<M>[] {
  const members = pg2Server(liveNodeOf(at)).state.localMembers(group);
  if (members === null) throw new Pg2Error("no_such_group", group);
  return members as readonly Pid<M>[];
}

/**
 * A random member of this node, or else of any other node. A member of a node
 * that has been silent is returned only if there is no other. Throws `Pg2Error`
 * when there is no member or no such group.
 */
function getClosestPid<M = never>(at: AtNode, group: unknown): Pid<M> {
  const node = liveNodeOf(at);
  const { state, suspects } = pg2Server(node);
  const all = state.members(group);
  if (all === null) throw new Pg2Error("no_such_group", group);
  const local = state.localMembers(group) ?? [];
  const lively = all.filter((pid) => !suspects.has(pid.node));
  const best = [local, lively, all].find(({ length }) => length > 0);
  if (best === undefined) throw new Pg2Error("no_process", group);
  return best[node.host.randomU32() % best.length] as Pid<M>;
}

/** All groups that exist, with members or without, in no order. */
function whichGroups(at: AtNode): readonly unknown[] {
  return pg2Server(liveNodeOf(at)).state.groups();
}

/**
 * Groups as OTP's `pg2` had them. The first argument is an actor's `self` or a
 * running node; names are terms.
 *
 * Guarantees, weak ones included:
 * - Hornbeam nodes that stay connected come to agree on which groups exist, on
 *   their members, and on how often each member has joined. A group that was
 *   deleted on one side of a partition stays deleted, unless it was created
 *   again there. Actors that joined the old group on the other side are no
 *   members of the new one.
 * - Each side of a partition sees only its own members until the partition
 *   heals.
 * - Each node remembers the 10,000 groups that were deleted last. A group that
 *   was deleted before these may come back with a node that does not know of
 *   the deletion.
 * - With BEAM nodes OTP's rules hold: the groups that such a node still has
 *   when it comes back are created again here.
 * - An actor that ends, or whose node is lost, leaves its groups on each node
 *   as soon as that node is notified of it.
 *
 * @example
 * ```ts
 * import { pg2, Pg2Error, type Self, start } from "hornbeam";
 *
 * await using node = await start();
 * await node.run(async (self: Self) => {
 *   await pg2.create(self, "workers");
 *   console.log(pg2.getMembers(self, "workers").length); // prints: 0
 *   await pg2.join(self, "workers", self.pid);
 *   console.log(pg2.getClosestPid(self, "workers") === self.pid);
 *   // prints: true
 *   await pg2.delete(self, "workers");
 *   try {
 *     await pg2.join(self, "workers", self.pid);
 *   } catch (error) {
 *     console.log((error as Pg2Error).reason); // prints: no_such_group
 *   }
 * });
 * ```
 */
export const pg2: {
  readonly start: typeof start;
  readonly create: typeof create;
  readonly delete: typeof remove;
  readonly join: typeof join;
  readonly leave: typeof leave;
  readonly getMembers: typeof getMembers;
  readonly getLocalMembers: typeof getLocalMembers;
  readonly getClosestPid: typeof getClosestPid;
  readonly whichGroups: typeof whichGroups;
} = {
  start,
  create,
  delete: remove,
  join,
  leave,
  getMembers,
  getLocalMembers,
  getClosestPid,
  whichGroups,
};

function actor(pid: unknown): Pid {
  if (pid instanceof Pid) return pid;
  throw new UsageError(`expected a pid, got ${printTerm(pid)}`);
}

/** Makes a change here, and waits until all other nodes have it. */
async function change(
  at: AtNode,
  what: Pg2Change,
  options: Pg2Options,
): Promise<void> {
  pg2Options.check(options);
  const node = liveNodeOf(at);
  const server = pg2Server(node);
  const isMember = what.type === "join" || what.type === "leave";
  if (isMember && !server.state.has(what.group)) {
    throw new Pg2Error("no_such_group", what.group);
  }
  const self = at instanceof LocalActor ? at : null;
  if (self?.isHandler) {
    throw new UsageError(
      "expected pg2 to be changed by a function actor, got a handler actor, " +
        "which cannot wait; let it spawn one",
    );
  }
  const others = node.nodes();
  const outcome = server.change(what);
  if (others.length === 0) return;
  const tell = (one: Pick<Self, "call">) =>
    tellAll(
      one,
      others,
      { ...what, isForeign: outcome === "foreign" },
      options,
    );
  if (self !== null) await tell(self);
  else {
    const { run } = at as unknown as Runner;
    await run.call(at, tell);
  }
}

/** A running node, as far as it is needed here. */
type Runner = {
  run(this: unknown, body: (self: Self) => Promise<void>): Promise<void>;
};

async function tellAll(
  self: Pick<Self, "call">,
  nodes: readonly string[],
  what: Pg2Change & { readonly isForeign: boolean },
  options: Pg2Options,
): Promise<void> {
  const request = requestOf(what);
  // Only the node of the actor can make the change.
  const decides = (node: string): boolean =>
    what.isForeign && "pid" in what && what.pid.node === node;
  const answers = await Promise.all(nodes.map(async (node) => {
    try {
      const answer = await self.call({ name: PG2, node }, request, options);
      return { node, answer };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.reason === reasons.noproc && decides(node)) throw error;
      // A node that runs no pg2, is lost, or is too slow does not count.
      return null;
    }
  }));
  if (what.type === "create" || what.type === "delete") return;
  // Only the node of the actor knows whether the change was made.
  const reply = answers.find((answer) => answer?.node === what.pid.node);
  if (isNoGroup(reply?.answer)) throw new Pg2Error("no_such_group", what.group);
}

/** Look-ups for other nodes, under the names of OTP's functions. */
export function pg2Functions(
  node: Node,
): Readonly<Record<string, ExportedFunction>> {
  const failed = (reason: Pg2Error["reason"], group: unknown) =>
    new Tuple([atom("error"), new Tuple([atom(reason), group])]);
  return {
    "pg2:get_members/1": (group) =>
      findPg2(node)?.state.members(group) ?? failed("no_such_group", group),
    "pg2:get_local_members/1": (group) =>
      findPg2(node)?.state.localMembers(group) ??
        failed("no_such_group", group),
    "pg2:which_groups/0": () => findPg2(node)?.state.groups() ?? [],
  };
}
