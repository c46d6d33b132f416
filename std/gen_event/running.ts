/**
 * The life of one event manager: who its handlers are, and what becomes of one
 * that throws. The typed face is in `std/gen_event/mod.ts`.
 *
 * Requests have the form of OTP's `gen_event`, which a BEAM node sends as
 * `{Pid, {Pid, Tag}, Request}` and events as `{notify, Event}`.
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
import { finishBySystem, formatted, nameOf } from "../internal/termination.ts";
import {
  type EventHandler,
  GenEventExit,
  type HandlerContext,
  type HandlerEnd,
  type NewHandler,
} from "./types.ts";
import { type Launch, underName } from "../proc_lib/naming.ts";

type AnyHandler = EventHandler<never, unknown, never>;
type AnyNew = NewHandler<never, unknown, never>;

const names = {
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

/** A handler that is in. */
class Running implements HandlerContext<unknown> {
  readonly id: unknown;
  readonly handler: AnyHandler;
  readonly self: Self<unknown>;
  /** Whose end is the handler's as well; null for nobody's. */
  readonly owner: Pid | null;
  state: unknown = undefined;
  /** What is to be done once the callback has returned. */
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

  get shownState(): unknown {
    return formatted(this.handler.formatStatus, this.state as never);
  }
}

/** What a callback came to. */
type Outcome = { readonly value: unknown } | { readonly failure: unknown };

class Manager {
  readonly self: Self<unknown>;
  readonly kind = "GenEvent";
  readonly parent: Pid | null;
  /** In the order in which they came. */
  handlers: Running[] = [];

  constructor(self: Self<unknown>, parent: Pid | null) {
    this.self = self;
    this.parent = parent;
  }

  shownState(): unknown {
    return this.handlers.map(({ id, shownState: state }) => ({ id, state }));
  }

  /** Every handler has a last word when the manager ends. */
  async lastWord(reason: ExitReason): Promise<void> {
    for (const one of this.handlers) {
      await this.end(one, { type: "stop", reason }, reasons.shutdown);
    }
  }

  find(id: unknown): Running | undefined {
    return this.handlers.find((one) => termEquals(one.id, id));
  }

  /** Throws what `init` throws; then it is not in. */
  async add(next: AnyNew, owner: Pid | null, previous?: unknown) {
    if (this.find(next.id) !== undefined) {
      throw new ExitError(tuple(atom("already_added"), next.id));
    }
    const running = new Running(this.self, next, owner);
    const { init } = next.handler;
    running.state = await init(this.self, next.arg as never, previous);
    this.handlers = [...this.handlers, running];
    if (owner !== null) this.self.link(owner);
  }

  /** Takes a handler out; resolves with what its `terminate` gives. */
  async end(
    one: Running,
    end: HandlerEnd,
    reason: ExitReason,
  ): Promise<unknown> {
    this.handlers = this.handlers.filter((other) => other !== one);
    let last: unknown;
    try {
      last = await one.handler.terminate?.(one as never, end);
    } catch (error) {
      this.mustLive(error);
      this.report(one, error, "terminate");
    }
    const { owner } = one;
    if (owner !== null) {
      const isLast = this.handlers.every((other) => other.owner !== owner);
      if (isLast && owner !== this.parent) this.self.unlink(owner);
      this.self.send(owner as Pid<unknown>, new GenEventExit(one.id, reason));
    }
    return last;
  }

  async swap(
    old: Running | undefined,
    arg: unknown,
    next: AnyNew,
    owner: Pid | null,
  ): Promise<void> {
    let previous: unknown = names.error;
    if (old !== undefined) {
      const pid = owner ?? atom("undefined");
      const reason = tuple(atom("swapped"), next.id, pid);
      previous = await this.end(old, { type: "swapped", arg }, reason);
    }
    await this.add(next, owner, previous);
  }

  /** What is thrown by code that goes on after the manager's end. */
  mustLive(error: unknown): void {
    if (error instanceof KilledError || !this.self.isAlive) throw error;
  }

  report(one: Running, error: unknown, last: unknown): void {
    const id = printTerm(one.id);
    const reason = printTerm(reasonOf(error));
    const message = `${nameOf(this)} removes its handler ${id}: ${reason}`;
    this.self.log("error", message, {
      report: "event handler",
      handler: id,
      reason,
      ...(error instanceof Error ? { stack: error.stack } : {}),
      lastMessage: printTerm(last),
      state: printTerm(one.shownState),
    });
  }
}

