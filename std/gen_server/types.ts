/** How servers are defined and used; see `std/gen_server/mod.ts`. */

import type {
  CallOptions,
  CallTarget,
  ExitReason,
  Pid,
  ReplyTo,
  Self,
  Stop,
} from "../../runtime/mod.ts";
import type { NamedStartOptions, ServerName } from "../proc_lib/naming.ts";
import type { AnySelf } from "../internal/wait.ts";

/** What a server's callbacks work with. One object for the server's life. */
export interface Server<S> {
  /** Change it in place or assign another: the next callback sees it. */
  state: S;
  readonly self: Self<unknown>;
  /**
   * In a call: where the reply goes. Keep it and return `noReply` to reply
   * later, from this or any other actor.
   */
  readonly from: ReplyTo;
  /** Replies to a call that was left open. */
  reply(to: ReplyTo, value: unknown): void;
  /**
   * Ends the server once this callback has returned; its value is still the
   * reply. Default reason `normal`.
   */
  stop(reason?: ExitReason): void;
  /** Has `continue` called with this before any other message is taken. */
  continue(term: unknown): void;
  /** Has `timeout` called unless a message comes within so many ms. */
  timeout(timeoutMs: number): void;
  /** Gives back memory after this callback, before a long wait. */
  hibernate(): void;
}

/** What `init` returns to begin with more than a state. */
export class Initial<S> {
  readonly state: S;
  readonly options: InitialOptions;
  constructor(state: S, options: InitialOptions) {
    this.state = state;
    this.options = options;
  }
}

/** What a server begins with. */
export type InitialOptions = {
  /** Has `continue` called with this before any message is taken. */
  readonly continue?: unknown;
  /** Has `timeout` called unless a message comes within so many ms. */
  readonly timeoutMs?: number;
};

/** What `init` returns for the start to come to nothing, without an error. */
export class Ignore {
  readonly type = "ignore";
}

/** What `init` returns for the start to fail while nobody is harmed. */
export class Refuse {
  readonly reason: unknown;
  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** The state, by what `init` returns. */
export type StateOf<R> = Awaited<R> extends infer T
  ? T extends Initial<infer S> ? S
  : T extends Ignore | Refuse | Stop ? never
  : T
  : never;

/**
 * Callbacks by the name of what is called or cast. (Declared by a method, so
 * that a callback whose server is annotated is no hindrance to inference before
 * the state is known; one of another state is an error all the same.)
 */
export type Handlers<S> = Readonly<
  Record<
    string,
    { take(server: Server<S>, ...args: never[]): unknown }["take"]
  >
>;

/** Options of a server's start. */
export type ServerOptions = NamedStartOptions;

/**
 * A definition. Every callback may return a promise; the next message waits.
 */
export type Definition<R, A, C, K> = {
  /** For logs and `info`. Default `GenServer`. */
  readonly name?: string;
  /** Exit signals become messages, and `terminate` runs at a shutdown. */
  readonly trapExits?: boolean;
  /**
   * The first state; or `initial(state, …)`, `ignore`, `refuse(reason)`, or
   * `stop(reason)`. The start waits for it.
   */
  readonly init: (self: Self<unknown>, arg: A) => R;
  /** What returns is the reply, unless it is `noReply`. */
  readonly calls?: C & Handlers<StateOf<R>>;
  readonly casts?: K & Handlers<StateOf<R>>;
  /** A call that `calls` has no entry for; returns the reply or `noReply`. */
  readonly handleCall?: (
    server: Server<StateOf<R>>,
    request: unknown,
  ) => unknown;
  /** A cast that `casts` has no entry for. */
  readonly handleCast?: (
    server: Server<StateOf<R>>,
    request: unknown,
  ) => unknown;
  /** Any other message: `Down`, `Exit`, timers, what was simply sent. */
  readonly info?: (server: Server<StateOf<R>>, message: unknown) => unknown;
  readonly continue?: (server: Server<StateOf<R>>, term: unknown) => unknown;
  readonly timeout?: (server: Server<StateOf<R>>) => unknown;
  /** The last word; see the module for when it is had. */
  readonly terminate?: (
    server: Server<StateOf<R>>,
    reason: ExitReason,
  ) => unknown;
  /** What `sys.getStatus` and reports show as the state. */
  readonly formatStatus?: (state: StateOf<R>) => unknown;
};

/** A client's methods, by the definition's `calls` and `casts`. */
export type Client<C, K> = ClientBase<C, K> & CallsOf<C> & CastsOf<K>;

type CallsOf<C> = {
  readonly [N in keyof C]: C[N] extends
    (server: never, ...args: infer A) => infer R
    ? (...args: A) => Promise<ReplyOf<R>>
    : never;
};

type CastsOf<K> = {
  readonly [N in keyof K]: K[N] extends
    (server: never, ...args: infer A) => unknown ? (...args: A) => void
    : never;
};

/** A handler that only leaves calls open says nothing of the reply's type. */
type ReplyOf<R> = NoReply extends Awaited<R>
  ? Exclude<Awaited<R>, NoReply> extends never ? unknown
  : Exclude<Awaited<R>, NoReply>
  : Awaited<R>;

/** What every client has besides. */
export interface ClientBase<C, K> {
  /** Who is called now; null when nobody has the name. */
  readonly pid: Pid<never> | null;
  readonly target: CallTarget;
  /** The same client, with other limits of its calls. */
  with(options: CallOptions): Client<C, K>;
}

/**
 * The type of `noReply`. An object, because the type of a symbol of its own is
 * widened to that of all symbols, which replies may be.
 */
export class NoReply {
  readonly #type = "noReply";

  toString(): string {
    return this.#type;
  }
}

/** What a callback returns for the call to stay open. */
export const noReply: NoReply = new NoReply();

/** What a start resolves with: null where `init` may return `ignore`. */
export type Started<R, C, K> = Ignore extends Awaited<R>
  ? Client<C, K> & { readonly pid: Pid<never> } | null
  : Client<C, K> & { readonly pid: Pid<never> };

/**
 * The arguments of a start: the one of `init`, which is undefined if it has
 * none, and options.
 */
export type ServerArguments<A, O> = undefined extends A ? [arg?: A, options?: O]
  : [arg: A, options?: O];

/** The same where `unknown` is what is inferred for an `init` without one. */
export type StartArguments<A, O> = unknown extends A
  ? [arg?: undefined, options?: O]
  : ServerArguments<A, O>;

export type { AnySelf, ServerName };
