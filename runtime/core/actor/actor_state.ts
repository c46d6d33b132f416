/**
 * What an actor holds besides what every message needs: its ties to others,
 * and single bits of its state.
 *
 * Most actors have few ties or none, and a million of them are meant to fit
 * into memory, so what is rare lives in an object of its own that is made when
 * it is first needed. That takes a hundred bytes off an idle actor, a quarter
 * of it. `actor.ts` has what is common, and all behaviour.
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

/** What the accessors of `ActorState` say of these holds here. */
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
 * The two fields are no private ones, because private accessors and methods
 * cost each object a field of their own.
 */
export abstract class ActorState {
  rare: Rare | null = null;
  /** @internal */
  flags = 0;

  /** Whether its code has begun. */
  get started(): boolean {
    return (this.flags & STARTED) !== 0;
  }
  set started(on: boolean) {
    setFlag(this, STARTED, on);
  }

  /** Whether it is a handler actor: asked for each turn. */
  get isHandler(): boolean {
    return (this.flags & HANDLES) !== 0;
  }
  set isHandler(on: boolean) {
    setFlag(this, HANDLES, on);
  }

  get trapExits(): boolean {
    return (this.flags & TRAPS_EXITS) !== 0;
  }
  set trapExits(on: boolean) {
    setFlag(this, TRAPS_EXITS, on);
  }

  /** Whether the pending `receive` has waited long enough. */
  get receiveTimedOut(): boolean {
    return (this.flags & TIMED_OUT) !== 0;
  }
  set receiveTimedOut(on: boolean) {
    setFlag(this, TIMED_OUT, on);
  }

  /** Whether a `receive` has rejected because the actor ended. */
  get wasTold(): boolean {
    return (this.flags & WAS_TOLD) !== 0;
  }
  set wasTold(on: boolean) {
    setFlag(this, WAS_TOLD, on);
  }

  /** Nobody would know whose its floating rejections are. */
  get isUnattributed(): boolean {
    return (this.flags & UNATTRIBUTED) !== 0;
  }
  set isUnattributed(on: boolean) {
    setFlag(this, UNATTRIBUTED, on);
  }

  /**
   * Whether `system_requests.ts` is to be asked before each turn, and
   * `debugging.ts` be told of replies.
   */
  get isSpecial(): boolean {
    return (this.flags & SPECIAL) !== 0;
  }
  set isSpecial(on: boolean) {
    setFlag(this, SPECIAL, on);
  }

  /** Whether its handler is given no messages until it is resumed. */
  get isSuspended(): boolean {
    return (this.flags & SUSPENDED) !== 0;
  }
  set isSuspended(on: boolean) {
    setFlag(this, SUSPENDED, on);
  }

  /** Whether it gets no turns because of what it has sent; see `holding.ts`. */
  get isHeld(): boolean {
    return (this.flags & HELD) !== 0;
  }
  set isHeld(on: boolean) {
    setFlag(this, HELD, on);
  }

  /** Whether it had a turn coming when it was held, and will have it then. */
  get isParked(): boolean {
    return (this.flags & PARKED) !== 0;
  }
  set isParked(on: boolean) {
    setFlag(this, PARKED, on);
  }

  /** Whether it is one of the runtime's own, which are never held. */
  get isExempt(): boolean {
    return (this.flags & EXEMPT) !== 0;
  }
  set isExempt(on: boolean) {
    setFlag(this, EXEMPT, on);
  }

  /** The name it is registered under, if any. */
  get name(): string | null {
    return this.rare === null ? null : this.rare.name;
  }
  set name(name: string | null) {
    if (name !== null || this.rare !== null) made(this).name = name;
  }

  /** What logs call it when it has no name; may be empty. */
  get label(): string {
    return this.rare === null ? "" : this.rare.label;
  }
  set label(label: string) {
    if (label !== "" || this.rare !== null) made(this).label = label;
  }

  /** Pattern of the pending `receive`; null takes any message. */
  get match(): Matcher | null {
    return this.rare === null ? null : this.rare.match;
  }
  set match(match: Matcher | null) {
    if (match !== null || this.rare !== null) made(this).match = match;
  }

  /**
   * Messages from the oldest on that the pending pattern has refused, or that
   * wait for a suspended handler.
   */
  get scanned(): number {
    return this.rare === null ? 0 : this.rare.scanned;
  }
  set scanned(count: number) {
    if (count !== 0 || this.rare !== null) made(this).scanned = count;
  }

  /** Length of the mailbox at which `admit` is asked. */
  get mailboxAlarm(): number {
    return this.rare === null ? DEFAULT_WARN_AT : this.rare.mailboxAlarm;
  }
  set mailboxAlarm(length: number) {
    made(this).mailboxAlarm = length;
  }

