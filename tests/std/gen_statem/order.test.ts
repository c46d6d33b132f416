/** The order of a state machine's events, against a model of OTP's rules. */
import { expect, test } from "vitest";
import type { Pid } from "../../../runtime/mod.ts";
import {
  genStatem,
  initial,
  type Machine,
} from "../../../std/gen_statem/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { decide, Model, type Step } from "./model.ts";
import { type AnyEvent, type Data, nameOf, ways } from "./ordered.ts";

for (const [name, Random] of Object.entries(ways)) {
  test(`under random schedules, ${name} keep to the order of OTP`, async () => {
    let steps = 0;
    await simulateSeeds({ count: 70 }, async (sim) => {
      const node = await sim.start("a@sim");
      const data: Data = {
        decide: (step) => decide(sim.seed, step),
        trace: [],
      };
      const messages = Array.from({ length: 12 }, (_, n) => `message ${n}`);
      await node.run(async (self) => {
        const { pid } = await Random.start(self, data);
        for (const message of messages) {
          if (sim.below(2) === 0) self.cast(pid, message);
          else self.send(pid as Pid<unknown>, message);
          if (sim.below(3) === 0) await sleep(self, sim.below(6));
        }
        // Until every timer has fired.
        await sleep(self, 1_000);
        expect(self.isActorAlive(pid as Pid)).toBe(true);
      });
      const model = new Model(sim.seed, messages);
      model.accept(data.trace);
      expect(model.messages).toEqual([]);
      expect(model.queue).toEqual([]);
      expect(model.running).toEqual([]);
      steps += data.trace.length;
    });
    expect(steps).toBeGreaterThan(200);
  });
}

test("the model refuses a wrong order", () => {
  const seed = 1;
  const data: Step[] = [{ state: "a", event: "enter from a" }];
  const accept = (...more: Step[]) =>
    new Model(seed, ["message 0", "message 1"]).accept([...data, ...more]);
  const { due } = (() => {
    const model = new Model(seed, ["message 0"]);
    model.accept(data);
    return model;
  })();
  const first = due ?? "message 0";
  expect(() => accept({ state: "a", event: first })).not.toThrow("at step 1");
  expect(() => accept({ state: "a", event: "message 1" })).toThrow("at step 1");
  expect(() => accept({ state: "b", event: first })).toThrow("at step 1");
});

/** Carries out the actions in its events, and records the events. */
const Told = genStatem({
  init: () => initial<unknown, unknown[]>("first", []),
  handleEvent: (event, machine) => {
    if (event.type === "cast") {
      const act = event.request as (m: typeof machine) => undefined;
      return act(machine);
    }
    machine.data.push([machine.state, nameOf(event as AnyEvent)]);
    if (event.type === "call") machine.reply(event.from, machine.data);
  },
});

test("inserted, postponed, due and external events come in this order", async () => {
  const { node } = await lone();
  await node.run(async (self) => {
    const { pid } = await Told.startLink(self);
    let isPostponing = true;
    self.cast(pid, (m: Machine<unknown, unknown>) =>
      m.keepStateAndData([
        { type: "postpone" },
      ]));
    void isPostponing;
    // The postponed event acts again in the second state.
    isPostponing = false;
    self.cast(
      pid,
      (m: Machine<unknown, unknown>) =>
        m.nextState(["second"], undefined, [
          { type: "timeout", timeoutMs: 0, content: "event" },
          { type: "stateTimeout", timeoutMs: 0, content: "state" },
          { type: "genericTimeout", name: 1, timeoutMs: 0, content: "generic" },
          {
            type: "nextEvent",
            event: { type: "internal", content: "first in" },
          },
          { type: "nextEvent", event: { type: "info", message: "second in" } },
        ]),
    );
    self.send(pid as Pid<unknown>, "external");
    const log = await self.call(pid, "call");
    expect(log).toEqual([
      [["second"], "first in"],
      [["second"], "second in"],
      // The event time-out was cancelled by the events before it.
      [["second"], "state"],
      [["second"], "generic"],
      [["second"], "external"],
      [["second"], "call"],
    ]);
  });
});

test("events postponed in one state come in the old order in another state", async () => {
  const { node } = await lone();
  const seen: unknown[] = [];
  const Back = genStatem({
    init: () => initial<"x" | "y", null>("x", null),
    handleEvent: (event, machine) => {
      const name = nameOf(event as AnyEvent);
      seen.push(`${machine.state} ${name}`);
      if (event.type === "call") return machine.reply(event.from, null);
      if (name === "x again" || name === "y") {
        const state = name === "y" ? "y" : "x";
        return machine.nextState(state);
      }
      if (machine.state === "x" && seen.length < 6) {
        return machine.keepStateAndData([{ type: "postpone" }]);
      }
    },
  });
  await node.run(async (self) => {
    const { pid } = await Back.startLink(self);
    const to = pid as Pid<unknown>;
    self.send(to, "1");
    self.send(to, "2");
    // The same state by value: postponed events stay postponed.
    self.send(to, "x again");
    self.send(to, "3");
    self.send(to, "y");
    self.send(to, "4");
    await self.call(pid, "done");
    expect(seen).toEqual([
      "x 1",
      "x 2",
      "x x again",
      "x 3",
      "x y",
      "y 1",
      "y 2",
      "y 3",
      "y 4",
      "y done",
    ]);
  });
});
