/**
 * A node: actors, names and timers under one scheduler, with a name.
 *
 * It knows no sockets and no bytes: signals to other nodes go through the
 * `Remote` port, signals from them through `inbound.ts`. `runtime/start.ts` makes
 * the public face.
 */

import type { Actor } from "../actor/actor.ts";
import type {
  ActorRecord,
  NodeServices,
  PendingEnd,
} from "../contract/record.ts";
import { NoRemote } from "../host/no_remote.ts";
import {
  makeTraceHooks,
  TracedRemote,
  type TraceHooks,
  TurnTrace,
} from "../host/trace.ts";
import { traceMessages } from "../signals/mailbox_limit.ts";
import type { Host, LogLevel } from "../host/ports.ts";
import type { Remote, Way } from "../host/remote.ts";
import type { AnyBehaviour, ExportedBehaviour } from "../contract/behaviour.ts";
import type { Destination, SpawnOptions, ViaTarget } from "../contract/self.ts";
import { Aliases } from "../signals/aliases.ts";
import { CallDeadlines } from "../host/call_deadlines.ts";
import { ActorTimers } from "../signals/actor_timers.ts";
import { crashReport } from "../sys/crash_report.ts";
import { endActor } from "../signals/exits.ts";
import { Functions } from "./functions.ts";
import type { NameService, NodeOptions } from "./options.ts";
import { describeInFull } from "../sys/info.ts";
import { LocalActor } from "../actor/local_actor.ts";
import { isViaTarget } from "../contract/via.ts";
import { reasons } from "../messages/reasons.ts";
import { UsageError } from "../messages/errors.ts";
import { NodeEvents } from "../signals/node_events.ts";
import type { Isolate } from "../messages/isolation.ts";
import { Names } from "../signals/names.ts";
import { Peers } from "../signals/peers.ts";
import { type Runnable, Scheduler } from "../host/scheduler.ts";
import { Spawns } from "./spawns.ts";
import { Pid, type PidTable, printTerm, Ref } from "../terms/terms.ts";
import { Timers } from "../host/timers.ts";

/** Ids of pids stay below 2^28, the limit of old BEAM peers. */
const MAX_ACTORS = 2 ** 28;

/** A slot of the actor table: its actor, or the serial of its next actor. */
type Slot = LocalActor | number;

export class Node implements NodeServices {
  /** `part@host`. All pids and refs of this node hold it, and `creation`. */
  readonly name: string;
  readonly creation: number;
  /** Clock, entropy, event loop and log of the platform or a simulator. */
  readonly host: Host;
  /** Gives turns to the actors of this node and of no other one. */
  readonly scheduler: Scheduler;
  /** All timers of the node, those of actors and of calls included. */
  readonly timers: Timers;
  /** Pending calls with a time limit. */
  readonly callDeadlines: CallDeadlines;
  /** Registered names; each belongs to a live actor. */
  readonly names: Names;
  /** Live actors that have or had links or monitors to other nodes. */
  readonly peers: Peers;
  /** Spawn requests to other nodes that have no reply so far. */
  readonly spawns: Spawns;
  /** Active aliases; each belongs to a live actor. */
  readonly aliases: Aliases;
  /** Timers of `sendAfter` and `startTimer`; each is in `timers` as well. */
  readonly actorTimers: ActorTimers;
  /** Actors and listeners to notify when nodes join and leave. */
  readonly nodeEvents: NodeEvents;
  /** Behaviours that other nodes may spawn, by name. */
  readonly exports: Map<string, ExportedBehaviour>;
  /**
   * Behaviours of the runtime itself, by `name/arguments`. They are looked up
   * before `exports`.
   */
  readonly internals: Map<string, ExportedBehaviour> = new Map();
  /** Functions that other nodes may call, by name. */
  readonly functions: Functions = new Functions();
  /** Names of the whole cluster; null on a node that takes no part in them. */
  globalNames: NameService | null = null;
  /** Group leader of actors without a parent; null: each is its own. */
  groupLeader: Pid | null = null;
  /** The sender of messages that no actor has sent; a pid without an actor. */
  readonly pid: Pid;
  /** Freezes or copies messages between actors; null: they are shared. */
  readonly isolate: Isolate | null;
  /** Trace hooks; null on a node without a trace. */
  readonly trace: TraceHooks | null;
  /** The way to other nodes. `joinCluster` replaces it once, at most. */
  remote: Remote;
  /** Ended actors to notify of; empty outside of `endActor`. */
  readonly pendingEnds: PendingEnd[] = [];
  /** Whether `endActor` works through `pendingEnds`. */
  isNotifying = false;
  /** How many first turns run within one another now; see `spawnReady`. */
  firstTurns = 0;
  /** Messages put into mailboxes since the start. */
  delivered = 0;
  /** Messages dropped since the start because a mailbox was full. */
  lostMessages = 0;
  /** Actors that have crashed since the start. */
  crashes = 0;
  /** Whether the node has been stopped. Then no actor can be spawned. */
  stopped = false;

