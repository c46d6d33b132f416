/**
 * The types by which other rooms know an actor and its node.
 *
 * `ActorRecord` is implemented by `Actor`, `NodeServices` by `Node`. The rooms
 * between here and those two (signals, calls, sys) work on these types, so that
 * they need not import the classes that use them. The meaning of a member is at
 * its implementation (`actor/actor_state.ts`, `actor/actor.ts`, `node/node.ts`).
 */

import type { CallDeadlines } from "../host/call_deadlines.ts";
import type { Host, LogLevel } from "../host/ports.ts";
import type { Remote, Way } from "../host/remote.ts";
import type { Runnable, Scheduler } from "../host/scheduler.ts";
import type { MonitorTarget, Signal } from "../host/signal.ts";
import type { TraceHooks } from "../host/trace.ts";
import type { Timer, Timers } from "../host/timers.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { MailboxOptions } from "../mailbox/options.ts";
import type { Matcher, Receiver } from "../mailbox/patterns.ts";
import type { Isolate } from "../messages/isolation.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { ExitReason } from "../messages/reasons.ts";
import type { Pid, Ref, RefTarget } from "../terms/terms.ts";
import type { ActorInfo } from "./actor_info.ts";
import type { AnyBehaviour, ExportedBehaviour } from "./behaviour.ts";
import type { DebugState } from "./debug_state.ts";
import type {
  Destination,
  RemoteSpawn,
  RemoteSpawnOptions,
  SpawnOptions,
  ViaTarget,
} from "./self.ts";

// -- Links, monitors, aliases, timers and calls of an actor

/** One side's state of a link. */
export type LinkState = {
  active: boolean;
  /** Id of the unlink that is not acknowledged yet; 0 when there is none. */
  unlinkId: number;
};

/** Options of a monitor, on the side of the actor that set it. */
export type MonitorExtras = {
  /** The `tag` of the `Down`, by which an actor tells its monitors apart. */
  readonly tag?: unknown;
  /** Called with the reason, in place of a `Down` in the mailbox. */
  readonly onDown?: (reason: unknown) => void;
};

/** A monitor, on the side of the actor that set it. */
export type MonitorState = {
  readonly ref: Ref;
  /** The `target` of the `Down`. */
  readonly shown: Pid | NamedTarget;
  /** The monitored actor, if it is on this node. */
  readonly local: ActorRecord | null;
  /** The target on the other node; null for an actor of this node. */
  readonly remote:
    | { readonly node: string; readonly target: MonitorTarget }
    | null;
  readonly extras: MonitorExtras;
};

/** A monitor, on the side of the monitored actor. */
export type Watcher = {
  readonly ref: Ref;
  /** The actor that set the monitor. */
  readonly to: Pid;
  /** The target as that actor named it; the `down` signal repeats it. */
  readonly target: MonitorTarget;
};

/**
 * When an alias is deactivated without a call: never, after its first message,
 * with its monitor, or with the first of the two.
 */
export type AliasMode = "explicit" | "once" | "demonitor" | "replyDemonitor";

/** An active alias. The ref that is the alias holds it. */
export interface AliasState extends RefTarget {
  readonly actor: ActorRecord;
  readonly mode: AliasMode;
  /** Gets the messages, in place of the mailbox; null: the mailbox does. */
  readonly takeMessage: ((message: unknown) => void) | null;
  /** Whether it is a pending call, which deactivates its alias itself. */
  readonly isCall?: true;
}

/** A timer that sends to an actor and has not fired or been cancelled. */
export type ActorTimer = {
  readonly ref: Ref;
  readonly timer: Timer;
  /** The actor of this node to which it sends; the timer ends with it. */
  readonly receiver: ActorRecord | null;
  /** `receiver.timers[index]` is this timer. */
  index: number;
};

/** A call that waits for its reply; see `calls/pending_call.ts`. */
export interface CallRecord {
  /** The caller. */
  readonly actor: ActorRecord;
  /** The called actor, if it is on this node. */
  readonly callee: ActorRecord | null;
  /** `actor.calls[callIndex]` and `callee.callers[callerIndex]` are this call. */
  callIndex: number;
  callerIndex: number;
  /** The called actor has ended. */
  failCall(reason: unknown): void;
  /** The caller has ended. */
  abandonCall(reason: unknown): void;
}

/** An actor that has ended and whose links and monitors wait for it. */
export type PendingEnd = {
  readonly actor: ActorRecord;
  readonly reason: ExitReason;
};

// -- The actor

/** An actor as the runtime sees it. */
export interface ActorRecord extends Runnable, Receiver {
  readonly pid: Pid<unknown>;
  readonly owner: NodeServices;
  readonly behaviour: AnyBehaviour;
  readonly mailbox: Mailbox;
  state: number;
  handlerState: unknown;
  resolveReceive: ((value: unknown) => void) | null;
  turnLeft: number;
  reductions: number;
  groupLeader: Pid;
  parent: Pid | null;
  readonly rare: object | null;

  readonly alive: boolean;
  readonly endReason: ExitReason;
  readonly status: ActorInfo["status"];

