/**
 * The state machine of `global` on one node, without clock or network. Its
 * inputs are messages of other nodes, orders of this node's actors, and events
 * of the node. Its effects go out through the port (`state/port.ts`).
 *
 * It only connects the parts: tables, members, joins, changes, locks and
 * partitions each have a module of their own. Availability goes before
 * consistency: nodes that cannot reach each other go on without each other, and
 * conflicting changes are reconciled when they meet. `README.md` shows the
 * protocol.
 */

import { atom, type Pid, Tuple } from "../../core/terms/terms.ts";
import { Checks } from "./partitions/checks.ts";
import { Joins } from "./partitions/joins.ts";
import { Locking } from "./locks/locking.ts";
import { type Member, Members } from "./state/members.ts";
import {
  type PartitionPolicy,
  Partitions,
  REMOVED,
} from "./partitions/partitions.ts";
import type { GlobalPort, Undo } from "./state/port.ts";
import { Registrar } from "./names/registrar.ts";
import { Rounds } from "./locks/rounds.ts";
import { GlobalTables } from "./state/tables.ts";
import {
  isChange,
  PROTOCOL_VERSION,
  type ServerMessage,
  type ServerRequest,
  write,
  yes,
} from "./protocol/terms.ts";
import { readRequest } from "./protocol/read.ts";
import { option, OptionTable } from "../../core/messages/options.ts";
import { UserLocks } from "./locks/user_locks.ts";
import { nameAtom } from "../../core/terms/atom_names.ts";

/** How a node takes part in `global`. */
export type GlobalOptions = {
  /**
   * What happens to partitions that overlap; see `global`. Default `heal`:
   * nodes that have lost each other connect again, and no other connection is
   * ended.
   */
  readonly partitions?: PartitionPolicy;
  /** Whether a pid may have several names. Default false, as in OTP. */
  readonly severalNames?: boolean;
};

/** What the option `global` of `start` takes. */
export const globalOptions: OptionTable<GlobalOptions> = new OptionTable<
  GlobalOptions
>(
  "global",
  {
    partitions: option.oneOf("heal", "prevent"),
    severalNames: option.flag,
  },
);

/** How long a node may say that it knows us before we must know it. */
const UNKNOWN_MS = 500;

/** A caller of `sync` that waits. `done` is called once. */
type SyncWait = {
  readonly done: (isSynced: boolean) => void;
  /** Stops the timer of the caller's time limit. */
  end: Undo;
};

export class GlobalServer {
  /** This node's names, and the locks that are set on this node. */
  readonly tables: GlobalTables;
  /** The nodes whose servers are monitored; the known ones share the names. */
  readonly members: Members;
  /** The changes of names that this node makes, one batch at a time. */
  readonly changes: Registrar;
  /** The locks that actors of this node wait for or give back. */
  readonly locks: UserLocks;
  /** The handshakes with nodes that are not known yet. */
  readonly joins: Joins;
  /** The only way to the clock, the network and the actors. */
  readonly #port: GlobalPort;
  /** All locks that this node takes on other nodes go through it. */
  readonly #locking: Locking;
  /** The calls to other servers that are not answered yet. */
  readonly #rounds: Rounds;
  /** What to do about members that were lost. */
  readonly #partitions: Partitions;
  /** Comparisons of names with known Hornbeam nodes. */
  readonly #checks: Checks;
  /**
   * Nodes that were found without a server while they were up. `sync` does not
   * wait for them. Disjoint from `members` until such a node sends a message.
   */
  readonly #absent = new Set<string>();
  /** Callers of `sync` that wait: empty whenever all nodes are in sync. */
  readonly #syncs = new Set<SyncWait>();

