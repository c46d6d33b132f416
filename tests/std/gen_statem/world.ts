/** A state machine that runs functions of the test, for tests of the rules. */
import type { Down, Pid, ReplyTo, Self } from "../../../runtime/mod.ts";
import {
  call,
  cast,
  genStatem,
  initial,
  type Machine,
  type StatemEvent,
} from "../../../std/gen_statem/mod.ts";
import { lone } from "../../helpers/actors.ts";

export type AnyMachine = Machine<unknown, unknown>;
export type Act = (machine: AnyMachine, event: StatemEvent<unknown>) => unknown;

/** Runs the functions that it is cast or called with; records other events. */
export const notes: unknown[] = [];
export const make = (options: {
  readonly stateEnter?: boolean;
  readonly trapExits?: boolean;
  readonly onEnter?: Act;
  readonly last?: (machine: AnyMachine, reason: unknown) => unknown;
} = {}) =>
  genStatem({
    ...options,
    init: () => initial<unknown, unknown>(0, "data"),
    handleEvent: (event, machine) => {
      if (event.type === "enter") {
        notes.push([machine.state, "enter", event.oldState]);
        return options.onEnter?.(machine, event) as undefined;
      }
      if (event.type === "call" || event.type === "cast") {
        const act = event.request as Act;
        return act(machine, event) as undefined;
      }
      const { type, ...rest } = event;
      notes.push([machine.state, type, ...Object.values(rest)]);
    },
    terminate: (machine, reason) => {
      notes.push(["end", reason, machine.state, machine.data]);
      return options.last?.(machine, reason);
    },
  });

export async function inMachine(
  options: Parameters<typeof make>[0],
  body: (
    does: (act: Act) => void,
    asks: (act: Act) => Promise<unknown>,
    self: Self<unknown>,
    pid: Pid<never>,
  ) => Promise<void>,
): Promise<void> {
  notes.length = 0;
  const { node } = await lone({ log: () => {} });
  await node.run(async (self) => {
    const { pid } = await make(options).start(self);
    await body(
      (act) => cast(self, pid, act),
      (act) => call(self, pid, act),
      self,
      pid,
    );
  });
}

export const answer: Act = (machine, event) => {
  machine.reply((event as { from: ReplyTo }).from, machine.state);
};

/** The exit reason of a machine that runs a function. */
export async function endBy(
  act: Act,
  options: Parameters<typeof make>[0] = {},
): Promise<unknown> {
  let reason: unknown;
  await inMachine(options, async (does, _asks, self, pid) => {
    const ref = self.monitor(pid as Pid);
    does(act);
    ({ reason } = await self.receive(ref) as Down);
  });
  return reason;
}
