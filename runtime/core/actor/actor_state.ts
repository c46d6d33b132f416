/**
 * The state of an actor that a plain message does not need: its links,
 * monitors, aliases and timers, and single bits.
 *
 * Most actors have few of these or none, and a million actors are meant to fit
 * into memory. So rare fields are in an object of their own (`Rare`) that is
 * made when the first of them is set. This saves a hundred bytes for each idle
 * actor, a quarter of its size. `actor.ts` has the common fields and all
 * behaviour.
 */

import { DEFAULT_WARN_AT, type MailboxOptions } from "../mailbox/options.ts";
import type { DebugState } from "../contract/debug_state.ts";
import type {
  ActorTimer,
  CallRecord,
  LinkState,
  MonitorState,
  Watcher,
} from "../contract/record.ts";
import type { Matcher } from "../mailbox/patterns.ts";
import type { ExitReason } from "../messages/reasons.ts";
import type { Pid, Ref } from "../terms/terms.ts";
import type { Timer } from "../host/timers.ts";

/** The accessors of `ActorState` say what holds for each field. */
class Rare {
  name: string | null = null;
  label = "";
  match: Matcher | null = null;
  scanned = 0;
  mailboxAlarm: number = DEFAULT_WARN_AT;
  links: Map<Pid, LinkState> | null = null;
  monitors: Map<Ref, MonitorState> | null = null;
  watchers: Map<Ref | string, Watcher> | null = null;
  aliases: Set<Ref> | null = null;
  calls: CallRecord[] | null = null;
  callers: CallRecord[] | null = null;
  timers: ActorTimer[] | null = null;
  abort: AbortController | null = null;
  onExit: ((reason: ExitReason) => void) | null = null;
  receiveTimer: Timer | null = null;
  mailboxOptions: MailboxOptions | null = null;
  lostMessages = 0;
  nodeWaits = 0;
  systemRequests = 0;
  debug: DebugState | null = null;
  heldBy: Set<string> | null = null;
}

const STARTED = 1;
const TRAPS_EXITS = 2;
const TIMED_OUT = 4;
const WAS_TOLD = 8;
const UNATTRIBUTED = 16;
const HANDLES = 32;
const SPECIAL = 64;
const SUSPENDED = 128;
const HELD = 256;
const PARKED = 512;
const EXEMPT = 1024;

function made(actor: ActorState): Rare {
  return actor.rare ??= new Rare();
}

function setFlag(actor: ActorState, flag: number, on: boolean): void {
  actor.flags = on ? actor.flags | flag : actor.flags & ~flag;
}

/**
 * The two fields are not private, because in V8 private accessors and methods
 * cost each object a field.
 *
 * Invariants: `rare` is null until one of its fields is set, and is never null
 * again; so `rare === null` means that the actor has no links, monitors,
 * aliases, calls, timers, name or label. `flags` holds one bit for each boolean
 * accessor below.
 */
export abstract class ActorState {
  rare: Rare | null = null;
  /** @internal */
  flags = 0;

  /** Whether its code has started; set once, in its first turn. */
  get started(): boolean {
    return (this.flags & STARTED) !== 0;
  }
  set started(on: boolean) {
    setFlag(this, STARTED, on);
  }

  /** Whether it is a handler actor; never changes. Read in each turn. */
  get isHandler(): boolean {
    return (this.flags & HANDLES) !== 0;
  }
  set isHandler(on: boolean) {
    setFlag(this, HANDLES, on);
  }

  /** Whether exit signals become `Exit` messages; its code may change it. */
  get trapExits(): boolean {
    return (this.flags & TRAPS_EXITS) !== 0;
  }
  set trapExits(on: boolean) {
    setFlag(this, TRAPS_EXITS, on);
  }

  /** Whether the pending `receive` has reached its time limit. */
  get receiveTimedOut(): boolean {
    return (this.flags & TIMED_OUT) !== 0;
  }
  set receiveTimedOut(on: boolean) {
    setFlag(this, TIMED_OUT, on);
  }

  /** Whether a `receive` has rejected because the actor has ended. */
  get wasTold(): boolean {
    return (this.flags & WAS_TOLD) !== 0;
  }
  set wasTold(on: boolean) {
    setFlag(this, WAS_TOLD, on);
  }

