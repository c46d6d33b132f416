/** Machines of each style whose steps follow a script. */
import type { Self } from "../../../runtime/mod.ts";
import {
  type Action,
  genStatem,
  initial,
  type Machine,
  type StatemEvent,
} from "../../../std/gen_statem/mod.ts";
import type { Decision, Kind, states, Step, TimeoutStep } from "./model.ts";

export type State = typeof states[number];
/** The script of the steps, and the calls so far. */
export type Data = {
  readonly decide: (step: number) => Decision;
  readonly trace: Step[];
};
export type AnyEvent = StatemEvent<State>;

function actionOf({ kind, ms, content }: TimeoutStep): Action {
  const of: Readonly<Record<Kind, object>> = {
    timeout: { type: "timeout" },
    state: { type: "stateTimeout" },
    x: { type: "genericTimeout", name: "x" },
    y: { type: "genericTimeout", name: ["y"] },
  };
  const how = ms === "cancel"
    ? { cancel: true }
    : ms === "update"
    ? { update: content }
    : { timeoutMs: ms, content };
  return { ...of[kind], ...how } as Action;
}

export function nameOf(event: AnyEvent): string {
  switch (event.type) {
    case "enter":
      return `enter from ${event.oldState}`;
    case "info":
      return event.message as string;
    case "cast":
    case "call":
      return event.request as string;
    default:
      return event.content as string;
  }
}

function step(event: AnyEvent, machine: Machine<State, Data>) {
  const { decide, trace } = machine.data;
  const decision = decide(trace.length);
  trace.push({ state: machine.state, event: nameOf(event) });
  const timeouts = decision.timeouts.map(actionOf);
  if (event.type === "enter") return machine.keepStateAndData(timeouts);
  if (event.type === "call") machine.reply(event.from, null);
  const actions: Action[] = [
    ...(decision.isPostponed && event.type !== "call"
      ? [{ type: "postpone" } as const]
      : []),
    ...decision.inserted.map((content) => ({
      type: "nextEvent",
      event: { type: "internal", content },
    } as const)),
    ...timeouts,
  ];
  if (decision.next !== null) {
    return machine.nextState(decision.next as State, machine.data, actions);
  }
  return decision.isRepeat
    ? machine.repeatStateAndData(actions)
    : machine.keepState(machine.data, actions);
}

const options = {
  stateEnter: true,
  init: (_self: Self<unknown>, data: Data) => initial<State, Data>("a", data),
};
export const ways = {
  "state functions": genStatem({
    ...options,
    states: { a: step, b: step, c: step },
  }),
  "one function": genStatem({ ...options, handleEvent: step }),
  "asynchronous functions": genStatem({
    ...options,
    handleEvent: async (event, machine) => {
      const result = step(event, machine);
      await Promise.resolve();
      return result;
    },
  }),
};
