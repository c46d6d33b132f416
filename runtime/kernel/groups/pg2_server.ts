/**
 * The server of `pg2` on a node: a `Pg2State`, the actor `pg2`, and the
 * messages that it sends and reads.
 *
 * Towards BEAM nodes the messages are those of OTP 23's `pg2`: calls of
 * `{create | delete, Group}` and `{join | leave, Group, Pid}`, `{new_pg2,
 * Node}`, and casts of `{exchange, Node, [[Group, [Pid]]]}`. Between Hornbeam
 * nodes they are the messages of `pg`, and `{groups, Pid, [{Group, Length}]}`.
 * A Hornbeam node makes the calls to Hornbeam nodes too, after these messages:
 * an answer then tells the caller that its change has arrived.
 *
 * It takes no lock of `global`. Hornbeam nodes do not need one; a change by a
 * BEAM node may cross with those of other nodes.
 */

import { Call, Cast } from "../../core/messages/requests.ts";
import type { Node } from "../../core/node/node.ts";
import { NodeDown, NodeUp } from "../../core/messages/runtime_messages.ts";
import { atom, Pid, Tuple } from "../../core/terms/terms.ts";
import { atomName, nameAtom } from "../../core/terms/atom_names.ts";
import { itemsOf } from "../shared/tuple_items.ts";
import { type GroupLength, type Pg2Message, Pg2State } from "./pg2_state.ts";
import type { GroupEntry } from "./pg_state.ts";
import { fromWire, pidsOf, toWire } from "./pg_wire.ts";
import { ServerActor } from "./server_actor.ts";

const names = {
  create: atom("create"),
  delete: atom("delete"),
  join: atom("join"),
  leave: atom("leave"),
  newPg2: atom("new_pg2"),
  exchange: atom("exchange"),
  groups: atom("groups"),
  ok: atom("ok"),
  error: atom("error"),
} as const;

/** The registered name, on BEAM nodes as well. */
export const PG2 = "pg2";

/** A change of a group; for a change of members with the pid. */
export type Pg2Change =
  | { readonly type: "create"; readonly group: unknown }
  | { readonly type: "delete"; readonly group: unknown }
  | { readonly type: "join"; readonly group: unknown; readonly pid: Pid }
  | { readonly type: "leave"; readonly group: unknown; readonly pid: Pid };

/** The result of a change; `foreign`: another node has to make it. */
export type Pg2Outcome = "ok" | "noGroup" | "foreign";

export class Pg2Server {
  readonly #node: Node;
  /** The present actor; it and `#state` are replaced together. */
  #actor: ServerActor;
  /** The groups, empty when `#actor` was started. */
  #state: Pg2State;
  /** Connected nodes that have been silent for a while. */
  readonly suspects: Set<string> = new Set();
  /** Aborted when the server ends for good, which ends its subscription. */
  readonly #stopped = new AbortController();

  /** Throws `UsageError` when the name is taken. */
  constructor(node: Node) {
    this.#node = node;
    [this.#actor, this.#state] = this.#startServer();
    node.nodeEvents.listenToConnections((event) => {
      if (event.type !== "nodesuspect") return;
      if (event.isSuspect) this.suspects.add(event.node);
      else this.suspects.delete(event.node);
    }, this.#stopped.signal);
  }

  get state(): Pg2State {
    return this.#state;
  }

  #startServer(): [ServerActor, Pg2State] {
    const actor = new ServerActor(this.#node, PG2, {
      message: (message) => this.#receive(message),
      down: (pid) => this.#state.down(pid),
      ended: () => this.#restart(),
    });
    const state = new Pg2State(actor.pid, {
      send: (to, message) => actor.send(to, pg2ToWire(message)),
      discover: (node) => {
        const message = toWire({ type: "discover", from: actor.pid });
        actor.send({ name: PG2, node }, message);
      },
      monitor: (pid) => actor.monitor(pid),
      demonitor: (pid) => actor.demonitor(pid),
    });
    for (const node of this.#node.nodes()) {
      if (!this.#isBeam(node)) state.nodeUp(node);
      else {
        const own = nameAtom(this.#node.name);
        actor.send({ name: PG2, node }, new Tuple([names.newPg2, own]));
      }
    }
    return [actor, state];
  }

  /** Starts again after an exit signal; its peers send it their groups. */
  #restart(): void {
    if (this.#node.names.holder(PG2) !== null) {
      servers.delete(this.#node);
      this.#stopped.abort();
    } else {
      [this.#actor, this.#state] = this.#startServer();
    }
  }

  #isBeam(node: string): boolean {
    return this.#node.way(this.#node.pid, { name: PG2, node }).isBeam === true;
  }

  #isUp(node: string): boolean {
    return this.#node.way(this.#node.pid, { name: PG2, node }).isUp;
  }

  /**
   * Makes a change for an actor of this node or for a call. A change of an
   * actor of another Hornbeam node is left to that node.
   */
  change(change: Pg2Change): Pg2Outcome {
    const { group } = change;
    const state = this.#state;
    if (change.type === "create" || change.type === "delete") {
      state[change.type](group);
      return "ok";
    }
    const { type, pid } = change;
    let hasGroup: boolean;
    if (this.#node.isOwnPid(pid)) {
      const isLiving = this.#node.localActor(pid) !== null;
      hasGroup = isLiving ? state[type](group, pid) : state.has(group);
    } else if (this.#isBeam(pid.node)) {
      hasGroup = type === "join"
        ? state.joinForeign(group, pid)
        : state.leaveForeign(group, pid);
    } else {
      return "foreign";
    }
    return hasGroup ? "ok" : "noGroup";
  }

  #receive(message: unknown): void {
    if (message instanceof NodeUp) {
      if (this.#isBeam(message.node)) this.#sendExchange(message.node);
      else this.#state.nodeUp(message.node);
    } else if (message instanceof NodeDown) {
      this.suspects.delete(message.node);
    } else if (message instanceof Call) {
      this.#answerCall(message);
    } else {
      const said = pg2FromWire(message);
      if (said === null) this.#receiveFromBeam(message);
      else if (this.#isPeer(said.from)) this.#state.receive(said);
    }
  }

  #isPeer({ node }: Pid): boolean {
    return node !== this.#node.name && this.#isUp(node) && !this.#isBeam(node);
  }

  #receiveFromBeam(message: unknown): void {
    const isCast = message instanceof Cast;
    const [name, from, list] = itemsOf(isCast ? message.request : message);
    const node = atomName(from);
    if (node === undefined || !this.#isBeam(node)) return;
    if (name === names.newPg2 && !isCast) {
      this.#sendExchange(node);
    } else if (name === names.exchange && isCast) {
      const entries = exchangeOf(list);
      if (entries !== null) this.#state.exchanged(this.#foreignOnly(entries));
    }
  }

  /** Only the processes of connected BEAM nodes. */
  #foreignOnly(entries: readonly GroupEntry[]): GroupEntry[] {
    return entries.map(([name, pids]) => [
      name,
      pids.filter(({ node }) => this.#isBeam(node)),
    ]);
  }

  #sendExchange(node: string): void {
    const own = nameAtom(this.#node.name);
    const list = this.#state.entries().map((entry) => [...entry]);
    this.#actor.send(
      { name: PG2, node },
      new Cast(new Tuple([names.exchange, own, list])),
    );
  }

