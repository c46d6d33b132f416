/**
 * The life of one state machine: which event is next, and what its result does.
 * The typed face is in `std/gen_statem/mod.ts`.
 *
 * Events are handled in this order: those inserted by `nextEvent`, those that a
 * state change has freed, time-outs of 0 ms, and then the mailbox. Where no
 * callback returns a promise, none is made.
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
import type { Life, Startable } from "../gen_server/starting.ts";
import {
  type Ending,
  fail,
  finish,
  finishBySystem,
  formatted,
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

/** A definition, ready to be run. */
export type Plan = Startable<RunningMachine> & {
  readonly name: string;
  readonly stateEnter: boolean;
  /** Names of calls and casts, by the atom that begins the request. */
  readonly calls: Names;
  readonly casts: Names;
  /** By state; null when one function is for all. */
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

/** What `handleMessage` returns, as a handler has to. */
type Next = RunningMachine | Stop | Promise<RunningMachine | Stop>;
/** Undefined when the machine goes on. */
type Ended = Stop | undefined | Promise<Stop | undefined>;

export class RunningMachine implements Machine<unknown, unknown>, Ending {
  readonly plan: Plan;
  readonly self: Self<unknown>;
  /** Whose exit signal is an order to end; null without a link. */
  readonly parent: Pid | null;
  state: unknown = undefined;
  data: unknown = undefined;
  /** For reports. */
  current: unknown = atom("init");
  /** Events that wait for a change of the state, the oldest first. */
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

  // -- Its end, and what is shown of it

  get kind(): string {
    return this.plan.name;
  }

  shownState(): unknown {
    const { formatStatus } = this.plan;
    const both = [this.state, this.data] as const;
    if (formatStatus === undefined) return both;
    return formatted(() => formatStatus(...both as [never, never]), both);
  }

  lastWord(reason: ExitReason): unknown {
    return this.plan.terminate?.(this, reason);
  }

  // -- What state functions call

  reply(to: ReplyTo, value: unknown): void {
    this.self.reply(to, value);
  }

  nextState(
    state: unknown,
    ...more: [data?: unknown, actions?: readonly AnyAction[]]
  ): Result<unknown, unknown> {
    return new Result("next", state, given(more), more[1] ?? []);
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
      given(data),
      replies,
      reason,
    );
  }

  // -- Events

  /** The event that comes before the mailbox; null when there is none. */
  nextEvent(): Queued | null {
    return this.queue.shift() ?? this.timeouts.takeDue();
  }

  call(event: AnyEvent): unknown {
    const { states, handleEvent } = this.plan;
    const callback = handleEvent ?? states?.get(this.state);
    if (callback !== undefined) return callback(event, this);
    throw new UsageError(
      `expected a state of ${this.kind} that has a function, got ${
        printTerm(this.state)
      }`,
    );
  }
}

function given(
  more: readonly [data?: unknown, ...rest: unknown[]],
): { readonly value: unknown } | null {
  // Undefined before actions is left out as well.
  return more.length === 0 || (more.length > 1 && more[0] === undefined)
    ? null
    : { value: more[0] };
}

/** One message, as a handler takes it. */
function handleMessage(machine: RunningMachine, message: unknown): Next {
  if (message instanceof Call) {
    return run(machine, callEvent(machine.plan.calls, message));
  }
  if (message instanceof Cast) {
    return run(machine, castEvent(machine.plan.casts, message));
  }
  if (message instanceof Timeout && message.message === FIRED) {
    return run(machine, machine.timeouts.fired(message));
  }
  if (message instanceof Exit && message.from === machine.parent) {
    return finish(machine, message.reason, message);
  }
  return run(machine, { type: "info", message });
}

/** Handles an event, and after it all that come before the mailbox. */
function run(machine: RunningMachine, first: Queued | null): Next {
  try {
    for (
      let event = first;
      event !== null;
      event = machine.nextEvent()
    ) {
      const ended = handle(machine, event);
      if (ended === undefined) continue;
      return ended instanceof Promise ? whenDone(machine, ended) : ended;
    }
    return machine;
  } catch (error) {
    return fail(machine, error, machine.current);
  }
}

function whenDone(
  machine: RunningMachine,
  ended: Promise<Stop | undefined>,
): Promise<RunningMachine | Stop> {
  return ended.then(
    (stop) => stop ?? run(machine, machine.nextEvent()),
    (error: unknown) => fail(machine, error, machine.current),
  );
}

function handle(machine: RunningMachine, event: Queued): Ended {
  machine.current = event;
  machine.timeouts.eventComes();
  const result = machine.call(event);
  return result instanceof Promise
    ? result.then((value) => conclude(machine, event, value))
    : conclude(machine, event, result);
}

