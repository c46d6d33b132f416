/**
 * One event manager: its handlers, how they are called, and how one that throws
 * is removed. The typed face is in `std/gen_event/mod.ts`.
 *
 * Requests have the form of OTP's `gen_event`. A BEAM node sends a request as
 * `{Pid, {Pid, Tag}, Request}` and an event as `{notify, Event}`.
 */

import {
  asyncHandler,
  atom,
  Call,
  Exit,
  ExitError,
  type ExitReason,
  type Handler,
  KilledError,
  Pid,
  printTerm,
  reasons,
  type ReplyTo,
  type Self,
  Shared,
  Stop,
  termEquals,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";
import {
  formattedState,
  nameForLog,
  terminateBySystem,
} from "../internal/termination.ts";
import {
  type EventHandler,
  GenEventExit,
  type HandlerContext,
  type HandlerEnd,
  type NewHandler,
} from "./types.ts";
import { registerAndInit, type StartContext } from "../proc_lib/naming.ts";

type AnyHandler = EventHandler<never, unknown, never>;
type AnyNew = NewHandler<never, unknown, never>;

const atoms = {
  notify: atom("notify"),
  syncNotify: atom("sync_notify"),
  call: atom("call"),
  whichHandlers: atom("which_handlers"),
  add: atom("add_handler"),
  addSup: atom("add_sup_handler"),
  remove: atom("delete_handler"),
  swap: atom("swap_handler"),
  swapSup: atom("swap_sup_handler"),
  ok: atom("ok"),
  error: atom("error"),
  exit: atom("EXIT"),
} as const;

/** A handler in a manager. */
class RunningHandler implements HandlerContext<unknown> {
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
type CallbackResult = { readonly value: unknown } | {
  readonly failure: unknown;
};

class Manager {
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
  async addHandler(next: AnyNew, owner: Pid | null, previous?: unknown) {
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
    } catch (error) {
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
    let previous: unknown = atoms.error;
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
      ...(error instanceof Error ? { stack: error.stack } : {}),
      lastMessage: printTerm(last),
      state: printTerm(one.stateForReport),
    });
  }
}

function reasonOf(error: unknown): ExitReason {
  return error instanceof ExitError ? error.reason : error;
}

// -- Calling handlers

/**
 * Calls a handler's callback. If it throws, only that handler is removed.
 * Returns no promise if the callback returns none and the handler stays.
 */
