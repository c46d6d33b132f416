/**
 * One event manager: how it handles messages, among them the requests of
 * callers. Its handlers are in `manager.ts`, the typed face in `mod.ts`.
 *
 * Requests have the form of OTP's `gen_event`. A BEAM node sends a request as
 * `{Pid, {Pid, Tag}, Request}` and an event as `{notify, Event}`.
 */

import {
  asyncHandler,
  atom,
  Call,
  Exit,
  type ExitReason,
  type Handler,
  KilledError,
  Pid,
  readableReason,
  reasons,
  type ReplyTo,
  Shared,
  Stop,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";
import { terminateBySystem } from "../internal/termination.ts";
import { registerAndInit, type StartContext } from "../proc_lib/naming.ts";
import {
  type AnyNew,
  type CallbackResult,
  callHandler,
  callHandlers,
  Manager,
  reasonOf,
  type RunningHandler,
} from "./manager.ts";

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
  } catch (thrown) {
    const error = readableReason(thrown);
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
