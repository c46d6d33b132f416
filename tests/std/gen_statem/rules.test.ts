/** The rules of results, enter calls and time-outs of state machines. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type Pid,
  reasons,
  type ReplyTo,
  sys,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { waitFor } from "../../helpers/wait.ts";
import { type Act, answer, endBy, inMachine, notes } from "./world.ts";

describe("results", () => {
  test("keep or change state and data", () =>
    inMachine({}, async (does, asks, self, pid) => {
      does((m) => m.nextState({ at: 1 }));
      expect(await asks(answer)).toEqual({ at: 1 });
      does((m) => m.keepState("other"));
      expect(await sys.getState(self, pid)).toEqual([{ at: 1 }, "other"]);
      does((m) => m.keepStateAndData());
      does((m) => m.nextState(2, "third"));
      does((m) => {
        m.data = [m.data];
      });
      expect(await sys.getState(self, pid)).toEqual([2, ["third"]]);
      does((m) => m.nextState(3, undefined, []));
      expect(await sys.getState(self, pid)).toEqual([3, ["third"]]);
    }));

  test("stop with a reason, final data and replies before the end", async () => {
    expect(await endBy((m) => m.stop())).toBe(reasons.normal);
    expect(await endBy((m) => m.stop("why", "last"))).toBe("why");
    expect(notes).toEqual([["end", "why", 0, "last"]]);
    await inMachine({}, async (does, asks, self, pid) => {
      const kept: ReplyTo[] = [];
      does((m) => m.nextState(1));
      const first = asks((_m, event) => {
        kept.push((event as { from: ReplyTo }).from);
      });
      const ref = self.monitor(pid as Pid);
      const second = asks((m, event) =>
        m.stopAndReply(
          reasons.shutdown,
          [...kept, (event as { from: ReplyTo }).from].map((from, value) => ({
            type: "reply",
            from,
            value,
          })),
          "last",
        )
      );
      expect(await Promise.all([first, second])).toEqual([0, 1]);
      expect(await self.receive(ref)).toMatchObject({
        reason: reasons.shutdown,
      });
    });
    expect(notes).toEqual([["end", reasons.shutdown, 1, "last"]]);
  });

  test("of another type end the machine with OTP's reason", async () => {
    const bad = (name: string, value: unknown) => tuple(atom(name), value);
    expect(await endBy(() => "odd"))
      .toEqual(bad("bad_return_from_state_function", "odd"));
    expect(await endBy(() => Promise.resolve("odd")))
      .toEqual(bad("bad_return_from_state_function", "odd"));
    const action = { type: "odd" };
    expect(await endBy((m) => m.keepStateAndData([action as never])))
      .toEqual(bad("bad_action_from_state_function", action));
  });

  test("that are thrown end the machine, after `terminate`", async () => {
    const oops = new Error("oops");
    const fails: Act[] = [
      () => {
        throw oops;
      },
      () => Promise.reject(oops),
      async (m) => {
        await Promise.resolve();
        m.self.exit(oops);
      },
    ];
    for (const fail of fails) {
      const last = async () => await Promise.resolve();
      expect(await endBy(fail, { last })).toBe(oops);
      expect(notes).toEqual([["end", oops, 0, "data"]]);
    }
  });
});

describe("enter calls", () => {
  test("come at the start, at each change, and when a state is repeated", () =>
    inMachine({ stateEnter: true }, async (does, asks) => {
      await asks(answer);
      does((m) => m.nextState(1));
      does((m) => m.nextState(1));
      does((m) => m.keepStateAndData());
      does((m) => m.repeatStateAndData());
      does((m) => m.repeatState("more"));
      does((m) => m.nextState(0));
      await asks(answer);
      expect(notes).toEqual([
        [0, "enter", 0],
        [1, "enter", 0],
        [1, "enter", 1],
        [1, "enter", 1],
        [0, "enter", 1],
      ]);
    }));

  test("may reply, start time-outs, repeat and stop", async () => {
    let left = 2;
    await inMachine({
      stateEnter: true,
      onEnter: (m) => {
        if (m.state === 0) return;
        const actions = [
          { type: "stateTimeout", timeoutMs: 0, content: left } as const,
        ];
        return left-- > 0
          ? m.repeatState(left, actions)
          : m.keepState("entered", actions);
      },
    }, async (does, asks, self, pid) => {
      does((m) =>
        m.nextState(1, undefined, [
          { type: "stateTimeout", timeoutMs: 0, content: "replaced" },
        ])
      );
      await asks(answer);
      expect(notes.slice(1)).toEqual([
        [1, "enter", 0],
        [1, "enter", 1],
        [1, "enter", 1],
        [1, "stateTimeout", 0],
      ]);
      expect(await sys.getState(self, pid)).toEqual([1, "entered"]);
    });
    const onEnter: Act = (m) => m.state === 1 ? m.stop("entered") : undefined;
    expect(await endBy((m) => m.nextState(1), { stateEnter: true, onEnter }))
      .toBe("entered");
  });

  test("may not change the state, postpone or insert events", async () => {
    const name = "bad_state_enter_action_from_state_function";
    const nextEvent = {
      type: "nextEvent",
      event: { type: "internal", content: 1 },
    } as const;
    for (const action of [{ type: "postpone" } as const, nextEvent]) {
      const onEnter: Act = (m) =>
        m.state === 1 ? m.keepStateAndData([action]) : undefined;
      const go: Act = (m) => m.nextState(1);
      expect(await endBy(go, { stateEnter: true, onEnter }))
        .toEqual(tuple(atom(name), action));
    }
    for (const isLater of [false, true]) {
      const onEnter: Act = (m) => {
        const result = m.nextState(2);
        return m.state === 1
          ? isLater ? Promise.resolve(result) : result
          : undefined;
      };
      const reason = await endBy((m) => m.nextState(1), {
        stateEnter: true,
        onEnter,
      });
      expect(String(reason))
        .toContain("bad_state_enter_return_from_state_function");
    }
  });
});

describe("time-outs", () => {
  test("of each type come with their content", () =>
    inMachine({}, async (does) => {
      does((m) =>
        m.keepStateAndData([
          { type: "genericTimeout", name: ["g"], timeoutMs: 1, content: "g" },
          { type: "stateTimeout", timeoutMs: 2, content: "s" },
        ])
      );
      await waitFor(() => notes.length === 2, { what: "two time-outs" });
      does((m) =>
        m.keepStateAndData([{ type: "timeout", timeoutMs: 1, content: "e" }])
      );
      await waitFor(() => notes.length === 3, { what: "the third" });
      expect(notes).toEqual([
        [0, "genericTimeout", ["g"], "g"],
        [0, "stateTimeout", "s"],
        [0, "timeout", "e"],
      ]);
    }));

  test("can be cancelled, replaced and updated", () =>
    inMachine({}, async (does, asks, self, pid) => {
      const far = 60_000;
      does((m) =>
        m.keepStateAndData([
          { type: "stateTimeout", timeoutMs: far },
          { type: "genericTimeout", name: "a", timeoutMs: far },
          { type: "genericTimeout", name: "b", timeoutMs: far },
          { type: "genericTimeout", name: "c", timeoutMs: far },
          { type: "timeout", timeoutMs: far },
        ])
      );
      const timers = () => self.info(pid as Pid)?.timers;
      expect(await sys.getState(self, pid)).toEqual([0, "data"]);
      expect(timers()).toBe(5);
      does((m) =>
        m.keepStateAndData([
          { type: "stateTimeout", cancel: true },
          { type: "genericTimeout", name: "a", timeoutMs: Infinity },
          { type: "genericTimeout", name: "b", update: "new" },
          { type: "genericTimeout", name: "c", timeoutMs: 0, content: "now" },
          { type: "genericTimeout", name: "d", update: "at once" },
        ])
      );
      await asks(answer);
      expect(notes).toEqual([
        [0, "genericTimeout", "c", "now"],
        [0, "genericTimeout", "d", "at once"],
      ]);
      // Only the time-out of b is left.
      expect(timers()).toBe(1);
    }));

  test("of a state end with it, generic ones go on", () =>
    inMachine({}, async (does, asks, self, pid) => {
      const far = 60_000;
      does((m) =>
        m.nextState(1, undefined, [
          { type: "stateTimeout", timeoutMs: far },
          { type: "genericTimeout", name: "a", timeoutMs: far },
        ])
      );
      does((m) => m.nextState(1));
      await asks(answer);
      expect(self.info(pid as Pid)?.timers).toBe(2);
      does((m) => m.nextState(2));
      await asks(answer);
      expect(self.info(pid as Pid)?.timers).toBe(1);
      does((m) => m.stop());
    }));

  test("that are not valid end the machine", async () => {
    const reason = await endBy((m) =>
      m.keepStateAndData([{ type: "stateTimeout", timeoutMs: -1 }])
    );
    expect(reason).toBeInstanceOf(UsageError);
  });
});