function callHandler(
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
        (error: unknown) => removeCrashed(manager, one, last, error),
      )
      : afterCallback(manager, one, value);
  } catch (error) {
    return removeCrashed(manager, one, last, error);
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
  } catch (error) {
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
function callHandlers(
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

// -- Messages

type Next = Manager | Stop | Promise<Manager | Stop>;

function handleMessage(manager: Manager, message: unknown): Next {
  if (message instanceof Tuple) {
    const { items } = message;
    if (items.length === 2 && items[0] === atoms.notify) {
      return whenDone(manager, callHandlers(manager, "handleEvent", items[1]));
    }
    const from = items.length === 3 ? addressOf(items[1]) : null;
    if (from !== null) return handleRequest(manager, from, items[2], message);
  }
  if (message instanceof Call) {
    return handleRequest(manager, message.from, message.request, message);
  }
  if (message instanceof Exit) {
    if (message.from === manager.parent) {
      return stopManager(manager, message.reason);
    }
    const { from, reason } = message;
    const owned = manager.handlers.filter(({ owner }) => owner === from);
    if (owned.length > 0) return removeOwned(manager, owned, reason);
  }
  return whenDone(manager, callHandlers(manager, "handleInfo", message));
}

function whenDone(manager: Manager, done: void | Promise<void>): Next {
  return done === undefined ? manager : done.then(() => manager);
}

/** The reply address in a request of a process of a BEAM node. */
function addressOf(term: unknown): ReplyTo | null {
  if (!(term instanceof Tuple) || term.items.length !== 2) return null;
  const [pid, tag] = term.items;
  return pid instanceof Pid ? { pid, tag, isOtp: true } : null;
}

async function stopManager(
  manager: Manager,
  reason: ExitReason,
): Promise<Stop> {
  await manager.callTerminate(reason);
  return new Stop(reason);
}

/** The actor that these handlers are tied to has ended. */
async function removeOwned(
  manager: Manager,
  handlers: readonly RunningHandler[],
  reason: ExitReason,
): Promise<Manager> {
  for (const one of handlers) {
    await manager.removeHandler(one, { type: "stop", reason }, reason);
  }
  return manager;
}

/** Replies to a request; any other term is a message to the handlers. */
function handleRequest(
  manager: Manager,
  from: ReplyTo,
  request: unknown,
  message: unknown,
): Next {
  const items = request instanceof Tuple ? request.items : [request];
  const reply = replyTo(manager, from, items);
  if (reply === null) {
    return whenDone(manager, callHandlers(manager, "handleInfo", message));
  }
  if (!(reply instanceof Promise)) {
    manager.self.reply(from, reply.value);
    return manager;
  }
  return reply.then(({ value }) => {
    manager.self.reply(from, value);
    return manager;
  });
}

type Reply = { readonly value: unknown };

/** Carries out a request. Null for a term that is no request. */
function replyTo(
  manager: Manager,
  from: ReplyTo,
  items: readonly unknown[],
): Reply | Promise<Reply> | null {
  const [name, first, second, third] = items;
  switch (name) {
    case atoms.syncNotify: {
      const done = callHandlers(manager, "handleEvent", first);
      const ok = { value: atoms.ok };
      return done === undefined ? ok : done.then(() => ok);
    }
    case atoms.whichHandlers:
      return { value: manager.handlers.map(({ id }) => id) };
    case atoms.call:
      return callOne(manager, first, second);
    case atoms.remove:
      return deleteHandler(manager, first, second);
    case atoms.add:
    case atoms.addSup: {
      const owner = name === atoms.addSup ? from.pid : null;
      return changeHandlers(
        second,
        (next) => manager.addHandler(next, owner),
      );
    }
    case atoms.swap:
    case atoms.swapSup: {
      const old = manager.find(first);
      const owner = name === atoms.swapSup ? from.pid : old?.owner ?? null;
      return changeHandlers(
        third,
        (next) => manager.swapHandler(old, second, next, owner),
      );
    }
    default:
      return null;
  }
}

const moduleNotFound: Reply = {
  value: tuple(atoms.error, atom("module_not_found")),
};
const badModule: Reply = { value: tuple(atoms.error, atom("bad_module")) };

function callOne(
  manager: Manager,
  id: unknown,
  request: unknown,
): Reply | Promise<Reply> {
  const one = manager.find(id);
  const callback = one?.handler.handleCall;
  if (one === undefined || callback === undefined) return badModule;
  const result = callHandler(
    manager,
    one,
    request,
    () => callback(request, one as never),
  );
  return result instanceof Promise ? result.then(replyOf) : replyOf(result);
}

function replyOf(result: CallbackResult): Reply {
  return "value" in result ? result : { value: failureTerm(result.failure) };
}

/** `{error, {'EXIT', Reason}}` */
function failureTerm(reason: unknown): Tuple {
  return tuple(atoms.error, tuple(atoms.exit, reason));
}

async function deleteHandler(
  manager: Manager,
  id: unknown,
  arg: unknown,
): Promise<Reply> {
  const one = manager.find(id);
  if (one === undefined) return moduleNotFound;
  const end = { type: "deleted", arg } as const;
  return { value: await manager.removeHandler(one, end, reasons.normal) };
}

/**
 * Adds or replaces a handler. It has to be one of this node's functions, since
 * a handler that a BEAM node names is no handler here.
 */
async function changeHandlers(
  shared: unknown,
  act: (next: AnyNew) => Promise<void>,
): Promise<Reply> {
  if (!(shared instanceof Shared)) return { value: failureTerm(atom("undef")) };
  try {
    await act(shared.value as AnyNew);
    return { value: atoms.ok };
  } catch (error) {
    if (error instanceof KilledError) throw error;
    return { value: failureTerm(reasonOf(error)) };
  }
}

/** The handler of a manager that is about to start. */
export function managerHandler(context: StartContext): Handler<unknown> {
  return asyncHandler<Manager, unknown>(
    (self) => {
      self.trapExits = true;
      return registerAndInit<Manager>(self, context, () => {
        context.starting.initAck();
        return new Manager(self, context.parent);
      });
    },
    handleMessage,
    {
      name: "GenEvent",
      system: {
        getState: ({ handlers }) =>
          handlers.map(({ id, state }) => ({ id, state })),
        replaceState: (manager, shown) => {
          for (const { id, state } of shown as readonly RunningHandler[]) {
            const one = manager.find(id);
            if (one !== undefined) one.state = state;
          }
          return manager;
        },
        formatStatus: (manager) => manager.stateForReport(),
        terminate: terminateBySystem,
      },
    },
  );
}