  /** By pid id. A number is a free slot: the serial of its next actor. */
  readonly #slots: Slot[] = [];
  /**
   * Ids of the slots that may be used again: all free ones but slot 0 and those
   * whose serials are used up.
   */
  readonly #freeIds: number[] = [];
  /** Number of live actors: slots that hold an actor. */
  #actors = 0;
  /** Refs made so far: no two have the same number. */
  #refs = 0;
  /** The last id of an unlink; ids only grow. */
  #unlinkId = 0;

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.creation = options.creation;
    this.host = options.host;
    this.isolate = options.isolate ?? null;
    this.exports = new Map(Object.entries(options.exports ?? {}));
    for (const [name, called] of Object.entries(options.functions ?? {})) {
      this.functions.offer(name, called);
    }
    const { trace } = options;
    this.trace = trace === undefined ? null : makeTraceHooks(
      trace,
      (hook, error) =>
        this.log("error", "node", `the trace hook ${hook} threw`, { error }),
    );
    this.scheduler = new Scheduler(
      options.host,
      options.longTurnMs === undefined
        ? {}
        : { longTurnMs: options.longTurnMs },
      this.trace === null ? null : new TurnTrace(this.trace),
    );
    this.scheduler.onLongTurn((ms, actors) => this.#reportLongTurn(ms, actors));
    this.timers = new Timers(options.host);
    this.callDeadlines = new CallDeadlines(options.host, this.timers);
    this.names = new Names(this);
    this.peers = new Peers();
    this.spawns = new Spawns(this);
    this.aliases = new Aliases(this);
    this.actorTimers = new ActorTimers(this);
    this.nodeEvents = new NodeEvents((error) =>
      this.log("error", "node", "a listener of node events threw", { error })
    );
    this.pid = new Pid(this.name, 0, 0, this.creation, null);
    // Slot 0 is the node itself: the sender of messages that no actor has sent.
    this.#slots.push(0);
    this.remote = new NoRemote(
      (callback) => this.host.microtask(callback),
      (node) => this.peerLost(node),
    );
  }

  /** Number of live actors. */
  get actorCount(): number {
    return this.#actors;
  }

  *actors(): Generator<Actor> {
    for (const slot of this.#slots) {
      if (typeof slot === "object") yield slot;
    }
  }