  #answerCall({ from, request }: Call): void {
    const change = changeOf(request);
    if (change === null) {
      this.#actor.reply(from, new Tuple([names.error, atom("notsup")]));
      return;
    }
    const isMember = change.type === "join" || change.type === "leave";
    // A Hornbeam node has sent its own change before it calls.
    const outcome = isMember || this.#isBeam(from.pid.node)
      ? this.change(change)
      : "ok";
    const noGroup = atom("no_such_group");
    this.#actor.reply(
      from,
      outcome === "noGroup"
        ? new Tuple([names.error, new Tuple([noGroup, change.group])])
        : names.ok,
    );
  }
}

/** The request of a call that asks for a change. */
export function requestOf(change: Pg2Change): Tuple {
  const { type, group } = change;
  return type === "create" || type === "delete"
    ? new Tuple([names[type], group])
    : new Tuple([names[type], group, change.pid]);
}

/** Whether an answer says that there is no such group. */
export function isNoGroup(answer: unknown): boolean {
  return itemsOf(answer)[0] === names.error;
}

function changeOf(request: unknown): Pg2Change | null {
  const [name, group, pid, ...more] = itemsOf(request);
  const length = itemsOf(request).length;
  if (more.length > 0) return null;
  if (length === 2 && name === names.create) return { type: "create", group };
  if (length === 2 && name === names.delete) return { type: "delete", group };
  if (!(pid instanceof Pid)) return null;
  if (name === names.join) return { type: "join", group, pid };
  return name === names.leave ? { type: "leave", group, pid } : null;
}

function pg2ToWire(message: Pg2Message): unknown {
  if (message.type !== "groups") return toWire(message);
  const lengths = message.lengths.map((entry) => new Tuple(entry));
  return new Tuple([names.groups, message.from, lengths]);
}

function pg2FromWire(term: unknown): Pg2Message | null {
  const [name, from, list] = itemsOf(term);
  if (name !== names.groups) return fromWire(term);
  if (!(from instanceof Pid) || !Array.isArray(list)) return null;
  const lengths: GroupLength[] = [];
  for (const item of list) {
    const [group, length] = itemsOf(item);
    if (!isLength(length)) return null;
    lengths.push([group, length]);
  }
  return { type: "groups", from, lengths };
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** `[[Group, [Pid]]]`; null for anything else. */
function exchangeOf(list: unknown): readonly GroupEntry[] | null {
  if (!Array.isArray(list)) return null;
  const entries: GroupEntry[] = [];
  for (const item of list) {
    if (!Array.isArray(item) || item.length !== 2) return null;
    const pids = pidsOf(item[1]);
    if (pids === null) return null;
    entries.push([item[0], pids]);
  }
  return entries;
}

const servers = new WeakMap<Node, Pg2Server>();

/** The node's server; started if it does not run. */
export function pg2Server(node: Node): Pg2Server {
  let server = servers.get(node);
  if (server === undefined) {
    server = new Pg2Server(node);
    servers.set(node, server);
  }
  return server;
}

/** The node's server, if it runs. */
export function findPg2(node: Node): Pg2Server | undefined {
  return servers.get(node);
}
