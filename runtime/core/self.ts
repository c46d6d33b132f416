/**
 * What an actor sees of its node, and how behaviours are written.
 *
 * Types, and the two makers of handler actors. `self` is always passed and never ambient, so several nodes can
 * live in one thread and nothing depends on async context.
 */

import type { CallOptions, CallTarget, ReplyTo } from "./calls.ts";
import type { ActorInfo } from "./info.ts";
import type { MailboxOptions } from "./mailbox_limit.ts";
import type { Schema } from "./patterns.ts";
import type { NamedTarget } from "./messages.ts";
import { reasons } from "./messages.ts";
import type { ExitReason } from "./signal.ts";
import type { Pid, Ref } from "./terms.ts";

/** Where a message can go: an actor, a local name, a name on a node, an alias. */
export type Destination<M = unknown> = Pid<M> | string | NamedTarget | Ref;

/** Options of `receive`. */
export type ReceiveOptions = {
  /** Resolves with `undefined` when nothing came in time; 0 only looks. */
  readonly timeoutMs?: number;
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignal;
};

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

  /**
   * The next message, in order of arrival. With a pattern, the first that
   * matches; the others stay, in order. One `receive` at a time per actor.
   * Rejects with `KilledError` when the actor is ended meanwhile.
   */
  receive(): Promise<M>;
  receive(
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  receive(options: ReceiveOptions): Promise<M>;
  /** A string matches messages whose `type` is equal to it. */
  receive<K extends string>(type: K): Promise<OfType<M, K>>;
  receive<K extends string>(
    type: K,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<OfType<M, K> | undefined>;
  /**
   * A ref matches messages with that `ref`: `Down`, `Timeout`, one's own. For
   * the ref this actor made last, what was in the mailbox before is skipped.
   */
  receive(ref: Ref): Promise<M>;
  receive(
    ref: Ref,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  /** Resolves with what the schema makes of the message. */
  receive<T>(schema: Schema<T>): Promise<T>;
  receive<T>(
    schema: Schema<T>,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<T | undefined>;
  receive<T extends M>(match: (message: M) => message is T): Promise<T>;
  receive<T extends M>(
    match: (message: M) => message is T,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<T | undefined>;
  receive(match: (message: M) => boolean): Promise<M>;
  receive(
    match: (message: M) => boolean,
    options: ReceiveOptions & { readonly timeoutMs: number },
  ): Promise<M | undefined>;
  [Symbol.asyncIterator](): AsyncIterator<M, never, void>;

  /**
   * Sends a message: at most once, in order between two actors.
   *
   * Returns false when the connection to the node is above its high mark; the
   * message is on its way all the same, and `ready(to)` waits for room. To a
   * dead actor or an unknown name on another node it is silently lost.
   *
   * Throws `UsageError` for a local name nobody holds, `EncodeError` for a
   * message that cannot leave the node, and `BusyError` when the connection's
   * hard limit is reached; then nothing was sent.
   */
  send<T>(to: Destination<T>, message: T): boolean;
  /** Resolves when `send` to this destination has room again. */
  ready(to: Destination<never>): Promise<void>;

  /** Starts an actor on this node. */
  spawn<T = unknown>(behaviour: Behaviour<T>, options?: SpawnOptions): Pid<T>;
  /** Spawn and link in one step. */
  spawnLink<T = unknown>(
    behaviour: Behaviour<T>,
    options?: SpawnOptions,
  ): Pid<T>;
  /** Spawn and monitor in one step. */
  spawnMonitor<T = unknown>(
    behaviour: Behaviour<T>,
    options?: SpawnOptions,
  ): { pid: Pid<T>; ref: Ref };
  /**
   * Starts a behaviour that the other node exports under this name. Link and
   * monitor take effect before the new actor runs.
   *
   * Rejects with `SpawnError`: `noconnection`, or `undef` when the node
   * exports no such behaviour.
   */
  spawnOn<T = unknown>(
    node: string,
    behaviour: string,
    args?: readonly unknown[],
    options?: RemoteSpawnOptions,
  ): Promise<RemoteSpawn<T>>;

  /** Ends this actor with a reason; `finally` blocks run. */
  exit(reason: ExitReason): never;
  /** Sends an exit signal; `reasons.kill` cannot be trapped. */
  sendExit(to: Pid, reason: ExitReason): void;
  /** Links both actors: if one ends abnormally, so does the other. */
  link(to: Pid): void;
  /** After it returns, the link has no effect on this actor any more. */
  unlink(to: Pid): void;
  /** Sends this actor exactly one `Down` when the target ends. */
  monitor(target: Pid | string | NamedTarget, options?: MonitorOptions): Ref;
  /**
   * Ends a monitor. With `flush`, a `Down` that already arrived is removed.
   * Returns whether the monitor was still active.
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
  /** Sends a `Cast` with this request: no reply, no guarantee. */
  cast(to: Destination<never>, request: unknown): boolean;
  /** Replies to a `Call`: `self.reply(call.from, value)`. */
  reply(to: ReplyTo, value: unknown): boolean;

  /** Sends `message` to `to` after `delayMs`, unless cancelled. */
  sendAfter<T>(delayMs: number, to: Destination<T>, message: T): Ref;
  /** Sends this actor a `Timeout` with the returned ref after `delayMs`. */
  startTimer(delayMs: number, message: unknown): Ref;
  /** Milliseconds that were left, or null when it had fired. */
  cancelTimer(ref: Ref): number | null;
  /** Milliseconds left, or null when it has fired or was cancelled. */
  readTimer(ref: Ref): number | null;

  /** Registers a local actor under a name. Throws `UsageError`. */
  register(name: string, pid?: Pid): void;
  /** Frees a name. Throws `UsageError` when nobody holds it. */
  unregister(name: string): void;
  whereis(name: string): Pid | null;
  /** Figures of a local actor; null when it has ended or lives elsewhere. */
  info(pid?: Pid): ActorInfo | null;
  /** Whose output this actor's is; inherited by the actors it spawns. */
  groupLeader: Pid;
  /** Gives back memory before a long wait: the mailbox's spare room. */
  hibernate(): void;
  makeRef(): Ref;
  /** Connected nodes. */
  nodes(): readonly string[];
  /** From now on `NodeUp` and `NodeDown` messages arrive; false ends that. */
  monitorNodes(on?: boolean): void;
}

/** A function actor: readable, asynchronous, with selective receive. */
export type ActorFunction<M> = (self: Self<M>) => Promise<void> | void;

/**
 * One synchronous call per message; returns the next state, or `stop(reason)`.
 */
export type MessageHandler<S, M> = (
  state: S,
  message: M,
  self: Self<M>,
) => S | Stop;

/** What a handler returns to end its actor. */
export class Stop {
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    this.reason = reason;
  }
}

/** A handler actor's behaviour; made by `handler`. */
export class Handler<in M = never> {
  /** Never set: it gives the type its variance. */
  declare readonly handles?: (message: M) => void;
  /** @internal Called once, before the first message. */
  readonly init: (self: never) => unknown;
  /** @internal Typed by `handler`, which is the only maker. */
  readonly handle: (state: unknown, message: unknown, self: unknown) => unknown;
  constructor(
    init: (self: never) => unknown,
    handle: (state: never, message: never, self: never) => unknown,
  ) {
    this.init = init;
    this.handle = handle as (
      state: unknown,
      message: unknown,
      self: unknown,
    ) => unknown;
  }
}

/** How an actor behaves: a function or a handler. */
export type Behaviour<M> = ActorFunction<M> | Handler<M>;

/** A behaviour whose message type is of no concern. */
export type AnyBehaviour =
  | ((self: never) => Promise<void> | void)
  | Handler<never>;

/**
 * What a node offers others to spawn: given the request's arguments, the
 * behaviour of the new actor. Arguments come from another node: check them.
 * (Declared as a method, so that parameters may be narrower than `unknown`.)
 */
export type ExportedBehaviour = {
  make(...args: unknown[]): AnyBehaviour;
}["make"];

/**
 * A handler actor: `handle` is called once per message, synchronously, and
 * returns the next state or `stop(reason)`. The fast path.
 *
 * `init` is the first state, or a function that makes it from `self`.
 *
 * @example
 * ```ts
 * import { handler, type Pid, start } from "hornbeam";
 *
 * type Count = { add: number } | { ask: Pid<number> };
 * await using node = await start();
 * const counter = node.spawn(
 *   handler(0, (total, message: Count, self) => {
 *     if ("add" in message) return total + message.add;
 *     self.send(message.ask, total);
 *     return total;
 *   }),
 * );
 * console.log(
 *   await node.run<number, number>(async (self) => {
 *     self.send(counter, { add: 2 });
 *     self.send(counter, { ask: self.pid });
 *     return await self.receive();
 *   }),
 * ); // prints: 2
 * ```
 */
export function handler<S, M>(
  init: S | ((self: Self<M>) => S),
  handle: MessageHandler<S, M>,
): Handler<M> {
  const make = typeof init === "function"
    ? init as (self: Self<M>) => S
    : () => init;
  return new Handler<M>(make, handle);
}

/** Ends a handler actor: `return stop(reason)`; reason `normal` by default. */
export function stop(reason: ExitReason = reasons.normal): Stop {
  return new Stop(reason);
}