  /**
   * Whether it has no async context, so that its floating rejections could
   * not be traced to it.
   */
  get isUnattributed(): boolean {
    return (this.flags & UNATTRIBUTED) !== 0;
  }
  set isUnattributed(on: boolean) {
    setFlag(this, UNATTRIBUTED, on);
  }

  /**
   * Whether `sys/system_requests.ts` is called before each turn, and
   * `sys/debugging.ts` for each reply.
   */
  get isSpecial(): boolean {
    return (this.flags & SPECIAL) !== 0;
  }
  set isSpecial(on: boolean) {
    setFlag(this, SPECIAL, on);
  }

  /** Whether its handler gets no messages until it is resumed. */
  get isSuspended(): boolean {
    return (this.flags & SUSPENDED) !== 0;
  }
  set isSuspended(on: boolean) {
    setFlag(this, SUSPENDED, on);
  }

  /**
   * Whether it gets no turns until a connection that it has overfilled has
   * room; see `signals/holding.ts`.
   */
  get isHeld(): boolean {
    return (this.flags & HELD) !== 0;
  }
  set isHeld(on: boolean) {
    setFlag(this, HELD, on);
  }

  /**
   * Whether its turn had come when it was held. It gets this turn when it is
   * released. Implies `isHeld`.
   */
  get isParked(): boolean {
    return (this.flags & PARKED) !== 0;
  }
  set isParked(on: boolean) {
    setFlag(this, PARKED, on);
  }

  /** Whether it is an actor of the runtime, which is never held. */
  get isExempt(): boolean {
    return (this.flags & EXEMPT) !== 0;
  }
  set isExempt(on: boolean) {
    setFlag(this, EXEMPT, on);
  }

  /** The name under which it is registered, or null. */
  get name(): string | null {
    return this.rare === null ? null : this.rare.name;
  }
  set name(name: string | null) {
    if (name !== null || this.rare !== null) made(this).name = name;
  }

  /** Its text in logs when it has no name; may be empty. */
  get label(): string {
    return this.rare === null ? "" : this.rare.label;
  }
  set label(label: string) {
    if (label !== "" || this.rare !== null) made(this).label = label;
  }

  /** Pattern of the pending `receive`; null accepts any message. */
  get match(): Matcher | null {
    return this.rare === null ? null : this.rare.match;
  }
  set match(match: Matcher | null) {
    if (match !== null || this.rare !== null) made(this).match = match;
  }

  /**
   * Number of messages, from the oldest on, that the pending pattern has
   * refused, or that wait for a suspended handler.
   */
  get scanned(): number {
    return this.rare === null ? 0 : this.rare.scanned;
  }
  set scanned(count: number) {
    if (count !== 0 || this.rare !== null) made(this).scanned = count;
  }

  /** Length of the mailbox from which on `admit` is called. */
  get mailboxAlarm(): number {
    return this.rare === null ? DEFAULT_WARN_AT : this.rare.mailboxAlarm;
  }
  set mailboxAlarm(length: number) {
    made(this).mailboxAlarm = length;
  }

  /** Its links, by the other actor; null until the first, and when it ends. */
  get links(): Map<Pid, LinkState> | null {
    return this.rare === null ? null : this.rare.links;
  }
  set links(links: Map<Pid, LinkState> | null) {
    if (links !== null || this.rare !== null) made(this).links = links;
  }

  /**
   * Monitors that this actor has set and that have not fired, by ref; null until
   * the first, and when it ends.
   */
  get monitors(): Map<Ref, MonitorState> | null {
    return this.rare === null ? null : this.rare.monitors;
  }
  set monitors(monitors: Map<Ref, MonitorState> | null) {
    if (monitors !== null || this.rare !== null) {
      made(this).monitors = monitors;
    }
  }

  /**
   * Monitors that others have set on it, by `watcherKey`; null until the first,
   * when the last one of this node is removed, and when it ends.
   */
  get watchers(): Map<Ref | string, Watcher> | null {
    return this.rare === null ? null : this.rare.watchers;
  }
  set watchers(watchers: Map<Ref | string, Watcher> | null) {
    if (watchers !== null || this.rare !== null) {
      made(this).watchers = watchers;
    }
  }