  constructor(port: GlobalPort, options: GlobalOptions = {}) {
    this.#port = port;
    const tables = this.tables = new GlobalTables(port, {
      freed: (resource) => this.#locking.ownLockFreed(resource),
    });
    const members = this.members = new Members(
      port,
      (member, reason) => this.#memberLost(member, reason),
    );
    const isHornbeam = (node: string) => members.isHornbeam(node);
    const rounds = this.#rounds = new Rounds({
      port,
      own: (request, holder) => this.#answer(readRequest(request), holder),
      monitor: (node) => void members.ensure(node),
    });
    const locking = this.#locking = new Locking({
      port,
      tables,
      rounds,
      isHornbeam,
      hurry: (resource) => this.changes.hurry(resource),
    });
    const joins = this.joins = new Joins({
      port,
      tables,
      members,
      locking,
      changed: () => this.#endSyncs(),
    });
    this.changes = new Registrar({
      port,
      tables,
      rounds,
      locking,
      isHornbeam,
      known: () => members.known(),
      allowsSeveral: options.severalNames ?? false,
    });
    this.locks = new UserLocks({ port, locking, rounds });
    this.#checks = new Checks({
      port,
      tables,
      members,
      rejoin: (node) => this.#rejoin(node),
    });
    this.#partitions = new Partitions({
      port,
      members,
      policy: options.partitions ?? "heal",
      peers: () => [...new Set([...members.known(), ...joins.pending()])],
    });
  }

  // -- The node

  start(): void {
    for (const node of this.#port.nodes()) this.nodeUp(node);
  }

  nodeUp(node: string): void {
    this.#absent.delete(node);
    this.#partitions.nodeFound(node);
    this.#checks.nodeFound();
    this.members.ensure(node);
    if (!this.joins.pending().includes(node)) this.joins.beginSession(node);
  }

  nodeDown(node: string): void {
    this.#absent.delete(node);
    this.members.drop(node, "nodedown");
    this.#endSyncs();
  }

  #memberLost(member: Member, reason: unknown): void {
    const { node } = member;
    this.#rounds.lost(node);
    this.joins.endSession(node);
    if (reason === atom("noproc") && this.#port.nodes().includes(node)) {
      this.#absent.add(node);
    }
    this.#checks.forget(node);
    // It may have been lost in the middle of a change.
    if (member.version !== null) this.#checks.planAll();
    if (reason !== REMOVED) this.#partitions.memberLost(member);
    this.#endSyncs();
  }

  // -- Other servers

  receive(message: ServerMessage): void {
    // An answer to a node that is gone by now would connect to it anew.
    if ("node" in message && !this.#port.isUp(message.node)) return;
    if (!this.#maySend(message)) return;
    switch (message.type) {
      case "initConnect":
        return this.#introduced(message);
      case "initConnectAck":
        return this.joins.confirmed(message);
      case "lockSet":
        return this.joins.lockSet(message);
      case "exchange":
        return this.joins.exchanged(message);
      case "resolved":
        return this.joins.resolved(message);
      case "newNodes":
        return this.#newNodes(message);
      case "inSync":
        return this.#inSync(message.node);
      case "cancelConnect":
        return this.joins.cancelled(message);
      case "lostConnection":
        return this.#partitions.reported(message.event);
      case "removeConnection":
        return this.#partitions.removedBy(message.node);
      case "whereis":
        return this.#port.tell(
          message.from,
          this.tables.find(message.name)?.pid ?? undefined,
        );
      case "lockWanted":
        return this.#locking.lockWanted(message.node, message.resource);
      case "lockFree":
        return this.#locking.lockFreed(message.node, message.resource);
      case "check":
        return this.#checks.receiveSum(message);
      case "lost":
        return this.#partitions.lossTold(message);
      case "meet":
        return this.#partitions.meet(message.other);
      default:
        message satisfies never;
    }
  }

  /**
   * Changes of names, and news of other nodes, come from nodes that have the
   * same names. A node that was never joined could otherwise give and take
   * names without a lock. Handshakes prove themselves by their tags.
   */
  #maySend(message: ServerMessage): boolean {
    switch (message.type) {
      case "newNodes":
      case "check":
      case "lost":
      case "meet":
        return this.members.isKnown(message.node);
      case "whereis":
        // The answer to a node that is not connected would connect to it.
        return this.#isKnown(message.from.node) ||
          this.#port.isUp(message.from.node);
      default:
        return true;
    }
  }

  #introduced(
    message: Extract<ServerMessage, { readonly type: "initConnect" }>,
  ): void {
    const { node } = message;
    // Its server was restarted, and the connection stayed up.
    if (this.members.get(node) === undefined) this.nodeUp(node);
    const member = this.members.ensure(node);
    member.isHornbeam = message.isHornbeam;
    // Either it has forgotten us, so it is not known any more; or its server
    // was monitored only for a lock or to connect again, and was never joined.
    // One in sync is about to be made known by the node that joined it: a new
    // session would make it forget that it knows this node.
    const isNew = member.isIntroduced ||
      (member.version === null && !member.isSynced);
    if (isNew && !this.joins.pending().includes(node)) this.#rejoin(node);
    member.isIntroduced = true;
    this.joins.introduced(message);
  }

  /** Transition from known to monitored: its names must be joined again. */
  #rejoin(node: string): void {
    const member = this.members.get(node);
    if (member === undefined) return;
    member.version = null;
    member.isSynced = false;
    this.joins.beginSession(node);
  }

  #newNodes(
    message: Extract<ServerMessage, { readonly type: "newNodes" }>,
  ): void {
    const added = this.joins.add(message.nodes);
    // If the lock is lost, the join was given up half-way: names may only go.
    const isLocked = message.lock === null ||
      this.tables.isLockedBy(message.lock);
    for (const op of message.ops) {
      if (op.type === "delete" || isLocked) this.tables.apply(op);
    }
    for (const node of added) {
      this.#port.cast(node, write.inSync(this.#port.node));
    }
    if (added.length > 0) this.#endSyncs();
  }

  #inSync(node: string): void {
    const member = this.members.ensure(node);
    member.isSynced = true;
    this.joins.endSession(node);
    this.#endSyncs();
    if (member.version !== null) {
      this.#checks.plan(node);
      return;
    }
    // By then the node that joined both sides should have told us
    // (`new_nodes`).
    this.#port.timer(UNKNOWN_MS, () => {
      if (this.members.get(node) !== member || member.version !== null) return;
      if (this.joins.pending().includes(node)) return;
      if (member.isHornbeam) this.joins.beginSession(node);
      else this.#port.disconnect(node);
    });
  }

  /** Answers a call of another server, or of this one. */
  answer(request: unknown, from: Pid): unknown {
    const asked = readRequest(request);
    return asked === null
      ? new Tuple([atom("error"), atom("badarg")])
      : this.#answer(asked, from);
  }

  #answer(asked: ServerRequest | null, from: Pid): unknown {
    switch (asked?.type) {
      case "setLock":
        // That node does not have our names, so it must not change them.
        if (isChange(asked.id) && !this.#isKnown(from.node)) return false;
        return this.tables.setLock(asked.id, from);
      case "delLock":
        this.tables.delLock(asked.id, from);
        return true;
      case "change":
        // As for the lock: that node shares no names with this one.
        if (!this.#isKnown(from.node)) {
          return new Tuple([atom("error"), atom("not_a_member")]);
        }
        for (const op of asked.ops) this.tables.apply(op);
        return asked.ops.every(({ type }) => type === "insert")
          ? yes
          : atom("ok");
      case "known":
        return this.members.known().map(nameAtom);
      case "synced":
        return this.members.synced().map(nameAtom);
      case "version":
        return PROTOCOL_VERSION;
      case "external":
        return [];
      case undefined:
        return undefined;
      default:
        return asked satisfies never;
    }
  }

  #isKnown(node: string): boolean {
    return node === this.#port.node || this.members.isKnown(node);
  }

  // -- Actors of this node

  /**
   * Calls `done` once: when all connected nodes are in sync, or at the limit.
   */
  sync(timeoutMs: number, done: (isSynced: boolean) => void): void {
    const wait: SyncWait = { done, end: () => {} };
    if (timeoutMs !== Infinity) {
      wait.end = this.#port.timer(timeoutMs, () => {
        if (this.#syncs.delete(wait)) done(false);
      });
    }
    this.#syncs.add(wait);
    this.#endSyncs();
  }

  #endSyncs(): void {
    if (this.#syncs.size === 0 || !this.#isSynced()) return;
    for (const { done, end } of this.#syncs) {
      end();
      done(true);
    }
    this.#syncs.clear();
  }

  #isSynced(): boolean {
    return this.#port.nodes().every((node) => {
      if (this.#absent.has(node)) return true;
      const member = this.members.get(node);
      // One that is not known yet has names that this node does not have.
      return member?.isSynced === true && member.version !== null;
    });
  }

  /** Leaves all members by a message, so that none takes it for a loss. */
  leave(): readonly string[] {
    const nodes = [
      ...new Set([...this.members.known(), ...this.joins.pending()]),
    ];
    for (const node of nodes) this.#partitions.remove(node);
    return nodes;
  }
}
