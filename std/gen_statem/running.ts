/**
 * One state machine from its first state to its termination: which event is
 * next, and what its result does. The typed face is in
 * `std/gen_statem/mod.ts`.
 *
 * Order of events: events inserted by `nextEvent`, postponed events after a
 * change of the state, time-outs of 0 ms, and then the mailbox. No promise is
 * made where no callback returns one.
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
  type ReplyTo,
  type Self,
  type Stop,
  type SystemHooks,
  termEquals,
  Timeout,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import type { Lifecycle, Startable } from "../gen_server/starting.ts";
import {
  failServer,
  formattedState,
  stopServer,
  terminateBySystem,
  type TerminatingServer,
} from "../internal/termination.ts";
import { callEvent, castEvent, type Names, type Queued } from "./events.ts";
import { FIRED, Timeouts } from "./timeouts.ts";
import {
  type Action,
  InitialState,
  type Machine,
  type ReplyAction,
  Result,
  type StatemEvent,
  type TimeoutAction,
} from "./types.ts";

type AnyEvent = StatemEvent<unknown>;
type AnyAction = Action;

/** A definition, prepared for its machines. */
export type Plan = Startable<RunningMachine> & {
  readonly stateEnter: boolean;
  /** Names of calls and casts, by the first atom of the request. */
  readonly calls: Names;
  readonly casts: Names;
  /** The function of each state; null where one function is for all. */
  readonly states: ReadonlyMap<unknown, Callback> | null;
  readonly handleEvent: Callback | null;
  readonly terminate:
    | ((machine: RunningMachine, reason: ExitReason) => unknown)
    | undefined;
  readonly formatStatus:
    | ((state: never, data: never) => unknown)
    | undefined;
};

export type Callback = (event: AnyEvent, machine: RunningMachine) => unknown;

/** What `handleMessage` returns: the next state of the handler. */
type Next = RunningMachine | Stop | Promise<RunningMachine | Stop>;
/** A stop; undefined when the machine goes on. */
type MaybeStop = Stop | undefined | Promise<Stop | undefined>;

export class RunningMachine
  implements Machine<unknown, unknown>, TerminatingServer {
  readonly plan: Plan;
  readonly self: Self<unknown>;
  /** The actor whose exit signal ends the machine; null without a link. */
  readonly parent: Pid | null;
  state: unknown = undefined;
  data: unknown = undefined;
  /** The event at hand, for reports. */
  current: unknown = atom("init");
  /** Postponed events, which wait for a change of the state, oldest first. */
  postponed: Queued[] = [];
  /** Events that come before the mailbox, the next one first. */
  queue: Queued[] = [];
  readonly timeouts: Timeouts;

  constructor(plan: Plan, self: Self<unknown>, parent: Pid | null) {
    this.plan = plan;
    this.self = self;
    this.parent = parent;
    this.timeouts = new Timeouts(self);
  }

  // -- Termination and reports

  get definitionName(): string {
    return this.plan.name;
  }

  stateForReport(): unknown {
    const { formatStatus } = this.plan;
    const both = [this.state, this.data] as const;
    if (formatStatus === undefined) return both;
    return formattedState(() => formatStatus(...both as [never, never]), both);
  }

  callTerminate(reason: ExitReason): unknown {
    return this.plan.terminate?.(this, reason);
  }

  // -- Methods for state functions

  reply(to: ReplyTo, value: unknown): void {
    this.self.reply(to, value);
  }

  nextState(
    state: unknown,
    ...more: [data?: unknown, actions?: readonly AnyAction[]]
  ): Result<unknown, unknown> {
    return new Result("next", state, optionalData(more), more[1] ?? []);
  }

  keepState(
    data: unknown,
    actions: readonly AnyAction[] = [],
  ): Result<unknown, unknown> {
    return new Result("keep", null, { value: data }, actions);
  }

  keepStateAndData(
    actions: readonly AnyAction[] = [],
  ): Result<unknown, unknown> {
    return new Result("keep", null, null, actions);
  }

  repeatState(
    data: unknown,
    actions: readonly AnyAction[] = [],
  ): Result<unknown, unknown> {
    const value = { value: data };
    return new Result("repeat", null, value, actions);
  }

  repeatStateAndData(
    actions: readonly AnyAction[] = [],
  ): Result<unknown, unknown> {
    return new Result("repeat", null, null, actions);
  }

  stop(
    reason: ExitReason = reasons.normal,
    ...data: [data?: unknown]
  ): Result<unknown, unknown> {
    return this.stopAndReply(reason, [], ...data);
  }

  stopAndReply(
    reason: ExitReason,
    replies: readonly ReplyAction[],
    ...data: [data?: unknown]
  ): Result<unknown, unknown> {
    return new Result(
      "stop",
      null,
      optionalData(data),
      replies,
      reason,
    );
  }

  // -- Events

  /** The next event before the mailbox; null when there is none. */
  nextEvent(): Queued | null {
    return this.queue.shift() ?? this.timeouts.takeDue();
  }

  callStateFunction(event: AnyEvent): unknown {
    const { states, handleEvent } = this.plan;
    const callback = handleEvent ?? states?.get(this.state);
    if (callback !== undefined) return callback(event, this);
    throw new UsageError(
      `expected a state of ${this.definitionName} that has a function, got ${
        printTerm(this.state)
      }`,
    );
  }
}

