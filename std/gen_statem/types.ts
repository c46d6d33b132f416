/** How state machines are defined and used; see `std/gen_statem/mod.ts`. */

import {
  type ExitReason,
  reasons,
  type ReplyTo,
  type Self,
} from "../../runtime/mod.ts";

/** The event of a time-out. */
export type TimeoutEvent =
  | { readonly type: "timeout"; readonly content: unknown }
  | { readonly type: "stateTimeout"; readonly content: unknown }
  | {
    readonly type: "genericTimeout";
    readonly name: unknown;
    readonly content: unknown;
  };

/** The address of a reply, with the type of the reply. */
export type From<R> = ReplyTo & {
  /** Never set; it only makes the type depend on `R`. */
  readonly expects?: (value: R) => void;
};

type Declared<Type extends string, C> = {
  readonly [N in keyof C]: C[N] extends
    (machine: never, ...args: infer A) => infer R ?
      & {
        readonly type: Type;
        readonly name: N;
        readonly args: A;
        readonly request: unknown;
      }
      & (Type extends "call" ? { readonly from: From<Awaited<R>> } : unknown)
    : never;
}[keyof C];

/** A call that the definition declares, or any other with the name null. */
export type CallEvent<C> = Declared<"call", C> | {
  readonly type: "call";
  readonly name: null;
  readonly args: readonly [];
  readonly request: unknown;
  readonly from: ReplyTo;
};

/** A cast that the definition declares, or any other with the name null. */
export type CastEvent<K> = Declared<"cast", K> | {
  readonly type: "cast";
  readonly name: null;
  readonly args: readonly [];
  readonly request: unknown;
};

/** What can be queued, postponed and inserted. */
export type QueuedEvent<C, K> =
  | CallEvent<C>
  | CastEvent<K>
  /** Any other message. */
  | { readonly type: "info"; readonly message: unknown }
  /** An event that the machine has inserted with `nextEvent`. */
  | { readonly type: "internal"; readonly content: unknown }
  | TimeoutEvent;

/** What a state function is called with. */
// deno-lint-ignore ban-types
export type StatemEvent<S, C = {}, K = {}> =
  | QueuedEvent<C, K>
  /** Only with `stateEnter`: the state was entered, or entered again. */
  | { readonly type: "enter"; readonly oldState: S };

/**
 * Starts, cancels or changes a time-out. There is one event time-out, one state
 * time-out, and one generic time-out of each name; a second start replaces the
 * first. A time-out of 0 ms comes before the next message; Infinity cancels.
 */
export type TimeoutAction =
  & (
    | { readonly type: "timeout" }
    | { readonly type: "stateTimeout" }
    | { readonly type: "genericTimeout"; readonly name: unknown }
  )
  & (
    | { readonly timeoutMs: number; readonly content?: unknown }
    | { readonly cancel: true }
    /** New content, same time. If no such time-out runs, it is due at once. */
    | { readonly update: unknown }
  );

/** A reply to a call. */
export type ReplyAction = {
  readonly type: "reply";
  readonly from: ReplyTo;
  readonly value: unknown;
};

/** What the machine does after a callback, in this order. */
// deno-lint-ignore ban-types
export type Action<C = {}, K = {}> =
  | ReplyAction
  /** Handles the event again once the state has changed. */
  | { readonly type: "postpone" }
  /** Handles this event before any other. */
  | { readonly type: "nextEvent"; readonly event: QueuedEvent<C, K> }
  | TimeoutAction
  | { readonly type: "hibernate" };

/** The actions that an enter call may return. */
export type EnterAction = ReplyAction | TimeoutAction | {
  readonly type: "hibernate";
};

/** What a state function returns, made by the methods of the machine. */
export class Result<S, D> {
  readonly type: "next" | "keep" | "repeat" | "stop";
  /** The next state, for `next`. */
  readonly state: S;
  /** The next data; null to keep the data. */
  readonly data: { readonly value: D } | null;
  readonly actions: readonly Action<never, never>[];
  /** For `stop`. */
  readonly reason: ExitReason;

  /** @internal Made by the methods of the machine. */
  constructor(
    type: Result<S, D>["type"],
    state: S,
    data: { readonly value: D } | null,
    actions: readonly unknown[],
    reason: ExitReason = reasons.normal,
  ) {
    this.type = type;
    this.state = state;
    this.data = data;
    this.actions = actions as readonly Action<never, never>[];
    this.reason = reason;
  }
}

/** What a state function may return; undefined keeps state and data. */
export type StatemResult<S, D> =
  | Result<S, D>
  | void
  | Promise<Result<S, D> | void>;