function reasonOf(error: unknown): ExitReason {
  return error instanceof ExitError ? error.reason : error;
}

// -- Calling handlers

/**
 * Calls a handler's callback. What it throws is the handler's end and nobody
 * else's. Without a promise where it has returned none and stays.
 */
function attempt(
  manager: Manager,
  one: Running,
  last: unknown,
  callback: () => unknown,
): Outcome | Promise<Outcome> {
  try {
    const value = callback();
    return value instanceof Promise
      ? value.then(
        (value) => afterwards(manager, one, value),
        (error: unknown) => crash(manager, one, last, error),
      )
      : afterwards(manager, one, value);
  } catch (error) {
    return crash(manager, one, last, error);
  }
}

function afterwards(
  manager: Manager,
  one: Running,
  value: unknown,
): Outcome | Promise<Outcome> {
  const { leaving } = one;
  if (leaving === null) return { value };
  one.leaving = null;
  return leave(manager, one, leaving).then(() => ({ value }));
}

async function leave(
  manager: Manager,
  one: Running,
  leaving: NonNullable<Running["leaving"]>,
): Promise<void> {
  if (leaving === "remove") {
    await manager.end(one, { type: "removed" }, reasons.normal);
    return;
  }
  try {
    await manager.swap(one, leaving.arg, leaving.next, one.owner);
  } catch (error) {
    manager.mustLive(error);
    const failed = new Running(manager.self, leaving.next, null);
    manager.report(failed, error, "init");
  }
}

async function crash(
  manager: Manager,
  one: Running,
  last: unknown,
  error: unknown,
): Promise<Outcome> {
  manager.mustLive(error);
  manager.report(one, error, last);
  const reason = reasonOf(error);
  await manager.end(one, { type: "error", reason }, reason);
  return { failure: reason };
}

/** Whether a handler before it has had it taken out. */
function isGone(
  { handlers }: Manager,
  one: Running,
  before: readonly Running[],
): boolean {
  return handlers !== before && !handlers.includes(one);
}

/** Gives an event, or another message, to one handler after the other. */
function dispatch(
  manager: Manager,
  what: "handleEvent" | "handleInfo",
  event: unknown,
  from = 0,
  handlers: readonly Running[] = manager.handlers,
): void | Promise<void> {
  for (let i = from; i < handlers.length; i++) {
    const one = handlers[i] as Running;
    const callback = one.handler[what];
    if (callback === undefined || isGone(manager, one, handlers)) continue;
    const outcome = attempt(
      manager,
      one,
      event,
      () => callback(event as never, one as never),
    );
    if (outcome instanceof Promise) {
      return outcome.then(() =>
        dispatch(manager, what, event, i + 1, handlers)
      );
    }
  }
}

// -- Messages

type Next = Manager | Stop | Promise<Manager | Stop>;

function handleMessage(manager: Manager, message: unknown): Next {
  if (message instanceof Tuple) {
    const { items } = message;
    if (items.length === 2 && items[0] === names.notify) {
      return stay(manager, dispatch(manager, "handleEvent", items[1]));
    }
    const from = items.length === 3 ? addressOf(items[1]) : null;
    if (from !== null) return serve(manager, from, items[2], message);
  }
  if (message instanceof Call) {
    return serve(manager, message.from, message.request, message);
  }
  if (message instanceof Exit) {
    if (message.from === manager.parent) return finish(manager, message.reason);
    const { from, reason } = message;
    const owned = manager.handlers.filter(({ owner }) => owner === from);
    if (owned.length > 0) return orphaned(manager, owned, reason);
  }
  return stay(manager, dispatch(manager, "handleInfo", message));
}

function stay(manager: Manager, done: void | Promise<void>): Next {
  return done === undefined ? manager : done.then(() => manager);
}

/** Where a process of a BEAM node wants the answer. */
function addressOf(term: unknown): ReplyTo | null {
  if (!(term instanceof Tuple) || term.items.length !== 2) return null;
  const [pid, tag] = term.items;
  return pid instanceof Pid ? { pid, tag, isOtp: true } : null;
}

async function finish(manager: Manager, reason: ExitReason): Promise<Stop> {
  await manager.lastWord(reason);
  return new Stop(reason);
}