/** What an event's result does. */
function conclude(
  machine: RunningMachine,
  event: Queued,
  result: unknown,
): Ended {
  if (result === undefined) return;
  if (!(result instanceof Result)) {
    throw badReturn("bad_return_from_state_function", result);
  }
  if (result.data !== null) machine.data = result.data.value;
  const actions = result.actions as readonly AnyAction[];
  if (result.type === "stop") return end(machine, result);
  const before = machine.state;
  const isChange = result.type === "next" && !termEquals(before, result.state);
  const { inserted, timeouts, isPostponed } = apply(machine, actions);
  if (isPostponed) machine.postponed.push(event);
  if (isChange) {
    machine.state = result.state;
    machine.timeouts.stateChanges();
    if (machine.postponed.length > 0) {
      machine.queue = [...machine.postponed, ...machine.queue];
      machine.postponed = [];
    }
  }
  if (inserted.length > 0) machine.queue = [...inserted, ...machine.queue];
  return machine.plan.stateEnter && (isChange || result.type === "repeat")
    ? enter(machine, before, timeouts)
    : start(machine, timeouts);
}

function end(
  machine: RunningMachine,
  { actions, reason }: Result<unknown, unknown>,
): Stop | Promise<Stop> {
  apply(machine, actions as readonly AnyAction[]);
  return finish(machine, reason, machine.current);
}

/** What actions have asked for and is done when all are known. */
type Asked = {
  readonly inserted: readonly Queued[];
  readonly timeouts: readonly TimeoutAction[];
  readonly isPostponed: boolean;
};

function apply(machine: RunningMachine, actions: readonly AnyAction[]): Asked {
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

function start(
  machine: RunningMachine,
  timeouts: readonly TimeoutAction[],
): undefined {
  if (timeouts.length > 0) machine.timeouts.apply(timeouts);
}

/**
 * The enter call of the present state. Time-outs that the event has asked for
 * start after it, and those of its own after them.
 */
function enter(
  machine: RunningMachine,
  oldState: unknown,
  timeouts: readonly TimeoutAction[],
): Ended {
  let waiting = timeouts;
  for (;;) {
    const result = machine.call({ type: "enter", oldState });
    if (result instanceof Promise) {
      return result.then((value): Ended => {
        const next = entered(machine, value, waiting);
        return Array.isArray(next)
          ? enter(machine, machine.state, next)
          : next as Ended;
      });
    }
    const next = entered(machine, result, waiting);
    if (!Array.isArray(next)) return next as Ended;
    oldState = machine.state;
    waiting = next;
  }
}

/** Gives the time-outs that still wait when the state is entered once more. */
function entered(
  machine: RunningMachine,
  result: unknown,
  waiting: readonly TimeoutAction[],
): readonly TimeoutAction[] | Ended {
  if (result === undefined) return start(machine, waiting);
  if (
    !(result instanceof Result) ||
    result.type === "next" && !termEquals(result.state, machine.state)
  ) {
    throw badReturn("bad_state_enter_return_from_state_function", result);
  }
  if (result.data !== null) machine.data = result.data.value;
  if (result.type === "stop") return end(machine, result);
  const actions = result.actions as readonly AnyAction[];
  for (const action of actions) {
    if (action.type !== "postpone" && action.type !== "nextEvent") continue;
    throw badReturn("bad_state_enter_action_from_state_function", action);
  }
  const all = [...waiting, ...apply(machine, actions).timeouts];
  return result.type === "repeat" ? all : start(machine, all);
}

/** OTP's exit reasons, `{Name, Value}`. */
function badReturn(name: string, value: unknown): ExitError {
  return new ExitError(tuple(atom(name), value));
}

// -- Its beginning

const system: SystemHooks<RunningMachine> = {
  getState: ({ state, data }) => [state, data],
  replaceState: (machine, shown) => {
    [machine.state, machine.data] = shown as readonly [unknown, unknown];
    return machine;
  },
  formatStatus: (machine) => machine.shownState(),
  terminate: finishBySystem,
};

/** The options of a plan with that name. */
export function optionsOf(name: string): HandlerOptions<RunningMachine> {
  return { name, system };
}

/**
 * How a machine comes to life, for `startedBy`. What `init` asks for is done
 * before any message.
 */
export const machineLife: Life<RunningMachine, Plan> = {
  make: (plan, self, parent) => new RunningMachine(plan, self, parent),
  settle: (machine, first, initAck) => {
    if (!(first instanceof InitialState)) {
      throw badReturn("bad_return_from_init", first);
    }
    machine.state = first.state;
    machine.data = first.data;
    initAck();
    return begin(machine, first.actions) as
      | RunningMachine
      | Promise<RunningMachine>;
  },
  handle: handleMessage,
};

function begin(machine: RunningMachine, actions: readonly AnyAction[]): Next {
  try {
    const { inserted, timeouts, isPostponed } = apply(machine, actions);
    if (isPostponed) {
      throw badReturn("bad_action_from_state_function", { type: "postpone" });
    }
    machine.queue = [...inserted];
    const ended = machine.plan.stateEnter
      ? enter(machine, machine.state, timeouts)
      : start(machine, timeouts);
    if (ended === undefined) return run(machine, machine.nextEvent());
    return ended instanceof Promise ? whenDone(machine, ended) : ended;
  } catch (error) {
    return fail(machine, error, machine.current);
  }
}