/** What state functions work with. One object for the machine's life. */
// deno-lint-ignore ban-types
export interface Machine<S, D, C = {}, K = {}> {
  readonly state: S;
  /** Change it in place, assign another, or give it to the result. */
  data: D;
  readonly self: Self<unknown>;
  /** Replies at once, to this call or to an earlier one. */
  reply<R>(to: From<R>, value: R): void;
  /**
   * Goes to that state, which is a change if the state is another by
   * `termEquals`. Without `data` the data are kept.
   */
  nextState(
    state: S,
    ...more: [data?: D, actions?: readonly Action<C, K>[]]
  ): Result<S, D>;
  /** Stays in the state, with other data. */
  keepState(data: D, actions?: readonly Action<C, K>[]): Result<S, D>;
  /** Stays in the state, with the data as they are. */
  keepStateAndData(actions?: readonly Action<C, K>[]): Result<S, D>;
  /** As `keepState`, and calls the state's enter call again, if any. */
  repeatState(data: D, actions?: readonly Action<C, K>[]): Result<S, D>;
  /** As `repeatState`, with the data as they are. */
  repeatStateAndData(actions?: readonly Action<C, K>[]): Result<S, D>;
  /** Ends the machine. Default reason `normal`. */
  stop(reason?: ExitReason, ...data: [data?: D]): Result<S, D>;
  /** Sends these replies and then ends the machine. */
  stopAndReply(
    reason: ExitReason,
    replies: readonly ReplyAction[],
    ...data: [data?: D]
  ): Result<S, D>;
}

/** What `init` returns: the first state, the first data, and actions. */
export class InitialState<S, D> {
  readonly state: S;
  readonly data: D;
  readonly actions: readonly Action<never, never>[];
  constructor(state: S, data: D, actions: readonly Action<never, never>[]) {
    this.state = state;
    this.data = data;
    this.actions = actions;
  }
}

/** The state, by what `init` returns. */
export type StateOf<R> = Awaited<R> extends infer T
  ? T extends InitialState<infer S, infer _D> ? S : never
  : never;

/** The data, by what `init` returns. */
export type DataOf<R> = Awaited<R> extends infer T
  ? T extends InitialState<infer _S, infer D> ? D : never
  : never;

/** A function of a state, or the one of all states. */
export type StateFunction<S, D, C, K> = (
  event: StatemEvent<S, C, K>,
  machine: Machine<S, D, C, K>,
) => StatemResult<S, D>;

/** Calls or casts, each declared with `takes`. */
type Declarations = Readonly<
  Record<string, (machine: never, ...args: never[]) => unknown>
>;

/** What both styles of definition share. */
export type StatemBase<R, A, C, K, S> = {
  /** For logs and `info`. Default `GenStatem`. */
  readonly name?: string;
  /** Exit signals become messages, and `terminate` runs at a shutdown. */
  readonly trapExits?: boolean;
  /** The calls of clients, each declared with `takes`. */
  readonly calls?: C & Declarations;
  /** The casts of clients, each declared with `takes`. */
  readonly casts?: K & Declarations;
  /**
   * Returns `initial(state, data, actions)`, `ignore`, `refuse(reason)`, or
   * the runtime's `stop(reason)`. The start waits for it.
   */
  readonly init: (self: Self<unknown>, arg: A) => R;
  /** Whether there are enter calls. Default false. */
  readonly stateEnter?: boolean;
  /** The terminate callback; `std/gen_server/mod.ts` says when it runs. */
  readonly terminate?: (
    machine: Machine<S, DataOf<R>>,
    reason: ExitReason,
  ) => unknown;
  /** What `sys.getStatus` and reports show in place of state and data. */
  readonly formatStatus?: (state: S, data: DataOf<R>) => unknown;
};

/** A definition with a function for each state. States are strings. */
export type StatesDefinition<R, A, C, K, N extends string> =
  & StatemBase<R, A, C, K, N>
  & {
    readonly states: {
      readonly [P in N]: StateFunction<N, DataOf<R>, NoInfer<C>, NoInfer<K>>;
    };
    readonly handleEvent?: never;
  };

/** A definition with one function for all states, which may be any terms. */
export type HandlerDefinition<R, A, C, K> =
  & StatemBase<R, A, C, K, StateOf<R>>
  & {
    readonly handleEvent: StateFunction<
      StateOf<R>,
      DataOf<R>,
      NoInfer<C>,
      NoInfer<K>
    >;
    readonly states?: never;
  };
