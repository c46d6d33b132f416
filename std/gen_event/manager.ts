/**
 * The handlers of one event manager: how they are added, called, replaced and
 * removed, and how one that throws is removed.
 */

import { stackField } from "../internal/reasons.ts";
import {
  atom,
  ExitError,
  type ExitReason,
  KilledError,
  type Pid,
  printTerm,
  readableReason,
  reasons,
  type Self,
  termEquals,
  tuple,
} from "../../runtime/mod.ts";
import { formattedState, nameForLog } from "../internal/termination.ts";
import {
  type EventHandler,
  GenEventExit,
  type HandlerContext,
  type HandlerEnd,
  type NewHandler,
} from "./types.ts";

type AnyHandler = EventHandler<never, unknown, never>;
export type AnyNew = NewHandler<never, unknown, never>;

/** A handler in a manager. */
export class RunningHandler implements HandlerContext<unknown> {
  readonly id: unknown;
  readonly handler: AnyHandler;
  readonly self: Self<unknown>;
  /** The actor whose end removes the handler; null without one. */
  readonly owner: Pid | null;
  state: unknown = undefined;
  /** What the callback has asked for, carried out once it has returned. */
  leaving: "remove" | { readonly arg: unknown; readonly next: AnyNew } | null =
    null;

  constructor(self: Self<unknown>, next: AnyNew, owner: Pid | null) {
    this.self = self;
    this.id = next.id;
    this.handler = next.handler;
    this.owner = owner;
  }

  remove(): void {
    this.leaving = "remove";
  }

  swap<E, R, A>(arg: unknown, next: NewHandler<E, R, A>): void {
    this.leaving = { arg, next: next as unknown as AnyNew };
  }

  hibernate(): void {
    this.self.hibernate();
  }

  get stateForReport(): unknown {
    return formattedState(this.handler.formatStatus, this.state as never);
  }
}

/** What a callback has returned or thrown. */
export type CallbackResult = { readonly value: unknown } | {
  readonly failure: unknown;
};

export class Manager {
  readonly self: Self<unknown>;
  readonly definitionName = "GenEvent";
  /** The actor whose exit signal ends the manager; null without a link. */
  readonly parent: Pid | null;
  /** In the order in which they were added. Replaced, never changed. */
  handlers: RunningHandler[] = [];

  constructor(self: Self<unknown>, parent: Pid | null) {
    this.self = self;
    this.parent = parent;
  }

  stateForReport(): unknown {
    return this.handlers.map(({ id, stateForReport: state }) => ({
      id,
      state,
    }));
  }

  /** Calls `terminate` of every handler; for the end of the manager. */
  async callTerminate(reason: ExitReason): Promise<void> {
    for (const one of this.handlers) {
      await this.removeHandler(one, { type: "stop", reason }, reasons.shutdown);
    }
  }

  find(id: unknown): RunningHandler | undefined {
    return this.handlers.find((one) => termEquals(one.id, id));
  }

  /** Rejects with what `init` throws; the handler is not added then. */
  async addHandler(
    next: AnyNew,
    owner: Pid | null,
    previous?: unknown,
  ): Promise<void> {
    if (this.find(next.id) !== undefined) {
      throw new ExitError(tuple(atom("already_added"), next.id));
    }
    const running = new RunningHandler(this.self, next, owner);
    const { init } = next.handler;
    running.state = await init(this.self, next.arg as never, previous);
    this.handlers = [...this.handlers, running];
    if (owner !== null) this.self.link(owner);
  }

  /** Removes a handler; resolves with what its `terminate` returns. */
  async removeHandler(
    one: RunningHandler,
    end: HandlerEnd,
    reason: ExitReason,
  ): Promise<unknown> {
    this.handlers = this.handlers.filter((other) => other !== one);
    let returned: unknown;
    try {
      returned = await one.handler.terminate?.(one as never, end);
    } catch (thrown) {
      const error = readableReason(thrown);
      this.throwIfEnded(error);
      this.report(one, error, "terminate");
    }
    const { owner } = one;
    if (owner !== null) {
      const isLast = this.handlers.every((other) => other.owner !== owner);
      if (isLast && owner !== this.parent) this.self.unlink(owner);
      this.self.send(owner as Pid<unknown>, new GenEventExit(one.id, reason));
    }
    return returned;
  }

