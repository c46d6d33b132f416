/**
 * The life of one server: from its first state through its messages to its last
 * word. The typed face is in `std/gen_server/mod.ts`.
 *
 * Where no callback returns a promise, none is made: a message is one call of
 * `handleMessage`.
 */

import {
  atom,
  Call,
  Cast,
  Exit,
  ExitError,
  type ExitReason,
  type HandlerOptions,
  type Pid,
  printTerm,
  reasons,
  type Ref,
  type ReplyTo,
  type Self,
  Stop,
  type SystemHooks,
  Timeout,
  Tuple,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import {
  type Ending,
  fail,
  finish,
  finishBySystem,
  formatted,
  logUnexpected,
} from "../internal/termination.ts";
import type { Life, Startable } from "./starting.ts";
import { Initial, noReply, type Server } from "./types.ts";

/** A callback; what it is given is checked by the definition's types. */
export type Callback = (server: RunningServer, ...args: never[]) => unknown;

/** A definition, ready to be run. */
export type Plan = Startable<RunningServer> & {
  readonly name: string;
  /** By the atom that begins the request. */
  readonly calls: ReadonlyMap<unknown, Callback>;
  readonly casts: ReadonlyMap<unknown, Callback>;
  readonly handleCall: Callback | undefined;
  readonly handleCast: Callback | undefined;
  readonly info: Callback | undefined;
  readonly continue: Callback | undefined;
  readonly timeout: Callback | undefined;
  readonly terminate: Callback | undefined;
  readonly formatStatus: ((state: never) => unknown) | undefined;
};

/** The options of a plan with that name. */
export function optionsOf(name: string): HandlerOptions<RunningServer> {
  return { name, system };
}

/** What `Timeout.message` is when a server's own timer has fired. */
const IDLE = Symbol("idle");

/** What `handleMessage` returns, as a handler has to. */
type Next = RunningServer | Stop | Promise<RunningServer | Stop>;

export class RunningServer implements Server<unknown>, Ending {
  readonly plan: Plan;
  readonly self: Self<unknown>;
  /** Whose exit signal is an order to end; null without a link. */
  readonly parent: Pid | null;
  state: unknown = undefined;
  /** Of the last call. */
  from: ReplyTo = undefined as never;
  /** Set by the methods below, for when the callback has returned. */
  hasMore = false;
  stopping: Stop | null = null;
  /** Null where there is none, which most servers never have. */
  continues: unknown[] | null = null;
  timeoutMs = -1;
  isToHibernate = false;
  /** The timer that the next message cancels. */
  timer: Ref | null = null;
  /** Whether the message at hand is the word of that timer. */
  hasFired = false;

  constructor(plan: Plan, self: Self<unknown>, parent: Pid | null) {
    this.plan = plan;
    this.self = self;
    this.parent = parent;
  }

  get kind(): string {
    return this.plan.name;
  }

  shownState(): unknown {
    return formatted(this.plan.formatStatus, this.state as never);
  }

  lastWord(reason: ExitReason): unknown {
    return this.plan.terminate?.(this, reason as never);
  }

  reply(to: ReplyTo, value: unknown): void {
    this.self.reply(to, value);
  }

  stop(reason: ExitReason = reasons.normal): void {
    this.stopping = new Stop(reason);
    this.hasMore = true;
  }

  continue(term: unknown): void {
    this.continues ??= [];
    this.continues.push(term);
    this.hasMore = true;
  }

  timeout(timeoutMs: number): void {
    if (!(timeoutMs >= 0)) {
      throw new UsageError(
        `expected a timeout of 0 ms or more, got ${printTerm(timeoutMs)}`,
      );
    }
    this.timeoutMs = timeoutMs;
    this.hasMore = true;
  }

  hibernate(): void {
    this.isToHibernate = true;
    this.hasMore = true;
  }
}

/** One message, as a handler takes it. */
function handleMessage(server: RunningServer, message: unknown): Next {
  if (server.timer !== null) disarm(server, message);
  try {
    if (message instanceof Call) {
      const { from } = message;
      server.from = from;
      const { calls, handleCall } = server.plan;
      const value = apply(server, calls, handleCall, message.request);
      if (value instanceof Promise) {
        return whenDone(server, message, value, from);
      }
      if (value !== noReply) server.self.reply(from, value);
    } else {
      const value = message instanceof Cast
        ? applyCast(server, message.request)
        : takeInfo(server, message);
      if (value instanceof Promise) {
        return whenDone(server, message, value, null);
      }
    }
  } catch (error) {
    return fail(server, error, message);
  }
  return server.hasMore ? goOn(server, message) : server;
}

function whenDone(
  server: RunningServer,
  message: unknown,
  value: Promise<unknown>,
  from: ReplyTo | null,
): Promise<RunningServer | Stop> {
  return value.then((reply): Next => {
    try {
      if (from !== null && reply !== noReply) server.self.reply(from, reply);
    } catch (error) {
      return fail(server, error, message);
    }
    return server.hasMore ? goOn(server, message) : server;
  }, (error: unknown) => fail(server, error, message));
}

/** Calls the callback of that name with the arguments of the request. */
function apply(
  server: RunningServer,
  callbacks: ReadonlyMap<unknown, Callback>,
  otherwise: Callback | undefined,
  request: unknown,
): unknown {
  if (request instanceof Tuple) {
    const { items } = request;
    const callback = callbacks.get(items[0]);
    if (callback !== undefined) {
      return items.length === 2
        ? callback(server, items[1] as never)
        : callback(server, ...items.slice(1) as never[]);
    }
  } else {
    const callback = callbacks.get(request);
    if (callback !== undefined) return callback(server);
  }
  if (otherwise !== undefined) return otherwise(server, request as never);
  const kind = callbacks === server.plan.calls ? "bad_call" : "bad_cast";
  throw new ExitError(tuple(atom(kind), request));
}

function applyCast(server: RunningServer, request: unknown): unknown {
  const { casts, handleCast } = server.plan;
  return apply(server, casts, handleCast, request);
}

function takeInfo(server: RunningServer, message: unknown): unknown {
  const { info, timeout } = server.plan;
  if (message instanceof Timeout && message.message === IDLE) {
    // Another message has come before it.
    if (!server.hasFired) return;
    server.hasFired = false;
    return timeout === undefined
      ? logUnexpected(server, atom("timeout"))
      : timeout(server);
  }
  if (message instanceof Exit && message.from === server.parent) {
    server.stop(message.reason);
    return;
  }
  return info === undefined
    ? logUnexpected(server, message)
    : info(server, message as never);
}

/** Any message ends the wait that the timer limits. */
function disarm(server: RunningServer, message: unknown): void {
  const { timer } = server;
  if (timer === null) return;
  // The word of an older timer is not what was waited for.
  if (message instanceof Timeout && message.message === IDLE) {
    if (message.ref !== timer) return;
    server.hasFired = true;
  }
  server.self.cancelTimer(timer);
  server.timer = null;
}

/**
 * What the callback has asked for. The last word is had once, if it throws too.
 */
function goOn(server: RunningServer, message: unknown): Next {
  // Ended from outside while a callback waited, it has nothing more to do.
  if (!server.self.isAlive) return server;
  while (server.stopping === null && server.continues !== null) {
    const term = server.continues.shift();
    if (server.continues.length === 0) server.continues = null;
    try {
      const value = goOnWith(server, term);
      if (value instanceof Promise) {
        return value.then(
          () => goOn(server, message),
          (error: unknown) => fail(server, error, message),
        );
      }
    } catch (error) {
      return fail(server, error, message);
    }
  }
  server.hasMore = false;
  if (server.stopping !== null) {
    return finish(server, server.stopping.reason, message);
  }
  if (server.timeoutMs >= 0) {
    const { timeoutMs } = server;
    server.timeoutMs = -1;
    if (timeoutMs !== Infinity) {
      server.timer = server.self.startTimer(timeoutMs, IDLE);
    }
  }
  if (server.isToHibernate) {
    server.isToHibernate = false;
    server.self.hibernate();
  }
  return server;
}

function goOnWith(server: RunningServer, term: unknown): unknown {
  const { continue: callback } = server.plan;
  if (callback !== undefined) return callback(server, term as never);
  throw new ExitError(tuple(atom("bad_continue"), term));
}

const system: SystemHooks<RunningServer> = {
  getState: (server) => server.state,
  replaceState: (server, state) => {
    server.state = state;
    return server;
  },
  formatStatus: (server) => server.shownState(),
  terminate: finishBySystem,
};

/** How a server comes to life, for `startedBy`. */
export const serverLife: Life<RunningServer, Plan> = {
  make: (plan, self, parent) => new RunningServer(plan, self, parent),
  settle: (server, first, initAck) => {
    if (!(first instanceof Initial)) {
      server.state = first;
      initAck();
      return server;
    }
    server.state = first.state;
    const { timeoutMs } = first.options;
    if (timeoutMs !== undefined) server.timeout(timeoutMs);
    if ("continue" in first.options) server.continue(first.options.continue);
    initAck();
    return goOn(server, atom("init")) as RunningServer;
  },
  handle: handleMessage,
};