async function orphaned(
  manager: Manager,
  handlers: readonly Running[],
  reason: ExitReason,
): Promise<Manager> {
  for (const one of handlers) {
    await manager.end(one, { type: "stop", reason }, reason);
  }
  return manager;
}

/** Answers a request; what is none is a message like any other. */
function serve(
  manager: Manager,
  from: ReplyTo,
  request: unknown,
  message: unknown,
): Next {
  const items = request instanceof Tuple ? request.items : [request];
  const answering = answer(manager, from, items);
  if (answering === null) {
    return stay(manager, dispatch(manager, "handleInfo", message));
  }
  if (!(answering instanceof Promise)) {
    manager.self.reply(from, answering.value);
    return manager;
  }
  return answering.then(({ value }) => {
    manager.self.reply(from, value);
    return manager;
  });
}

type Answer = { readonly value: unknown };

/** Null for what is no request. */
function answer(
  manager: Manager,
  from: ReplyTo,
  items: readonly unknown[],
): Answer | Promise<Answer> | null {
  const [what, first, second, third] = items;
  switch (what) {
    case names.syncNotify: {
      const done = dispatch(manager, "handleEvent", first);
      const ok = { value: names.ok };
      return done === undefined ? ok : done.then(() => ok);
    }
    case names.whichHandlers:
      return { value: manager.handlers.map(({ id }) => id) };
    case names.call:
      return callHandler(manager, first, second);
    case names.remove:
      return remove(manager, first, second);
    case names.add:
    case names.addSup: {
      const owner = what === names.addSup ? from.pid : null;
      return change(second, (next) => manager.add(next, owner));
    }
    case names.swap:
    case names.swapSup: {
      const old = manager.find(first);
      const owner = what === names.swapSup ? from.pid : old?.owner ?? null;
      return change(third, (next) => manager.swap(old, second, next, owner));
    }
    default:
      return null;
  }
}

const ABSENT: Answer = { value: tuple(names.error, atom("module_not_found")) };
const BAD_MODULE: Answer = { value: tuple(names.error, atom("bad_module")) };

function callHandler(
  manager: Manager,
  id: unknown,
  request: unknown,
): Answer | Promise<Answer> {
  const one = manager.find(id);
  const callback = one?.handler.handleCall;
  if (one === undefined || callback === undefined) return BAD_MODULE;
  const outcome = attempt(
    manager,
    one,
    request,
    () => callback(request, one as never),
  );
  return outcome instanceof Promise
    ? outcome.then(answerOf)
    : answerOf(outcome);
}

function answerOf(outcome: Outcome): Answer {
  return "value" in outcome ? outcome : { value: failed(outcome.failure) };
}

/** `{error, {'EXIT', Reason}}` */
function failed(reason: unknown): Tuple {
  return tuple(names.error, tuple(names.exit, reason));
}

async function remove(
  manager: Manager,
  id: unknown,
  arg: unknown,
): Promise<Answer> {
  const one = manager.find(id);
  if (one === undefined) return ABSENT;
  const end = { type: "deleted", arg } as const;
  return { value: await manager.end(one, end, reasons.normal) };
}

/** Handlers are shared; what a BEAM node names is none of ours. */
async function change(
  shared: unknown,
  act: (next: AnyNew) => Promise<void>,
): Promise<Answer> {
  if (!(shared instanceof Shared)) return { value: failed(atom("undef")) };
  try {
    await act(shared.value as AnyNew);
    return { value: names.ok };
  } catch (error) {
    if (error instanceof KilledError) throw error;
    return { value: failed(reasonOf(error)) };
  }
}

/** The behaviour of a manager that is about to start. */
export function behaviourOf(launch: Launch): Handler<unknown> {
  return asyncHandler<Manager, unknown>(
    (self) => {
      self.trapExits = true;
      return underName<Manager>(self, launch, () => {
        launch.starting.initAck();
        return new Manager(self, launch.parent);
      });
    },
    handleMessage,
    {
      name: "GenEvent",
      system: {
        getState: ({ handlers }) =>
          handlers.map(({ id, state }) => ({ id, state })),
        replaceState: (manager, shown) => {
          for (const { id, state } of shown as readonly Running[]) {
            const one = manager.find(id);
            if (one !== undefined) one.state = state;
          }
          return manager;
        },
        formatStatus: (manager) => manager.shownState(),
        terminate: finishBySystem,
      },
    },
  );
}