function optionalData(
  more: readonly [data?: unknown, ...rest: unknown[]],
): { readonly value: unknown } | null {
  // Undefined before actions means that no data were given, too.
  return more.length === 0 || (more.length > 1 && more[0] === undefined)
    ? null
    : { value: more[0] };
}

/** Handles one message; the handler's function. */
function handleMessage(machine: RunningMachine, message: unknown): Next {
  if (message instanceof Call) {
    return runEvents(machine, callEvent(machine.plan.calls, message));
  }
  if (message instanceof Cast) {
    return runEvents(machine, castEvent(machine.plan.casts, message));
  }
  if (message instanceof Timeout && message.message === FIRED) {
    return runEvents(machine, machine.timeouts.takeFired(message));
  }
  if (message instanceof Exit && message.from === machine.parent) {
    return stopServer(machine, message.reason, message);
  }
  return runEvents(machine, { type: "info", message });
}

/** Handles an event, and then all events before the mailbox. */
function runEvents(machine: RunningMachine, first: Queued | null): Next {
  try {
    for (
      let event = first;
      event !== null;
      event = machine.nextEvent()
    ) {
      const stop = handleEvent(machine, event);
      if (stop === undefined) continue;
      return stop instanceof Promise ? afterPromise(machine, stop) : stop;
    }
    return machine;
  } catch (error) {
    return failServer(machine, error, machine.current);
  }
}

function afterPromise(
  machine: RunningMachine,
  stop: Promise<Stop | undefined>,
): Promise<RunningMachine | Stop> {
  return stop.then(
    (stop) => stop ?? runEvents(machine, machine.nextEvent()),
    (error: unknown) => failServer(machine, error, machine.current),
  );
}

function handleEvent(machine: RunningMachine, event: Queued): MaybeStop {
  machine.current = event;
  machine.timeouts.cancelEventTimeout();
  const result = machine.callStateFunction(event);
  return result instanceof Promise
    ? result.then((value) => applyResult(machine, event, value))
    : applyResult(machine, event, result);
}

/** Carries out the result of an event. */
function applyResult(
  machine: RunningMachine,
  event: Queued,
  result: unknown,
): MaybeStop {
  if (result === undefined) return;
  if (!(result instanceof Result)) {
    throw badReturn("bad_return_from_state_function", result);
  }
  if (result.data !== null) machine.data = result.data.value;
  const actions = result.actions as readonly AnyAction[];
  if (result.type === "stop") return stopMachine(machine, result);
  const before = machine.state;
  const isChange = result.type === "next" && !termEquals(before, result.state);
  const { inserted, timeouts, isPostponed } = applyActions(machine, actions);
  if (isPostponed) machine.postponed.push(event);
  if (isChange) {
    machine.state = result.state;
    machine.timeouts.cancelStateTimeout();
    if (machine.postponed.length > 0) {
      machine.queue = [...machine.postponed, ...machine.queue];
      machine.postponed = [];
    }
  }
  if (inserted.length > 0) machine.queue = [...inserted, ...machine.queue];
  return machine.plan.stateEnter && (isChange || result.type === "repeat")
    ? enterState(machine, before, timeouts)
    : startTimeouts(machine, timeouts);
}

function stopMachine(
  machine: RunningMachine,
  { actions, reason }: Result<unknown, unknown>,
): Stop | Promise<Stop> {
  applyActions(machine, actions as readonly AnyAction[]);
  return stopServer(machine, reason, machine.current);
}

/** What actions have asked for, carried out once all actions are known. */
type Requested = {
  readonly inserted: readonly Queued[];
  readonly timeouts: readonly TimeoutAction[];
  readonly isPostponed: boolean;
};

