/**
 * The interface of an actor to its node, and the type of function actors.
 *
 * Types only; `handler.ts` makes handler actors. `self` is always passed and
 * never ambient: several nodes can live in one thread, and nothing depends on an
 * async context.
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
 * The destination of a message: an actor, a local name, a name on a node, an
 * alias, or a name of another registry.
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

/** A registry of names beside that of the node; `global` is one. */
export interface Via {
  /** The present holder of the name, as far as this node knows. */
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

/** The target of a call. */
export type CallTarget = Pid<never> | string | NamedTarget | ViaTarget;

/** Options of `receive`. */
export type ReceiveOptions = {
  /**
   * Resolves with `undefined` when no message came in time. 0 does not wait,
   * Infinity waits for ever.
   */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignal;
};

/** Options of `trySend`. Without any it is `send`. */
export type TrySendOptions = {
  /** Sends only over an existing connection. Default false. */
  readonly noConnect?: boolean;
  /** Sends only where `send` would return true. Default false. */
  readonly noSuspend?: boolean;
};

/** Whether `trySend` has sent, or which option prevented it. */
export type SendOutcome = "ok" | "noconnect" | "nosuspend";

/** Options of a local spawn. All take effect before the actor runs. */
export type SpawnOptions = {
  /** Registers the actor; throws `UsageError` when the name is taken. */
  readonly name?: string;
  /** Exit signals become `Exit` messages. Default false. */
  readonly trapExits?: boolean;
  /** Limit of the mailbox, and the policy at it. Default: no limit. */
  readonly mailbox?: MailboxOptions;
  /** For logs and `info`. Default: the function's name. */
  readonly label?: string;
};

/** What `spawnReady` returns. */
export type ReadySpawn<M = unknown> = {
  readonly pid: Pid<M>;
  /** Whether it has ended while it made its first state. */
  readonly hasEnded: boolean;
  /** Its exit reason, if it has ended. */
  readonly reason: ExitReason;
};

/** Options of a spawn on another node. */
export type RemoteSpawnOptions = {
  readonly link?: boolean;
  readonly monitor?: boolean;
};

/** Result of a remote spawn; `ref` is the monitor, if one was requested. */
export type RemoteSpawn<M = unknown> = {
  readonly pid: Pid<M>;
  readonly ref: Ref | null;
};

/** Options of `monitor`. */
export type MonitorOptions = {
  /** The `tag` of the `Down`, by which an actor tells its monitors apart. */
  readonly tag?: unknown;
  /**
   * Makes the ref an alias as well: until `unalias` (`explicit`), until the
   * monitor ends (`demonitor`), or until the monitor ends or the first message
   * to the alias arrives, which ends the monitor (`replyDemonitor`).
   */
  readonly alias?: "explicit" | "demonitor" | "replyDemonitor";
};

/**
 * The messages with this `type`. For untyped messages, only the field `type` is
 * known.
 */
export type OfType<M, K extends string> = unknown extends M
  ? { readonly type: K } & Readonly<Record<string, unknown>>
  : Extract<M, { type: K }>;

/** The handle of an actor on itself and its node. `M`: its messages. */
export interface Self<M = unknown> {
  readonly pid: Pid<M>;
  /** Name of the node, `part@host`. */
  readonly node: string;
  /** Aborted when the actor ends, for `fetch` and the like. */
  readonly signal: AbortSignal;
  /** Whether the actor is alive; false once an exit signal has ended it. */
  readonly isAlive: boolean;
  /** Whether exit signals arrive as `Exit` messages. */
  trapExits: boolean;
  /** The name that it is registered under on its node, or null. */
  readonly name: string | null;
  /** Its text in logs and `info` while it has no registered name. */
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
   * A ref matches messages with that `ref`: a `Down`, a `Timeout`, messages of
   * the program. Messages that arrived before this actor made the ref are not
   * searched.
   */
  receive(
    ref: Ref,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  receive(ref: Ref, options?: ReceiveOptions): Promise<M>;
  /** Resolves with the value that the schema makes of the message. */
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
   * message is sent nevertheless, and `ready(to)` waits for room. An actor that
   * does not wait is held at its next `receive` until there is room; a handler
   * actor gets no next message until then. A message to an actor that has ended,
   * or to an unknown name on another node, is silently lost. Promises and other
   * objects with a method `then` are no messages; see `receive`.
   *
   * A message to another node is copied at once, except the bytes of buffers of
   * 64 KiB and more: do not change these.
   *
   * Throws `UsageError` for a local name without a holder, `EncodeError` for a
   * message that cannot leave the node, and `BusyError` when the connection is
   * at its hard limit and `send` has returned false to this actor before. Nothing
   * was sent then.
   */
  send<T>(to: Destination<T>, message: T): boolean;
  /** Resolves when `send` to this destination has room again. */
  ready(to: Destination<never>): Promise<void>;
  /**
   * As `send`, but an option may prevent it: `noconnect` is returned when there
   * is no connection, `nosuspend` when the connection is above its high mark.
   * Within a node the result is always `ok`.
   */
  trySend<T>(
    to: Destination<T>,
    message: T,
    options?: TrySendOptions,
  ): SendOutcome;

  /**
   * Starts an actor on this node. It runs for the first time after the turn of
   * its spawner. Links and monitors that the spawner makes before its next
   * `await` are in effect by then.
   */
  spawn<T = unknown>(behaviour: Behaviour<T>, options?: SpawnOptions): Pid<T>;
  /** Spawn and link in one step. */
  spawnLink<T = unknown>(
    behaviour: Behaviour<T>,
    options?: SpawnOptions,
  ): Pid<T>;
  /**
   * Starts a handler actor that makes its first state at once, in the turn of
   * this actor, so that no wait for it is needed. Two exceptions: an `init` that
   * returns a promise goes on later, and a start that is nested too deep in
   * other such starts begins after this turn, as with `spawn`. `hasEnded` is
   * false then. With `link`, as `spawnLink`.
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
   * such behaviour, `badarg` when the export refuses the arguments. Then no actor
   * was spawned, and no `Down` and no exit signal arrives. The exception is a
   * connection that is lost meanwhile: the actor may have started, and ends with
   * `noconnection` if a link was requested.
   */
  spawnOn<T = unknown>(
    node: string,
    behaviour: string,
    args?: readonly unknown[],
    options?: RemoteSpawnOptions,
  ): Promise<RemoteSpawn<T>>;

  /**
   * Ends this actor with a reason; `finally` blocks run. It is no crash and is
   * not reported. It throws: code that catches all errors prevents it.
   */
  exit(reason: ExitReason): never;
  /**
   * Sends an exit signal. `reasons.kill` cannot be trapped and ends the receiver
   * with `killed`. `reasons.normal` has no effect on another actor that does not
   * trap exits. A signal to an actor that has ended is lost.
   */
  sendExit(to: Pid, reason: ExitReason): void;
  /**
   * Links both actors: if one ends abnormally, so does the other. There is at
   * most one link between two actors. If the other actor has ended, or its node
   * cannot be reached, an exit signal `noproc` or `noconnection` arrives.
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
   * Throws `UsageError` for a value that is no ref of this node, and for a
   * monitor that another actor has set on this one. Returns false for any other
   * monitor of another actor.
   */
  demonitor(ref: Ref, options?: { readonly flush?: boolean }): boolean;

  /**
   * A ref to which messages can be sent until `unalias`, or until the first one
   * arrives (`once`). Later messages are dropped and do not reach the mailbox.
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
   * The waiting half of a call, for requests that are sent in another way.
   * `announce` is called at once with an address for the reply. Resolves with
   * the reply, and rejects as `call` does, also when `target` ends first. No
   * message goes through the mailbox, and no monitor is left behind.
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
   * that actor, and is not set if that actor has ended. A name is looked up when
   * the timer fires; if it has no holder, nothing is sent. A message that cannot
   * be sent for another cause is lost, with a warning in the log.
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
   * Cancels a timer of this node, set by any actor. Returns the milliseconds
   * that were left, or null when it has fired, has ended, was cancelled or is no
   * timer. A message that has arrived stays in the mailbox.
   */
  cancelTimer(ref: Ref): number | null;
  /** Milliseconds left, or null where `cancelTimer` returns null. */
  readTimer(ref: Ref): number | null;

  /**
   * Registers a local actor under a name. Throws `UsageError` when the name is
   * taken or malformed, and when the actor has a name, has ended or is on
   * another node.
   */
  register(name: string, pid?: Pid): void;
  /** Frees a name. Throws `UsageError` when it has no holder. */
  unregister(name: string): void;
  /** The holder of a name, as far as this node knows; or null. */
  whereis(name: string | ViaTarget): Pid | null;
  /** All names that are registered on this node. */
  registered(): readonly string[];
  /** Whether a local actor is alive. Throws `UsageError` for a remote one. */
  isActorAlive(pid: Pid): boolean;
  /** Figures of a local actor; null when it has ended or is remote. */
  info(pid?: Pid): ActorInfo | null;
  /**
   * The actor that gets the output of this one. Actors that it spawns inherit
   * it, also on other nodes.
   */
  groupLeader: Pid;
  /**
   * Makes `leader`, of any node, the group leader of another actor. On another
   * node it takes effect when the signal arrives, if the actor is alive then.
   * Throws `UsageError` for an actor of this node that has ended.
   */
  setGroupLeader(of: Pid, leader: Pid): void;
  /** Gives back memory before a long wait: the mailbox's spare room. */
  hibernate(): void;
  makeRef(): Ref;
  /** Writes a record of this actor to the log of the node. Never throws. */
  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
  /**
   * Whether the log of the node takes records of this level. Ask before you make
   * a record that is costly or frequent.
   */
  logs(level: LogLevel): boolean;
  /** Connected nodes. */
  nodes(): readonly string[];
  /** Turns `NodeUp` and `NodeDown` messages to this actor on or off. */
  monitorNodes(on?: boolean): void;
}

/** A function actor: readable, asynchronous, with selective receive. */
export type ActorFunction<M> = (self: Self<M>) => Promise<void> | void;

/** How an actor behaves: a function or a handler. */
export type Behaviour<M> = ActorFunction<M> | Handler<M>;