  /** By peer; null until the first. */
  get links(): Map<Pid, LinkState> | null {
    return this.rare === null ? null : this.rare.links;
  }
  set links(links: Map<Pid, LinkState> | null) {
    if (links !== null || this.rare !== null) made(this).links = links;
  }

  /** Monitors this actor set, by ref; null until the first. */
  get monitors(): Map<Ref, MonitorState> | null {
    return this.rare === null ? null : this.rare.monitors;
  }
  set monitors(monitors: Map<Ref, MonitorState> | null) {
    if (monitors !== null || this.rare !== null) {
      made(this).monitors = monitors;
    }
  }

  /** Monitors others set on this actor, by ref; null until the first. */
  get watchers(): Map<Ref | string, Watcher> | null {
    return this.rare === null ? null : this.rare.watchers;
  }
  set watchers(watchers: Map<Ref | string, Watcher> | null) {
    if (watchers !== null || this.rare !== null) {
      made(this).watchers = watchers;
    }
  }

  /** Its active aliases; null until the first. */
  get aliases(): Set<Ref> | null {
    return this.rare === null ? null : this.rare.aliases;
  }
  set aliases(aliases: Set<Ref> | null) {
    if (aliases !== null || this.rare !== null) made(this).aliases = aliases;
  }

  /** Its calls that have no reply yet, in no order; null until the first. */
  get calls(): CallRecord[] | null {
    return this.rare === null ? null : this.rare.calls;
  }
  set calls(calls: CallRecord[] | null) {
    if (calls !== null || this.rare !== null) made(this).calls = calls;
  }

  /** Calls of others on its node that wait for its reply; as `calls`. */
  get callers(): CallRecord[] | null {
    return this.rare === null ? null : this.rare.callers;
  }
  set callers(calls: CallRecord[] | null) {
    if (calls !== null || this.rare !== null) made(this).callers = calls;
  }

  /** Timers that will send to this actor, in no order; null until the first. */
  get timers(): ActorTimer[] | null {
    return this.rare === null ? null : this.rare.timers;
  }
  set timers(timers: ActorTimer[] | null) {
    if (timers !== null || this.rare !== null) made(this).timers = timers;
  }

  get abort(): AbortController | null {
    return this.rare === null ? null : this.rare.abort;
  }
  set abort(abort: AbortController | null) {
    made(this).abort = abort;
  }

  /** Told when it has ended; see `RunningNode.run`. */
  get onExit(): ((reason: ExitReason) => void) | null {
    return this.rare === null ? null : this.rare.onExit;
  }
  set onExit(onExit: ((reason: ExitReason) => void) | null) {
    made(this).onExit = onExit;
  }

  /** Deadline of the pending `receive`. */
  get receiveTimer(): Timer | null {
    return this.rare === null ? null : this.rare.receiveTimer;
  }
  set receiveTimer(timer: Timer | null) {
    if (timer !== null || this.rare !== null) made(this).receiveTimer = timer;
  }

  /** Limit and policy; null is the default. */
  get mailboxOptions(): MailboxOptions | null {
    return this.rare === null ? null : this.rare.mailboxOptions;
  }
  set mailboxOptions(options: MailboxOptions | null) {
    if (options !== null) made(this).mailboxOptions = options;
  }

  /** Messages lost to the mailbox's limit. */
  get lostMessages(): number {
    return this.rare === null ? 0 : this.rare.lostMessages;
  }
  set lostMessages(count: number) {
    made(this).lostMessages = count;
  }

  /** Waits for the node itself, such as for the reply to a spawn request. */
  get nodeWaits(): number {
    return this.rare === null ? 0 : this.rare.nodeWaits;
  }
  set nodeWaits(count: number) {
    made(this).nodeWaits = count;
  }

  /** Nodes whose connections it has overfilled. */
  get heldBy(): Set<string> | null {
    return this.rare === null ? null : this.rare.heldBy;
  }
  set heldBy(nodes: Set<string> | null) {
    if (nodes !== null || this.rare !== null) made(this).heldBy = nodes;
  }

  /** System requests in its mailbox, if it is a handler actor. */
  get systemRequests(): number {
    return this.rare === null ? 0 : this.rare.systemRequests;
  }
  set systemRequests(count: number) {
    if (count !== 0 || this.rare !== null) made(this).systemRequests = count;
  }

  /** What watches it, if it is a handler actor; see `debugging.ts`. */
  get debug(): DebugState | null {
    return this.rare === null ? null : this.rare.debug;
  }
  set debug(debug: DebugState | null) {
    if (debug !== null || this.rare !== null) made(this).debug = debug;
  }
}
