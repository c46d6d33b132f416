/**
 * One server from its first state to its termination: it calls the callbacks of
 * the definition for each message. The typed face is in
 * `std/gen_server/mod.ts`.
 *
 * No promise is made where no callback returns one: a message is then one call
 * of `handleMessage`.
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
import { MAX_ARGUMENTS } from "../internal/arity.ts";
import {
  failServer,
  formattedState,
  logUnexpected,
  stopServer,
  terminateBySystem,
  type TerminatingServer,
} from "../internal/termination.ts";
import type { Lifecycle, Startable } from "./starting.ts";
import { Initial, noReply, type Server } from "./types.ts";

/** A callback; the definition's types have checked its parameters. */
export type Callback = (server: RunningServer, ...args: never[]) => unknown;

/** A definition, prepared for its servers. */
export type Plan = Startable<RunningServer> & {
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

/** The handler options of a definition with that name. */
export function optionsOf(name: string): HandlerOptions<RunningServer> {
  return { name, system };
}

/** `Timeout.message` of a server's own timer. */
const IDLE = Symbol("idle");

/** What `handleMessage` returns: the next state of the handler. */
type Next = RunningServer | Stop | Promise<RunningServer | Stop>;

export class RunningServer implements Server<unknown>, TerminatingServer {
  readonly plan: Plan;
  readonly self: Self<unknown>;
  /** The actor whose exit signal ends the server; null without a link. */
  readonly parent: Pid | null;
  state: unknown = undefined;
  /** The reply address of the last call. */
  from: ReplyTo = undefined as never;
  /**
   * Whether the callback has asked for anything in the four fields below, which
   * `afterCallback` carries out.
   */
  hasRequests = false;
  stopping: Stop | null = null;
  /** Terms for `continue`, the next one first; null without any. */
  continues: unknown[] | null = null;
  /** The time limit for the next message; -1 without one. */
  timeoutMs = -1;
  isToHibernate = false;
  /** The running timer of that limit, which the next message cancels. */
  idleTimer: Ref | null = null;
  /** Whether the message at hand is the `Timeout` of that timer. */
  hasTimedOut = false;

  constructor(plan: Plan, self: Self<unknown>, parent: Pid | null) {
    this.plan = plan;
    this.self = self;
    this.parent = parent;
  }

  get definitionName(): string {
    return this.plan.name;
  }

  stateForReport(): unknown {
    return formattedState(this.plan.formatStatus, this.state as never);
  }

  callTerminate(reason: ExitReason): unknown {
    return this.plan.terminate?.(this, reason as never);
  }

  reply(to: ReplyTo, value: unknown): void {
    this.self.reply(to, value);
  }

  stop(reason: ExitReason = reasons.normal): void {
    this.stopping = new Stop(reason);
    this.hasRequests = true;
  }

  continue(term: unknown): void {
    this.continues ??= [];
    this.continues.push(term);
    this.hasRequests = true;
  }

  timeout(timeoutMs: number): void {
    if (!(timeoutMs >= 0)) {
      throw new UsageError(
        `expected a timeout of 0 ms or more, got ${printTerm(timeoutMs)}`,
      );
    }
    this.timeoutMs = timeoutMs;
    this.hasRequests = true;
  }

  hibernate(): void {
    this.isToHibernate = true;
    this.hasRequests = true;
  }
}

/** Handles one message; the handler's function. */
function handleMessage(server: RunningServer, message: unknown): Next {
  if (server.idleTimer !== null) cancelIdleTimer(server, message);
  try {
    if (message instanceof Call) {
      const { from } = message;
      server.from = from;
      const { calls, handleCall } = server.plan;
      const value = callFor(server, calls, handleCall, message.request);
      if (value instanceof Promise) {
        return afterPromise(server, message, value, from);
      }
      if (value !== noReply) server.self.reply(from, value);
    } else {
      const value = message instanceof Cast
        ? handleCast(server, message.request)
        : handleInfo(server, message);
      if (value instanceof Promise) {
        return afterPromise(server, message, value, null);
      }
    }
  } catch (error) {
    return failServer(server, error, message);
  }
  return server.hasRequests ? afterCallback(server, message) : server;
}

function afterPromise(
  server: RunningServer,
  message: unknown,
  value: Promise<unknown>,
  from: ReplyTo | null,
): Promise<RunningServer | Stop> {
  return value.then((reply): Next => {
    try {
      if (from !== null && reply !== noReply) server.self.reply(from, reply);
    } catch (error) {
      return failServer(server, error, message);
    }
    return server.hasRequests ? afterCallback(server, message) : server;
  }, (error: unknown) => failServer(server, error, message));
}

/** Calls the callback that the request names with the request's arguments. */
function callFor(
  server: RunningServer,
  callbacks: ReadonlyMap<unknown, Callback>,
  otherwise: Callback | undefined,
  request: unknown,
): unknown {
  if (request instanceof Tuple) {
    const { items } = request;
    const callback = callbacks.get(items[0]);
    // With more arguments it is the request of no callback.
    if (callback !== undefined && items.length <= MAX_ARGUMENTS + 1) {
      return items.length === 2
        ? callback(server, items[1] as never)
        : callback(server, ...items.slice(1) as never[]);
    }
  } else {
    const callback = callbacks.get(request);
    if (callback !== undefined) return callback(server);
  }
  if (otherwise !== undefined) return otherwise(server, request as never);
  const name = callbacks === server.plan.calls ? "bad_call" : "bad_cast";
  throw new ExitError(tuple(atom(name), request));
}

function handleCast(server: RunningServer, request: unknown): unknown {
  const { plan } = server;
  return callFor(server, plan.casts, plan.handleCast, request);
}

function handleInfo(server: RunningServer, message: unknown): unknown {
  const { info, timeout } = server.plan;
  if (message instanceof Timeout && message.message === IDLE) {
    // Of an older timer: another message has come first.
    if (!server.hasTimedOut) return;
    server.hasTimedOut = false;
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
function cancelIdleTimer(server: RunningServer, message: unknown): void {
  const { idleTimer } = server;
  if (idleTimer === null) return;
  // The Timeout of an older timer does not end the wait.
  if (message instanceof Timeout && message.message === IDLE) {
    if (message.ref !== idleTimer) return;
    server.hasTimedOut = true;
  }
  server.self.cancelTimer(idleTimer);
  server.idleTimer = null;
}

/**
 * Carries out what the callback has asked for. `terminate` runs once, also if
 * it throws.
 */
function afterCallback(server: RunningServer, message: unknown): Next {
  // The server was ended from outside while its callback waited.
  if (!server.self.isAlive) return server;
  while (server.stopping === null && server.continues !== null) {
    const term = server.continues.shift();
    if (server.continues.length === 0) server.continues = null;
    try {
      const value = callContinue(server, term);
      if (value instanceof Promise) {
        return value.then(
          () => afterCallback(server, message),
          (error: unknown) => failServer(server, error, message),
        );
      }
    } catch (error) {
      return failServer(server, error, message);
    }
  }
  server.hasRequests = false;
  if (server.stopping !== null) {
    return stopServer(server, server.stopping.reason, message);
  }
  if (server.timeoutMs >= 0) {
    const { timeoutMs } = server;
    server.timeoutMs = -1;
    if (timeoutMs !== Infinity) {
      server.idleTimer = server.self.startTimer(timeoutMs, IDLE);
    }
  }
  if (server.isToHibernate) {
    server.isToHibernate = false;
    server.self.hibernate();
  }
  return server;
}

function callContinue(server: RunningServer, term: unknown): unknown {
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
  formatStatus: (server) => server.stateForReport(),
  terminate: terminateBySystem,
};

/** How a definition becomes a running server, for `startingHandler`. */
export const serverLifecycle: Lifecycle<RunningServer, Plan> = {
  create: (plan, self, parent) => new RunningServer(plan, self, parent),
  afterInit: (server, first, initAck) => {
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
    return afterCallback(server, atom("init")) as RunningServer;
  },
  handleMessage,
};
