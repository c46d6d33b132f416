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
import type { NamedStartOptions } from "../proc_lib/naming.ts";

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
  /** Replies to a call whose callback has returned `noReply`. */
  reply(to: ReplyTo, value: unknown): void;
  /**
   * Ends the server once this callback has returned; its value is still the
   * reply. Default reason `normal`.
   */
  stop(reason?: ExitReason): void;
  /** Has `continue` called with this term before the next message. */
  continue(term: unknown): void;
  /** Has `timeout` called unless a message comes within this time. */
  timeout(timeoutMs: number): void;
  /** Frees memory after this callback, before a long wait. */
  hibernate(): void;
}

/** What `init` returns for more than a first state. */
export class Initial<S> {
  readonly state: S;
  readonly options: InitialOptions;
  constructor(state: S, options: InitialOptions) {
    this.state = state;
    this.options = options;
  }
}

/** What a server does first. */
export type InitialOptions = {
  /** Has `continue` called with this term before the first message. */
  readonly continue?: unknown;
  /** Has `timeout` called unless a message comes within this time. */
  readonly timeoutMs?: number;
};

/** What `init` returns to start nothing, without an error. */
export class Ignore {
  readonly type = "ignore";
}

/** What `init` returns to fail the start without ending linked actors. */
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
 * Callbacks by the name of the call or cast. (The type is taken from a method,
 * so that TypeScript infers the state also where a callback annotates its
 * server. A callback for a server of another state is still a type error.)
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
   * Returns the first state, or `initial(state, …)`, `ignore`,
   * `refuse(reason)`, or `stop(reason)`. The start waits for it.
   */
  readonly init: (self: Self<unknown>, arg: A) => R;
  /** What a callback returns is the reply, unless it is `noReply`. */
  readonly calls?: C & Handlers<StateOf<R>>;
  readonly casts?: K & Handlers<StateOf<R>>;
  /**
   * Takes a call that `calls` has no entry for, or that has more than 255
   * arguments; returns as a call does.
   */
  readonly handleCall?: (
    server: Server<StateOf<R>>,
    request: unknown,
  ) => unknown;
  /** Takes a cast that `casts` has no entry for. */
  readonly handleCast?: (
    server: Server<StateOf<R>>,
    request: unknown,
  ) => unknown;
  /** Takes any other message: `Down`, `Exit`, timers, what was sent. */
  readonly info?: (server: Server<StateOf<R>>, message: unknown) => unknown;
  /** Called for `server.continue` and `initial(state, { continue })`. */
  readonly continue?: (server: Server<StateOf<R>>, term: unknown) => unknown;
  /** Called when no message has come in time; see `server.timeout`. */
  readonly timeout?: (server: Server<StateOf<R>>) => unknown;
  /** The terminate callback; the module says when it runs. */
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

/** A callback that returns only `noReply` does not tell the reply's type. */
type ReplyOf<R> = NoReply extends Awaited<R>
  ? Exclude<Awaited<R>, NoReply> extends never ? unknown
  : Exclude<Awaited<R>, NoReply>
  : Awaited<R>;

/** What every client has besides the methods of its calls and casts. */
export interface ClientBase<C, K> {
  /**
   * The pid of the target now; null when no actor has the name, or on another
   * node.
   */
  readonly pid: Pid<never> | null;
  readonly target: CallTarget;
  /** The same client, with other limits of its calls. */
  with(options: CallOptions): Client<C, K>;
}

/**
 * The type of `noReply`. It is a class, because TypeScript widens the type of a
 * unique symbol to `symbol`, which a reply may be.
 */
export class NoReply {
  readonly #type = "noReply";

  toString(): string {
    return this.#type;
  }
}

/** What the callback of a call returns to reply later. */
export const noReply: NoReply = new NoReply();

/** What a start resolves with; also null if `init` may return `ignore`. */
export type Started<R, C, K> = Ignore extends Awaited<R>
  ? Client<C, K> & { readonly pid: Pid<never> } | null
  : Client<C, K> & { readonly pid: Pid<never> };

/**
 * The arguments of a start: the one of `init`, which is undefined where `init`
 * takes none, and options.
 */
export type ServerArguments<A, O> = undefined extends A ? [arg?: A, options?: O]
  : [arg: A, options?: O];

/** The same, where `unknown` is inferred for an `init` that takes none. */
export type StartArguments<A, O> = unknown extends A
  ? [arg?: undefined, options?: O]
  : ServerArguments<A, O>;