/** Carries out replies and the like, and returns what comes later. */
function applyActions(
  machine: RunningMachine,
  actions: readonly AnyAction[],
): Requested {
  const inserted: Queued[] = [];
  const timeouts: TimeoutAction[] = [];
  let isPostponed = false;
  for (const action of actions) {
    switch (action.type) {
      case "reply":
        machine.self.reply(action.from, action.value);
        break;
      case "postpone":
        isPostponed = true;
        break;
      case "nextEvent":
        inserted.push(action.event);
        break;
      case "hibernate":
        machine.self.hibernate();
        break;
      case "timeout":
      case "stateTimeout":
      case "genericTimeout":
        timeouts.push(action);
        break;
      default:
        action satisfies never;
        throw badReturn("bad_action_from_state_function", action);
    }
  }
  return { inserted, timeouts, isPostponed };
}

function startTimeouts(
  machine: RunningMachine,
  timeouts: readonly TimeoutAction[],
): undefined {
  if (timeouts.length > 0) machine.timeouts.carryOut(timeouts);
}

/**
 * Calls the enter call of the present state. The time-outs of the event start
 * after it, and then its own time-outs.
 */
function enterState(
  machine: RunningMachine,
  oldState: unknown,
  timeouts: readonly TimeoutAction[],
): MaybeStop {
  let waiting = timeouts;
  for (;;) {
    const result = machine.callStateFunction({ type: "enter", oldState });
    if (result instanceof Promise) {
      return result.then((value): MaybeStop => {
        const next = applyEnterResult(machine, value, waiting);
        return Array.isArray(next)
          ? enterState(machine, machine.state, next)
          : next as MaybeStop;
      });
    }
    const next = applyEnterResult(machine, result, waiting);
    if (!Array.isArray(next)) return next as MaybeStop;
    oldState = machine.state;
    waiting = next;
  }
}

/**
 * Carries out the result of an enter call. Returns the time-outs that have not
 * started yet if the state is to be entered again.
 */
function applyEnterResult(
  machine: RunningMachine,
  result: unknown,
  waiting: readonly TimeoutAction[],
): readonly TimeoutAction[] | MaybeStop {
  if (result === undefined) return startTimeouts(machine, waiting);
  if (
    !(result instanceof Result) ||
    result.type === "next" && !termEquals(result.state, machine.state)
  ) {
    throw badReturn("bad_state_enter_return_from_state_function", result);
  }
  if (result.data !== null) machine.data = result.data.value;
  if (result.type === "stop") return stopMachine(machine, result);
  const actions = result.actions as readonly AnyAction[];
  for (const action of actions) {
    if (action.type !== "postpone" && action.type !== "nextEvent") continue;
    throw badReturn("bad_state_enter_action_from_state_function", action);
  }
  const all = [...waiting, ...applyActions(machine, actions).timeouts];
  return result.type === "repeat" ? all : startTimeouts(machine, all);
}

/** OTP's exit reason for a result that is not allowed: `{Name, Value}`. */
function badReturn(name: string, value: unknown): ExitError {
  return new ExitError(tuple(atom(name), value));
}

// -- Start

const system: SystemHooks<RunningMachine> = {
  getState: ({ state, data }) => [state, data],
  replaceState: (machine, shown) => {
    [machine.state, machine.data] = shown as readonly [unknown, unknown];
    return machine;
  },
  formatStatus: (machine) => machine.stateForReport(),
  terminate: terminateBySystem,
};

/** The handler options of a definition with that name. */
export function optionsOf(name: string): HandlerOptions<RunningMachine> {
  return { name, system };
}

/**
 * How a definition becomes a running machine, for `startingHandler`. The
 * actions of `init` are carried out before any message.
 */
export const machineLifecycle: Lifecycle<RunningMachine, Plan> = {
  create: (plan, self, parent) => new RunningMachine(plan, self, parent),
  afterInit: (machine, first, initAck) => {
    if (!(first instanceof InitialState)) {
      throw badReturn("bad_return_from_init", first);
    }
    machine.state = first.state;
    machine.data = first.data;
    initAck();
    return beginMachine(machine, first.actions) as
      | RunningMachine
      | Promise<RunningMachine>;
  },
  handleMessage,
};

function beginMachine(
  machine: RunningMachine,
  actions: readonly AnyAction[],
): Next {
  try {
    const { inserted, timeouts, isPostponed } = applyActions(machine, actions);
    if (isPostponed) {
      throw badReturn("bad_action_from_state_function", { type: "postpone" });
    }
    machine.queue = [...inserted];
    const stop = machine.plan.stateEnter
      ? enterState(machine, machine.state, timeouts)
      : startTimeouts(machine, timeouts);
    if (stop === undefined) return runEvents(machine, machine.nextEvent());
    return stop instanceof Promise ? afterPromise(machine, stop) : stop;
  } catch (error) {
    return failServer(machine, error, machine.current);
  }
}