  isHandler: boolean;
  trapExits: boolean;
  wasTold: boolean;
  isSpecial: boolean;
  isSuspended: boolean;
  isHeld: boolean;
  isParked: boolean;
  isExempt: boolean;

  name: string | null;
  label: string;
  match: Matcher | null;
  scanned: number;
  mailboxAlarm: number;
  mailboxOptions: MailboxOptions | null;
  lostMessages: number;
  receiveTimer: Timer | null;
  abort: AbortController | null;
  onExit: ((reason: ExitReason) => void) | null;
  links: Map<Pid, LinkState> | null;
  monitors: Map<Ref, MonitorState> | null;
  watchers: Map<Ref | string, Watcher> | null;
  aliases: Set<Ref> | null;
  calls: CallRecord[] | null;
  callers: CallRecord[] | null;
  timers: ActorTimer[] | null;
  nodeWaits: number;
  heldBy: Set<string> | null;
  systemRequests: number;
  debug: DebugState | null;

  deliver(message: unknown): void;
  markDead(reason: ExitReason): void;
  endTurn(): void;
  goOnAfter(promise: Promise<unknown>): void;
}

// -- The node

/** Registered names; see `signals/names.ts`. */
export interface NameTable {
  register(name: string, pid: Pid): void;
  claim(name: string, actor: ActorRecord): void;
  unregister(name: string): void;
  holder(name: string): ActorRecord | null;
  whereis(name: string): Pid | null;
  registered(): readonly string[];
}

/** Links and monitors by peer; see `signals/peers.ts`. */
export interface PeerTable {
  involve(peer: string, actor: ActorRecord): void;
  removeActor(actor: ActorRecord): void;
  forgetWatcher(key: Ref | string): void;
}

/** Active aliases; see `signals/aliases.ts`. */
export interface AliasTable {
  size: number;
  add(ref: Ref, state: AliasState): void;
  remove(ref: Ref): boolean;
  monitorEnded(ref: Ref): void;
  deliver(ref: Ref, message: unknown): boolean;
  endAllOf(actor: ActorRecord, reason: unknown): void;
}

/** Timers of actors; see `signals/actor_timers.ts`. */
export interface ActorTimerTable {
  sendAfter(
    from: Pid,
    delayMs: number,
    to: Destination,
    message: unknown,
  ): Ref;
  start(actor: ActorRecord, delayMs: number, message: unknown): Ref;
  cancel(ref: Ref): number | null;
  read(ref: Ref): number | null;
  cancelAll(receiver: ActorRecord): void;
}

/** Spawns on other nodes; see `node/spawns.ts`. */
export interface SpawnTable {
  request<T>(
    actor: ActorRecord,
    node: string,
    behaviour: string,
    args: readonly unknown[],
    options: RemoteSpawnOptions,
  ): Promise<RemoteSpawn<T>>;
  requestOnly(
    actor: ActorRecord,
    node: string,
    behaviour: string,
    args: readonly unknown[],
  ): void;
  serveRequest(request: Extract<Signal, { type: "spawnRequest" }>): void;
  settleRequest(reply: Extract<Signal, { type: "spawnReply" }>): void;
}

/** A node as its actors, and the functions that work on them, see it. */
export interface NodeServices {
  readonly name: string;
  readonly creation: number;
  readonly pid: Pid;
  readonly host: Host;
  readonly scheduler: Scheduler;
  readonly timers: Timers;
  readonly callDeadlines: CallDeadlines;
  readonly names: NameTable;
  readonly peers: PeerTable;
  readonly aliases: AliasTable;
  readonly actorTimers: ActorTimerTable;
  readonly spawns: SpawnTable;
  readonly nodeEvents: { subscribe(actor: ActorRecord, on: boolean): void };
  readonly exports: ReadonlyMap<string, ExportedBehaviour>;
  readonly internals: ReadonlyMap<string, ExportedBehaviour>;
  readonly isolate: Isolate | null;
  readonly remote: Remote;
  readonly trace: TraceHooks | null;
  readonly pendingEnds: PendingEnd[];
  isNotifying: boolean;
  firstTurns: number;
  delivered: number;
  lostMessages: number;

  spawnActor(
    behaviour: AnyBehaviour,
    options: SpawnOptions,
    parent: ActorRecord | null,
    queued?: boolean,
  ): ActorRecord;
  /** Frees the pid and the names of an actor that has ended. */
  freeActor(actor: ActorRecord): void;
  localActor(pid: Pid): ActorRecord | null;
  isOwnPid(pid: Pid): boolean;
  isActorAlive(pid: Pid): boolean;
  isOwnRef(ref: Ref): boolean;
  makeRef(): Ref;
  makeRefOf(actor: ActorRecord): Ref;
  nextUnlinkId(): number;

  sendFrom(from: Pid, to: Destination, message: unknown): boolean;
  sendAlias(from: Pid, alias: Ref, message: unknown): boolean;
  findVia(target: ViaTarget): Pid<unknown>;
  ready(from: Pid, to: Destination<never>): Promise<void>;
  way(from: Pid, to: Destination<never>): Way;
  nodes(): readonly string[];

  reportCrash(actor: ActorRecord, error: unknown): void;
  logActor(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void;
}