  /** Its active aliases; null until the first, and when it ends. */
  get aliases(): Set<Ref> | null {
    return this.rare === null ? null : this.rare.aliases;
  }
  set aliases(aliases: Set<Ref> | null) {
    if (aliases !== null || this.rare !== null) made(this).aliases = aliases;
  }

  /**
   * Its calls that have no reply so far, unordered: `calls[i].callIndex` is `i`.
   * Null until the first, and when it ends.
   */
  get calls(): CallRecord[] | null {
    return this.rare === null ? null : this.rare.calls;
  }
  set calls(calls: CallRecord[] | null) {
    if (calls !== null || this.rare !== null) made(this).calls = calls;
  }

  /**
   * Calls by actors of its node that wait for its reply, unordered:
   * `callers[i].callerIndex` is `i`. Null until the first, and when it ends.
   */
  get callers(): CallRecord[] | null {
    return this.rare === null ? null : this.rare.callers;
  }
  set callers(calls: CallRecord[] | null) {
    if (calls !== null || this.rare !== null) made(this).callers = calls;
  }

  /**
   * Timers that will send to its pid, unordered: `timers[i].index` is `i`. Null
   * until the first, and when it ends.
   */
  get timers(): ActorTimer[] | null {
    return this.rare === null ? null : this.rare.timers;
  }
  set timers(timers: ActorTimer[] | null) {
    if (timers !== null || this.rare !== null) made(this).timers = timers;
  }

  /** The controller of `self.signal`; null until that is read first. */
  get abort(): AbortController | null {
    return this.rare === null ? null : this.rare.abort;
  }
  set abort(abort: AbortController | null) {
    made(this).abort = abort;
  }

  /** Called when it has ended; see `RunningNode.run`. */
  get onExit(): ((reason: ExitReason) => void) | null {
    return this.rare === null ? null : this.rare.onExit;
  }
  set onExit(onExit: ((reason: ExitReason) => void) | null) {
    made(this).onExit = onExit;
  }

  /** Timer of the pending `receive`; null when that has no time limit. */
  get receiveTimer(): Timer | null {
    return this.rare === null ? null : this.rare.receiveTimer;
  }
  set receiveTimer(timer: Timer | null) {
    if (timer !== null || this.rare !== null) made(this).receiveTimer = timer;
  }

  /** Limit and policy of its mailbox; null means the defaults. */
  get mailboxOptions(): MailboxOptions | null {
    return this.rare === null ? null : this.rare.mailboxOptions;
  }
  set mailboxOptions(options: MailboxOptions | null) {
    if (options !== null) made(this).mailboxOptions = options;
  }

  /** Messages that were dropped because the mailbox was full. */
  get lostMessages(): number {
    return this.rare === null ? 0 : this.rare.lostMessages;
  }
  set lostMessages(count: number) {
    made(this).lostMessages = count;
  }

  /** How many promises of the node it awaits, such as replies of calls. */
  get nodeWaits(): number {
    return this.rare === null ? 0 : this.rare.nodeWaits;
  }
  set nodeWaits(count: number) {
    made(this).nodeWaits = count;
  }

  /** Nodes whose connections it has overfilled; null when it is not held. */
  get heldBy(): Set<string> | null {
    return this.rare === null ? null : this.rare.heldBy;
  }
  set heldBy(nodes: Set<string> | null) {
    if (nodes !== null || this.rare !== null) made(this).heldBy = nodes;
  }

  /** Number of system requests in its mailbox; only for handler actors. */
  get systemRequests(): number {
    return this.rare === null ? 0 : this.rare.systemRequests;
  }
  set systemRequests(count: number) {
    if (count !== 0 || this.rare !== null) made(this).systemRequests = count;
  }

  /**
   * Its traces and statistics, only for handler actors; see
   * `sys/debugging.ts`.
   */
  get debug(): DebugState | null {
    return this.rare === null ? null : this.rare.debug;
  }
  set debug(debug: DebugState | null) {
    if (debug !== null || this.rare !== null) made(this).debug = debug;
  }
}