  async swapHandler(
    old: RunningHandler | undefined,
    arg: unknown,
    next: AnyNew,
    owner: Pid | null,
  ): Promise<void> {
    let previous: unknown = atom("error");
    if (old !== undefined) {
      const pid = owner ?? atom("undefined");
      const reason = tuple(atom("swapped"), next.id, pid);
      previous = await this.removeHandler(
        old,
        { type: "swapped", arg },
        reason,
      );
    }
    await this.addHandler(next, owner, previous);
  }

  /** Throws the error again if the manager has ended meanwhile. */
  throwIfEnded(error: unknown): void {
    if (error instanceof KilledError || !this.self.isAlive) throw error;
  }

  report(one: RunningHandler, error: unknown, last: unknown): void {
    const id = printTerm(one.id);
    const reason = printTerm(reasonOf(error));
    const message = `${nameForLog(this)} removes its handler ${id}: ${reason}`;
    this.self.log("error", message, {
      report: "event handler",
      handler: id,
      reason,
      ...stackField(error),
      lastMessage: printTerm(last),
      state: printTerm(one.stateForReport),
    });
  }
}

export function reasonOf(error: unknown): ExitReason {
  return error instanceof ExitError ? readableReason(error.reason) : error;
}

/**
 * Calls a handler's callback. If it throws, only that handler is removed.
 * Returns no promise if the callback returns none and the handler stays.
 */
export function callHandler(
  manager: Manager,
  one: RunningHandler,
  last: unknown,
  callback: () => unknown,
): CallbackResult | Promise<CallbackResult> {
  try {
    const value = callback();
    return value instanceof Promise
      ? value.then(
        (value) => afterCallback(manager, one, value),
        (error: unknown) =>
          removeCrashed(manager, one, last, readableReason(error)),
      )
      : afterCallback(manager, one, value);
  } catch (error) {
    return removeCrashed(manager, one, last, readableReason(error));
  }
}

function afterCallback(
  manager: Manager,
  one: RunningHandler,
  value: unknown,
): CallbackResult | Promise<CallbackResult> {
  const { leaving } = one;
  if (leaving === null) return { value };
  one.leaving = null;
  return removeAsAsked(manager, one, leaving).then(() => ({ value }));
}

async function removeAsAsked(
  manager: Manager,
  one: RunningHandler,
  leaving: NonNullable<RunningHandler["leaving"]>,
): Promise<void> {
  if (leaving === "remove") {
    await manager.removeHandler(one, { type: "removed" }, reasons.normal);
    return;
  }
  try {
    await manager.swapHandler(one, leaving.arg, leaving.next, one.owner);
  } catch (thrown) {
    const error = readableReason(thrown);
    manager.throwIfEnded(error);
    const failed = new RunningHandler(manager.self, leaving.next, null);
    manager.report(failed, error, "init");
  }
}

async function removeCrashed(
  manager: Manager,
  one: RunningHandler,
  last: unknown,
  error: unknown,
): Promise<CallbackResult> {
  manager.throwIfEnded(error);
  manager.report(one, error, last);
  const reason = reasonOf(error);
  await manager.removeHandler(one, { type: "error", reason }, reason);
  return { failure: reason };
}

/** Whether a handler was removed since `before` were the handlers. */
function wasRemoved(
  { handlers }: Manager,
  one: RunningHandler,
  before: readonly RunningHandler[],
): boolean {
  return handlers !== before && !handlers.includes(one);
}

/** Calls one handler after the other for an event or another message. */
export function callHandlers(
  manager: Manager,
  name: "handleEvent" | "handleInfo",
  event: unknown,
  from = 0,
  handlers: readonly RunningHandler[] = manager.handlers,
): void | Promise<void> {
  for (let i = from; i < handlers.length; i++) {
    const one = handlers[i] as RunningHandler;
    const callback = one.handler[name];
    if (callback === undefined || wasRemoved(manager, one, handlers)) continue;
    const result = callHandler(
      manager,
      one,
      event,
      () => callback(event as never, one as never),
    );
    if (result instanceof Promise) {
      return result.then(() =>
        callHandlers(manager, name, event, i + 1, handlers)
      );
    }
  }
}
