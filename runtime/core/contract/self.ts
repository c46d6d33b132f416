/**
 * What an actor sees of its node, and how function actors are written.
 *
 * Types only; handler actors are made in `handler.ts`. `self` is always passed
 * and never ambient, so several nodes can live in one thread and nothing
 * depends on async context.
 */

import type { ReplyTo } from "../messages/requests.ts";
import type { Handler } from "./behaviour.ts";
import type { ActorInfo } from "./actor_info.ts";
import type { MailboxOptions } from "../mailbox/options.ts";
import type { Schema } from "../mailbox/patterns.ts";
import type { LogLevel } from "../host/ports.ts";
import type { NamedTarget } from "../messages/named_target.ts";
import type { ExitReason } from "../messages/reasons.ts";
import type { Pid, Ref } from "../terms/terms.ts";

/**
 * Where a message can go: an actor, a local name, a name on a node, an alias,
 * or a name that is kept elsewhere.
 */
export type Destination<M = unknown> =
  | Pid<M>
  | string
  | NamedTarget
  | ViaTarget
  | Ref;

/** The node on which a name is looked up. */
export interface NodeHandle {
  /** Name of the node, `part@host`. */
  readonly name: string;
  /** Registered names of the node. */
  readonly names: { whereis(name: string): Pid | null };
  /** Connected nodes. */
  nodes(): readonly string[];
}

/** Keeps names that are not the node's own; `global` is one. */
export interface Via {
  /** The actor that has the name now, as far as this node knows. */
  readonly find: (node: NodeHandle, name: unknown) => Pid<unknown> | null;
  /**
   * Gives the name to the calling actor and returns whether the actor has it
   * now. Without this function nothing can be started under such a name.
   */
  readonly register?: (
    self: Self<never>,
    name: unknown,
  ) => boolean | Promise<boolean>;
}

/**
 * A name that is looked up when it is used: `{ via: global, name: "db" }`. A
 * destination and something to call, but not to monitor.
 */
export type ViaTarget = { readonly via: Via; readonly name: unknown };