  /** Spawns an actor. If it is not `queued`, its spawner takes its first turn. */
  spawnActor(
    behaviour: AnyBehaviour,
    options: SpawnOptions,
    parent: ActorRecord | null,
    queued = true,
  ): LocalActor {
    if (this.stopped) {
      throw new UsageError(
        `expected ${this.name} to be running, but it has been stopped`,
      );
    }
    const free = this.#freeIds.pop();
    const id = free ?? this.#slots.length;
    if (id >= MAX_ACTORS) {
      throw new UsageError(
        `expected fewer than ${MAX_ACTORS} live actors on ${this.name}`,
      );
    }
    const serial = (this.#slots[id] as number | undefined) ?? 0;
    const actor = new LocalActor(
      this,
      id,
      serial,
      behaviour,
      parent?.groupLeader ?? this.groupLeader,
      options,
    );
    if (parent !== null) actor.parent = parent.pid;
    if (options.name !== undefined) {
      try {
        this.names.claim(options.name, actor);
      } catch (error) {
        if (free !== undefined) this.#freeIds.push(free);
        throw error;
      }
    }
    this.#slots[id] = actor;
    this.#actors++;
    if (this.trace !== null) {
      traceMessages(actor);
      this.trace.actorSpawned(actor.pid, actor.parent);
    }
    if (queued) this.scheduler.enqueue(actor);
    return actor;
  }

  /** Frees the pid and the names of an actor that has ended. */
  freeActor(actor: ActorRecord): void {
    const { id, serial } = actor.pid;
    actor.pid.target = null;
    this.#slots[id] = serial + 1;
    // A slot whose serials are used up is not used again, so pids stay unique.
    if (serial < 0xffff_fffe) this.#freeIds.push(id);
    this.#actors--;
    this.names.releaseName(actor);
    this.nodeEvents.unsubscribe(actor);
    this.trace?.actorEnded(actor.pid, actor.endReason);
  }

  /** The table of pids of this thread. Pids of this node need no entry. */
  get pids(): PidTable {
    const { pids } = this.host;
    return {
      find: (key) => pids.find(key),
      add: (key, value) => pids.add(key, value),
      own: (name, id, serial, creation) =>
        name === this.name && creation === this.creation
          ? this.actorById(id, serial)?.pid ?? null
          : null,
    };
  }

  /** The live actor of a pid of this node and incarnation, or null. */
  localActor(pid: Pid): LocalActor | null {
    const target = pid.target as LocalActor | null;
    return target !== null && target.owner === this ? target : null;
  }

  /** The live actor with these numbers of its pid, or null. */
  actorById(id: number, serial: number): LocalActor | null {
    const slot = this.#slots[id];
    return typeof slot === "object" && slot.pid.serial === serial ? slot : null;
  }

  /**
   * Whether a pid has the name of this node. Actors of an earlier incarnation
   * have ended, which only this node can know.
   */
  isOwnPid(pid: Pid): boolean {
    return pid.node === this.name;
  }

  /** Throws `UsageError` for a pid of another node. */
  isActorAlive(pid: Pid): boolean {
    if (this.isOwnPid(pid)) return this.localActor(pid) !== null;
    throw new UsageError(
      `expected a pid of ${this.name}, got ${pid} of ${pid.node}; monitor an ` +
        "actor of another node to learn whether it lives",
    );
  }

  /** Whether this node and incarnation has made a ref. */
  isOwnRef(ref: Ref): boolean {
    return ref.creation === this.creation && ref.node === this.name;
  }

  makeRef(): Ref {
    const count = this.#refs++;
    // Old BEAM peers hold 18 bits of the first word.
    return new Ref(this.name, this.creation, [
      count % 0x40000,
      Math.floor(count / 0x40000) >>> 0,
      Math.floor(count / 0x40000 / 0x1_0000_0000),
    ]);
  }

  /**
   * A ref that an actor makes. Its `receive` need not search the messages that
   * are in the mailbox already.
   */
  makeRefOf(actor: ActorRecord): Ref {
    const ref = this.makeRef();
    ref.maker = actor.pid;
    ref.mark = actor.mailbox.received;
    return ref;
  }

  nextUnlinkId(): number {
    return ++this.#unlinkId;
  }

  /** Sends a message from `from` to a destination on any node. */
  sendFrom(from: Pid, to: Destination, message: unknown): boolean {
    if (to instanceof Pid) {
      const local = this.localActor(to);
      if (local !== null) {
        local.deliver(this.#isolated(message));
        return true;
      }
      return this.isOwnPid(to) || this.remote.send(from, to, message);
    }
    if (to instanceof Ref) return this.sendAlias(from, to, message);
    if (isViaTarget(to)) return this.sendFrom(from, this.findVia(to), message);
    const name: unknown = typeof to === "string" ? to : to?.name;
    if (typeof name !== "string") {
      throw new UsageError(
        "expected a pid, a name, { name, node } or an alias to send to, got " +
          printTerm(to),
      );
    }
    const named = typeof to === "string" ? { name: to, node: this.name } : to;
    if (named.node !== this.name) {
      return this.remote.signal(named.node, {
        type: "sendNamed",
        from,
        name: named.name,
        message,
      });
    }
    const holder = this.names.holder(named.name);
    if (holder === null && typeof to === "string") {
      throw new UsageError(
        `expected "${to}" to be a registered name on ${this.name}, but ` +
          "no actor holds it",
      );
    }
    holder?.deliver(this.#isolated(message));
    return true;
  }

  /** The holder of a name of the cluster. Throws `UsageError` for none. */
  findVia({ via, name }: ViaTarget): Pid<unknown> {
    const pid = via.find(this, name);
    if (pid !== null) return pid;
    throw new UsageError(
      `expected an actor to have the name ${printTerm(name)}, but none has`,
    );
  }

  #isolated(message: unknown): unknown {
    return this.isolate === null ? message : this.isolate(message);
  }

  /** A message to an alias of this or of another node. */
  sendAlias(from: Pid, alias: Ref, message: unknown): boolean {
    if (this.isOwnRef(alias)) {
      this.aliases.deliver(alias, this.#isolated(message));
      return true;
    }
    return this.remote.signal(alias.node, {
      type: "sendAlias",
      from,
      alias,
      message,
    });
  }

  ready(from: Pid, to: Destination<never>): Promise<void> {
    const node = typeof to === "string"
      ? this.name
      : isViaTarget(to)
      ? this.findVia(to).node
      : to.node;
    return node === this.name
      ? Promise.resolve()
      : this.remote.ready(node, from);
  }

  /** The state of the way to a destination. Within the node it is open. */
  way(from: Pid, to: Destination<never>): Way {
    const target = isViaTarget(to) ? this.findVia(to) : to;
    const node = (target as { readonly node?: string } | undefined)?.node;
    return node === undefined || node === this.name
      ? { isUp: true, hasRoom: true }
      : this.remote.way(node, from);
  }

  /** Makes the node take part in a cluster. */
  joinCluster(remote: Remote): void {
    const { trace } = this;
    this.remote = trace === null ? remote : new TracedRemote(remote, trace);
  }

  nodes(): readonly string[] {
    return this.remote.nodes();
  }

  /**
   * A connection is up. Called before any signal of the peer is handled. For a
   * hidden node the log record has the level debug.
   */
  peerUp(peer: string, isVisible: boolean): void {
    this.log(isVisible ? "info" : "debug", "node", `${peer} is up`);
    this.trace?.connectionUp(peer);
    if (isVisible) this.nodeEvents.up(peer);
  }

  /** A connection is lost: links and monitors are notified before the event. */
  peerDown(peer: string, isVisible: boolean, reason: string): void {
    this.log(
      isVisible ? "info" : "debug",
      "node",
      `${peer} is down: ${reason}`,
    );
    this.trace?.connectionDown(peer, reason);
    this.peerLost(peer);
    if (isVisible) this.nodeEvents.down(peer, reason);
  }

  /** Links, monitors and requests towards a peer fail. */
  peerLost(peer: string): void {
    this.peers.peerLost(peer);
    this.spawns.peerLost(peer);
  }

  /** Ends all actors and cancels all timers. */
  stop(): void {
    this.stopped = true;
    for (const actor of [...this.actors()]) endActor(actor, reasons.shutdown);
    this.timers.clear();
    this.actorTimers.clear();
  }

  #reportLongTurn(ms: number, actors: readonly Runnable[]): void {
    const names = actors.slice(0, 3).map((actor) =>
      actor instanceof LocalActor ? describeInFull(actor) : actor.describe()
    );
    const more = actors.length - names.length;
    const described = names.join(", ") +
      (more > 0 ? ` and ${more} others` : "");
    this.logActor(
      "warning",
      `a turn took ${Math.round(ms)} ms and held up all other actors: ${
        actors.length === 1 ? described : `one of ${described}`
      }; await in between, or give the work to another process`,
      { ms: Math.round(ms) },
    );
  }

  reportCrash(actor: ActorRecord, error: unknown): void {
    this.crashes++;
    let report: ReturnType<typeof crashReport>;
    try {
      report = crashReport(actor, error);
    } catch {
      // The actor must end, even if no report can be made.
      report = { message: `${actor.describe()} crashed`, fields: { error } };
    }
    this.logActor("error", report.message, report.fields);
  }

  logActor(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    this.log(level, "actor", message, fields);
  }

  /** Logs a record. Never throws. */
  log(
    level: LogLevel,
    category: string,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void {
    try {
      this.host.log({
        level,
        category,
        node: this.name,
        message: message.replaceAll(/\s*\n\s*/g, " "),
        ...(fields === undefined ? {} : { fields }),
      });
    } catch {
      // A log that fails must not affect what it reports on.
    }
  }
}