/** Options of `call`. */
export type CallOptions = {
  /** Longest wait for the reply. Default 5,000; Infinity waits for ever. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignal;
};

/** What can be called. */
export type CallTarget = Pid<never> | string | NamedTarget | ViaTarget;

/** Options of `receive`. */
export type ReceiveOptions = {
  /**
   * Resolves with `undefined` when nothing came in time. 0 only looks, Infinity
   * waits for ever.
   */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignal;
};

/** Options of `trySend`. Without any it is `send`. */
export type TrySendOptions = {
  /** Sends only over a connection that is there. Default false. */
  readonly noConnect?: boolean;
  /** Sends only where `send` would not ask to wait. Default false. */
  readonly noSuspend?: boolean;
};

/** Whether `trySend` has sent, or which option kept it from that. */
export type SendOutcome = "ok" | "noconnect" | "nosuspend";

/** Options of a local spawn. All take effect before the actor runs. */
export type SpawnOptions = {
  /** Registers the actor; throws `UsageError` when the name is taken. */
  readonly name?: string;
  /** Exit signals become `Exit` messages. Default false. */
  readonly trapExits?: boolean;
  /** A limit on the mailbox, and what to do at it. Default: no limit. */
  readonly mailbox?: MailboxOptions;
  /** For logs and `info`. Default: the function's name. */
  readonly label?: string;
};

/** What `spawnReady` returns. */
export type ReadySpawn<M = unknown> = {
  readonly pid: Pid<M>;
  /** Whether it has ended in making its first state. */
  readonly hasEnded: boolean;
  /** Why it has ended, if it has. */
  readonly reason: ExitReason;
};

/** Options of a spawn on another node. */
export type RemoteSpawnOptions = {
  readonly link?: boolean;
  readonly monitor?: boolean;
};

/** What a remote spawn resolves with; `ref` when a monitor was asked for. */
export type RemoteSpawn<M = unknown> = {
  readonly pid: Pid<M>;
  readonly ref: Ref | null;
};

/** Options of `monitor`. */
export type MonitorOptions = {
  /** What `Down.tag` will hold, to tell one's monitors apart. */
  readonly tag?: unknown;
  /**
   * Makes the ref an alias as well: until `unalias` (`explicit`), until the
   * monitor ends (`demonitor`), or until it ends or the first message has come
   * under it, which ends the monitor (`replyDemonitor`).
   */
  readonly alias?: "explicit" | "demonitor" | "replyDemonitor";
};

/**
 * Messages of a type, by their `type` field. Of messages that are not typed,
 * nothing more is known than that.
 */
export type OfType<M, K extends string> = unknown extends M
  ? { readonly type: K } & Readonly<Record<string, unknown>>
  : Extract<M, { type: K }>;

/** An actor's handle on itself and its node. `M`: the messages it accepts. */
export interface Self<M = unknown> {
  readonly pid: Pid<M>;
  /** Name of the node, `part@host`. */
  readonly node: string;
  /** Aborted when the actor ends, for `fetch` and the like. */
  readonly signal: AbortSignal;
  /** Whether the actor may still act; false once an exit signal ended it. */
  readonly isAlive: boolean;
  /** Set to receive exit signals as `Exit` messages. */
  trapExits: boolean;
  /** The name that it is registered under on its node, or null. */
  readonly name: string | null;
  /** What logs and `info` call it where it has no registered name. */
  label: string;

  /**
   * The next message, in order of arrival. With a pattern, the first that
   * matches; the others stay, in order. One `receive` at a time per actor.
   * Rejects with `KilledError` when the actor is ended meanwhile.
   *
   * A message with a method `then` cannot be received, because the promise
   * takes it for another promise: it waits for it, or rejects as it does.
   */
  receive(): Promise<M>;
  receive(
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  receive(options: ReceiveOptions): Promise<M>;
  /** A string matches messages whose `type` is equal to it. */
  receive<K extends string>(
    type: K,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<OfType<M, K> | undefined>;
  receive<K extends string>(
    type: K,
    options?: ReceiveOptions,
  ): Promise<OfType<M, K>>;
  /**
   * A ref matches messages with that `ref`: `Down`, `Timeout`, one's own. What
   * was in the mailbox before this actor made the ref is not looked at.
   */
  receive(
    ref: Ref,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  receive(ref: Ref, options?: ReceiveOptions): Promise<M>;
  /** Resolves with what the schema makes of the message. */
  receive<T>(
    schema: Schema<T>,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<T | undefined>;
  receive<T>(schema: Schema<T>, options?: ReceiveOptions): Promise<T>;
  receive<T extends M>(
    match: (message: M) => message is T,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<T | undefined>;
  receive<T extends M>(
    match: (message: M) => message is T,
    options?: ReceiveOptions,
  ): Promise<T>;
  receive(
    match: (message: M) => boolean,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  receive(
    match: (message: M) => boolean,
    options?: ReceiveOptions,
  ): Promise<M>;
  [Symbol.asyncIterator](): AsyncIterator<M, never, void>;

  /**
   * Sends a message: at most once, in order between two actors.
   *
   * Returns false when the connection to the node is above its high mark; the
   * message is on its way all the same, and `ready(to)` waits for room. Who
   * does not wait is held at the next `receive`, or gets no next message as a
   * handler actor, until there is room. To a dead actor or an unknown name on
   * another node it is silently lost. Promises and other objects with a method
   * `then` are no messages; see `receive`.
   *
   * To another node everything is copied at once, but for the bytes of a buffer
   * of 64 KiB and more: leave them as they are.
   *
   * Throws `UsageError` for a local name nobody holds, `EncodeError` for a
   * message that cannot leave the node, and `BusyError` when the connection is
   * at its hard limit and `send` has told this actor so before by returning
   * false; then nothing was sent.
   */
  send<T>(to: Destination<T>, message: T): boolean;
  /** Resolves when `send` to this destination has room again. */
  ready(to: Destination<never>): Promise<void>;
  /**
   * As `send`, but sends nothing where an option forbids it, and says so:
   * `noconnect` when a connection would have to be made first, `nosuspend` when
   * the connection is above its high mark. Within a node always `ok`.
   */
  trySend<T>(
    to: Destination<T>,
    message: T,
    options?: TrySendOptions,
  ): SendOutcome;

  /**
   * Starts an actor on this node. It runs for the first time after the turn of
   * its spawner: whatever that does to it before its next `await`, such as a
   * link and a monitor, is in force by then.
   */
  spawn<T = unknown>(behaviour: Behaviour<T>, options?: SpawnOptions): Pid<T>;
  /** Spawn and link in one step. */
  spawnLink<T = unknown>(
    behaviour: Behaviour<T>,
    options?: SpawnOptions,
  ): Pid<T>;
  /**
   * Starts a handler actor and has it make its first state at once, in this
   * actor's turn, so that nobody needs to wait for it. An `init` that waits
   * goes on by itself, and deep within other such starts one begins after this
   * turn, as with `spawn`: neither has ended then. With `link` as `spawnLink`.
   */
  spawnReady<T = unknown>(
    behaviour: Handler<T>,
    options?: SpawnOptions & { readonly link?: boolean },
  ): ReadySpawn<T>;
  /** Spawn and monitor in one step. */
  spawnMonitor<T = unknown>(
    behaviour: Behaviour<T>,
    options?: SpawnOptions,
  ): { pid: Pid<T>; ref: Ref };
  /**
   * Starts a behaviour that the other node exports under this name. Link and
   * monitor take effect before the new actor runs.
   *
   * Rejects with `SpawnError`: `noconnection`, `undef` when the node exports no
   * such behaviour, `badarg` when the export refuses the arguments. Then there
   * is no actor to hear of: no `Down` and no exit signal comes. The exception
   * is a connection that is lost meanwhile: the actor may have begun, and ends
   * by `noconnection` if it was to be linked.
   */
  spawnOn<T = unknown>(
    node: string,
    behaviour: string,
    args?: readonly unknown[],
    options?: RemoteSpawnOptions,
  ): Promise<RemoteSpawn<T>>;

  /**
   * Ends this actor with a reason; `finally` blocks run. It is no crash and not
   * reported. It works by throwing: code that catches everything stops it.
   */
  exit(reason: ExitReason): never;
  /**
   * Sends an exit signal. `reasons.kill` cannot be trapped and ends the other
   * with `killed`; `reasons.normal` does nothing to others that do not trap
   * exits. To the dead it is lost.
   */
  sendExit(to: Pid, reason: ExitReason): void;
  /**
   * Links both actors: if one ends abnormally, so does the other. There is one
   * link at most between two actors. To a dead actor, or to a node that cannot
   * be reached, an exit signal `noproc` or `noconnection` comes back.
   */
  link(to: Pid): void;
  /**
   * After it returns, the link has no effect on this actor any more. An `Exit`
   * that has arrived before stays in the mailbox.
   */
  unlink(to: Pid): void;
  /**
   * Sends this actor exactly one `Down` when the target ends: at once with
   * `noproc` if there is no such actor, with `noconnection` when the node is
   * lost, which the target may survive. Each call makes a monitor of its own.
   */
  monitor(target: Pid | string | NamedTarget, options?: MonitorOptions): Ref;
  /**
   * Ends a monitor. With `flush`, a `Down` that already arrived is removed.
   * Returns whether the monitor was still active: if so, no `Down` will come.
   *
   * Throws `UsageError` for what is no ref of this node, and for a monitor that
   * another actor has set on this one. Of other monitors of others it knows
   * nothing and returns false.
   */
  demonitor(ref: Ref, options?: { readonly flush?: boolean }): boolean;

  /**
   * A ref that messages can be sent to until `unalias`, or until the first one
   * has come (`once`). What comes later is dropped, before the mailbox.
   */
  alias(options?: { readonly once?: boolean }): Ref;
  /** Ends an alias; returns whether it was active. */
  unalias(alias: Ref): boolean;

  /**
   * Sends a `Call` with this request and resolves with the reply. A late reply
   * is dropped. Rejects with a `CallError`: `"timeout"`, or the reason for
   * which the target ended.
   */
  call<R = unknown>(
    to: CallTarget,
    request: unknown,
    options?: CallOptions,
  ): Promise<R>;
  /**
   * The answering half of a call, for requests that go another way: resolves
   * with what is replied to the address that `announce` is given at once, and
   * rejects as `call` does, also when `target` ends first. It costs no message
   * in the mailbox and no monitor that could be left behind.
   */
  expectReply<R = unknown>(
    target: Pid<never>,
    announce: (from: ReplyTo) => void,
    options?: CallOptions,
  ): Promise<R>;
  /** Sends a `Cast` with this request: no reply, no guarantee. */
  cast(to: Destination<never>, request: unknown): boolean;
  /** Replies to a `Call`: `self.reply(call.from, value)`. */
  reply(to: ReplyTo, value: unknown): boolean;

  /**
   * Sends `message` to `to` after `delayMs`, unless cancelled. The timer does
   * not end with the actor that set it. One to an actor of this node ends with
   * that actor, and is none if that has ended before. A name is looked up when
   * it is time; if nobody holds it then, nothing happens. What cannot be sent
   * then for another cause is lost, with a warning in the log.
   *
   * Throws `UsageError` for a delay that is negative or not finite. On a node
   * with `strict` or `isolate`, the message is frozen or copied at once.
   */
  sendAfter<T>(delayMs: number, to: Destination<T>, message: T): Ref;
  /**
   * Sends this actor a `Timeout` with the returned ref after `delayMs`. Throws
   * `UsageError` for a delay that is negative or not finite.
   */
  startTimer(delayMs: number, message: unknown): Ref;
  /**
   * Cancels a timer of this node, whoever has set it. Milliseconds that were
   * left, or null when it has fired, has ended, was cancelled or is none.
   * Nothing comes any more; what has come stays in the mailbox.
   */
  cancelTimer(ref: Ref): number | null;
  /** Milliseconds left, or null where `cancelTimer` returns null. */
  readTimer(ref: Ref): number | null;

  /**
   * Registers a local actor under a name. Throws `UsageError` when the name is
   * taken or is none, and when the actor has a name, is dead or lives
   * elsewhere.
   */
  register(name: string, pid?: Pid): void;
  /** Frees a name. Throws `UsageError` when nobody holds it. */
  unregister(name: string): void;
  /** Who has a name, as far as this node knows. */
  whereis(name: string | ViaTarget): Pid | null;
  /** All names that are registered on this node. */
  registered(): readonly string[];
  /** Whether a local actor lives. Throws `UsageError` for one elsewhere. */
  isActorAlive(pid: Pid): boolean;
  /** Figures of a local actor; null when it has ended or lives elsewhere. */
  info(pid?: Pid): ActorInfo | null;
  /**
   * Whose output this actor's is; inherited by the actors it spawns, also on
   * other nodes.
   */
  groupLeader: Pid;
  /**
   * Makes `leader`, of any node, the group leader of another actor. On another
   * node that takes effect when the signal arrives, if the actor lives then.
   * Throws `UsageError` for a dead actor of this node.
   */
  setGroupLeader(of: Pid, leader: Pid): void;
  /** Gives back memory before a long wait: the mailbox's spare room. */
  hibernate(): void;
  makeRef(): Ref;
  /** Writes to the node's log in the actor's name. Never throws. */
  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
  /**
   * Whether the node's log takes records of this level: to be asked before one
   * is made that is costly or frequent.
   */
  logs(level: LogLevel): boolean;
  /** Connected nodes. */
  nodes(): readonly string[];
  /** From now on `NodeUp` and `NodeDown` messages arrive; false ends that. */
  monitorNodes(on?: boolean): void;
}

/** A function actor: readable, asynchronous, with selective receive. */
export type ActorFunction<M> = (self: Self<M>) => Promise<void> | void;

/** How an actor behaves: a function or a handler. */
export type Behaviour<M> = ActorFunction<M> | Handler<M>;
