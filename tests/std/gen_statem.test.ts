/** State machines in both styles: results, actions, ends, and what is shown. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type CallError,
  type Down,
  global,
  type Pid,
  reasons,
  type ReplyTo,
  type Self,
  stop as stopStart,
  sys,
  tuple,
  UsageError,
} from "../../runtime/mod.ts";
import {
  call,
  cast,
  type Client,
  type From,
  genStatem,
  ignore,
  initial,
  type Machine,
  refuse,
  reply,
  type StatemEvent,
  stop,
  takes,
} from "../../std/gen_statem.ts";
import type { StartError, StopError } from "../../std/proc_lib.ts";
import { Registry } from "../../std/registry.ts";
import { lone } from "../helpers/actors.ts";
import { waitFor } from "../helpers/wait.ts";
import { failure } from "./task_world.ts";

/** A lock with a code, once in each style. */
type State = "locked" | "open";
type Data = { readonly code: string; typed: string };
const calls = {
  press: takes<(digit: string) => boolean>(),
  state: takes<() => State>(),
  code: takes<() => string>(),
};
const casts = { close: takes<() => void>() };
type Event = StatemEvent<State, typeof calls, typeof casts>;
type Lock = Machine<State, Data, typeof calls, typeof casts>;

function locked(event: Event, lock: Lock) {
  if (event.type !== "call") return;
  if (event.name === "state") return lock.reply(event.from, "locked");
  if (event.name === "code") {
    return lock.keepStateAndData([{ type: "postpone" }]);
  }
  if (event.name === null) return lock.stop(atom("odd"));
  const typed = lock.data.typed + event.args[0];
  const isRight = typed === lock.data.code;
  lock.reply(event.from, isRight);
  return isRight
    ? lock.nextState("open", { ...lock.data, typed: "" }, [
      { type: "stateTimeout", timeoutMs: 60_000 },
    ])
    : lock.keepState({ ...lock.data, typed });
}

function open(event: Event, lock: Lock) {
  if (event.type === "cast" && event.name === "close") {
    return lock.nextState("locked");
  }
  if (event.type !== "call") return;
  if (event.name === "state") return lock.reply(event.from, "open");
  if (event.name === "code") lock.reply(event.from, lock.data.code);
}

const init = (_self: Self<unknown>, code: string) =>
  initial<State, Data>("locked", { code, typed: "" });
const styles = {
  "state functions": genStatem({
    name: "Lock",
    calls,
    casts,
    init,
    states: { locked, open },
  }),
  "one function": genStatem({
    name: "Lock",
    calls,
    casts,
    init,
    handleEvent: (event, lock) =>
      lock.state === "locked" ? locked(event, lock) : open(event, lock),
  }),
  "asynchronous functions": genStatem({
    name: "Lock",
    calls,
    casts,
    init: async (self, code: string) => await init(self, code),
    handleEvent: async (event, lock) => {
      const act = lock.state === "locked" ? locked : open;
      await Promise.resolve();
      return act(event, lock);
    },
  }),
};

describe.each(Object.entries(styles))("a machine of %s", (_style, Lock) => {
  test("goes from state to state, with a typed client", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const lock = await Lock.startLink(self, "12");
      const early: Promise<string> = lock.code();
      const first: boolean = await lock.press("1");
      expect([first, await lock.state()]).toEqual([false, "locked"]);
      expect(await lock.press("2")).toBe(true);
      // Postponed until the state has changed.
      expect(await early).toBe("12");
      expect(await lock.state()).toBe("open");
      lock.close();
      expect(await lock.state()).toBe("locked");
      // @ts-expect-error The digit is a text.
      const wrong = lock.press(1);
      expect(await wrong).toBe(false);
      expect(await call(self, lock.pid, atom("state"))).toBe("locked");
      expect(Lock.request("press", "1")).toEqual(tuple(atom("press"), "1"));
    });
  });

  test("shows state and data to sys, and has them replaced", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const lock = await Lock.startLink(self, "1");
      expect(await sys.getState(self, lock.pid))
        .toEqual(["locked", { code: "1", typed: "" }]);
      await sys.suspend(self, lock.pid);
      await sys.replaceState(self, lock.pid, () => ["open", { code: "9" }]);
      await sys.resume(self, lock.pid);
      expect(await lock.code()).toBe("9");
    });
  });

  test("has names as servers have", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const registry = await Registry.startLink<string, null>(self, {
        keys: "unique",
      });
      const via = registry.via("lock", null);
      for (const name of ["lock", { via: global, name: "lock" }, via]) {
        const { pid } = await Lock.startLink(self, "1", { name });
        const taken = await failure(Lock.start(self, "1", { name }));
        expect((taken as StartError).reason)
          .toEqual(tuple(atom("already_started"), pid));
        expect(await Lock.at(self, name).press("1")).toBe(true);
        await stop(self, name);
        const gone = await failure(Lock.at(self, name).press("1"));
        expect((gone as CallError).reason).toBe(reasons.noproc);
        const missing = await failure(stop(self, name));
        expect((missing as StopError).reason).toBe(reasons.noproc);
      }
    });
  });

  test("ends as a result says, and by what it does not know", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      const lock = await Lock.start(self, "1");
      const error = await failure(call(self, lock.pid, "what")) as CallError;
      expect(error.reason).toBe(atom("odd"));
    });
    expect(records.filter(({ fields }) => fields?.report === "server"))
      .toMatchObject([{
        message: expect.stringContaining("Lock"),
        fields: {
          lastMessage: expect.stringContaining("what"),
          state: expect.stringContaining("locked"),
        },
      }]);
  });
});

type AnyMachine = Machine<unknown, unknown>;
type Act = (machine: AnyMachine, event: StatemEvent<unknown>) => unknown;

/** Does what it is cast, in any state; else notes what it is told. */
const notes: unknown[] = [];
const make = (options: {
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

async function inMachine(
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

const answer: Act = (machine, event) => {
  machine.reply((event as { from: ReplyTo }).from, machine.state);
};

/** How it ends, by what it is told to do. */
async function endBy(
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

  test("stop with a reason, last data and replies before the end", async () => {
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

  test("that are none end the machine with OTP's reason", async () => {
    const bad = (name: string, value: unknown) => tuple(atom(name), value);
    expect(await endBy(() => "odd"))
      .toEqual(bad("bad_return_from_state_function", "odd"));
    expect(await endBy(() => Promise.resolve("odd")))
      .toEqual(bad("bad_return_from_state_function", "odd"));
    const action = { type: "odd" };
    expect(await endBy((m) => m.keepStateAndData([action as never])))
      .toEqual(bad("bad_action_from_state_function", action));
  });

  test("that are thrown end it, after its last word", async () => {
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
  test("of each kind come with their content", () =>
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
      // Only that of b is left.
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

  test("that make no sense end the machine", async () => {
    const reason = await endBy((m) =>
      m.keepStateAndData([{ type: "stateTimeout", timeoutMs: -1 }])
    );
    expect(reason).toBeInstanceOf(UsageError);
  });
});

describe("the start", () => {
  const Choosy = genStatem({
    calls: { state: takes<() => string>() },
    init: async (self, what: string) => {
      self.send(self.pid, "early");
      await Promise.resolve();
      if (what === "ignore") return ignore;
      if (what === "refuse") return refuse("not now");
      if (what === "stop") return stopStart("stopped");
      if (what === "throw") throw new Error("no disk");
      if (what === "odd") return "odd" as never;
      return initial<string, string[]>(what, [], [
        { type: "nextEvent", event: { type: "internal", content: "first" } },
        { type: "timeout", timeoutMs: 0, content: "never" },
        { type: "stateTimeout", timeoutMs: 0, content: "second" },
      ]);
    },
    handleEvent: (event, machine) => {
      if (event.type === "call") {
        if (event.name === "state") {
          return machine.reply(event.from, machine.data.join());
        }
      } else if (event.type === "info") {
        machine.data.push(event.message as string);
      } else if (event.type !== "cast" && event.type !== "enter") {
        machine.data.push(event.content as string);
      }
    },
  });

  test("does what `init` asks for before any message", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const machine = await Choosy.startLink(self, "fine");
      expect(await machine?.state()).toBe("first,second,early");
    });
  });

  test("may be ignored, refused, stopped and fail", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self) => {
      expect(await Choosy.start(self, "ignore")).toBeNull();
      const reasonOf = async (what: string) =>
        (await failure(Choosy.start(self, what)) as StartError).reason;
      expect(await reasonOf("refuse")).toBe("not now");
      expect(await reasonOf("stop")).toBe("stopped");
      expect(await reasonOf("throw")).toEqual(new Error("no disk"));
      expect(await reasonOf("odd"))
        .toEqual(tuple(atom("bad_return_from_init"), "odd"));
    });
  });

  test("refuses definitions that make no sense", () => {
    const { init } = { init: () => initial("a", null) };
    expect(() => genStatem({ init } as never)).toThrow("got neither");
    const both = { init, states: {}, handleEvent: () => {} };
    expect(() => genStatem(both as never)).toThrow("got both");
    expect(() =>
      genStatem({
        init,
        calls: { then: takes<() => void>() },
        handleEvent: () => {},
      })
    ).toThrow(UsageError);
    expect(takes()).toThrow(UsageError);
  });

  test("of a machine without a function for its state ends it", async () => {
    const { node } = await lone({ log: () => {} });
    const Odd = genStatem({
      init: () => initial("nowhere", null),
      states: { somewhere: () => {} },
    });
    await node.run(async (self) => {
      const machine = await Odd.start(self);
      const error = await failure(call(self, machine.pid, 1)) as CallError;
      expect(String(error.reason)).toContain("expected a state of GenStatem");
    });
  });
});

describe("the end", () => {
  test("comes with the parent's if exits are trapped, with a last word", async () => {
    const { node } = await lone({ log: () => {} });
    for (const trapExits of [true, false]) {
      notes.length = 0;
      let pid: Pid<never> | null = null;
      const parent = node.spawn(async (self) => {
        pid = (await make({ trapExits }).startLink(self)).pid;
        self.exit(await self.receive());
      });
      await waitFor(() => pid !== null, { what: "the start" });
      await node.run(async (self) => {
        const ref = self.monitor(pid as unknown as Pid);
        self.send(parent as Pid<unknown>, reasons.shutdown);
        expect(await self.receive(ref)).toMatchObject({
          reason: reasons.shutdown,
        });
      });
      const word = ["end", reasons.shutdown, 0, "data"];
      expect(notes).toEqual(trapExits ? [word] : []);
    }
  });

  test("is told to callers whose calls are postponed", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self) => {
      const lock = await styles["state functions"].start(self, "1");
      const open = failure(lock.code());
      await lock.state();
      await stop(self, lock.pid, reasons.shutdown);
      expect((await open as CallError).reason).toBe(reasons.shutdown);
    });
  });

  test("shows reports what `formatStatus` makes of state and data", async () => {
    const { node, records } = await lone();
    const Secret = genStatem({
      init: (_self, isBad: boolean) => initial("on", { isBad, pass: "geheim" }),
      formatStatus: (state, { isBad }) => {
        if (isBad) throw new Error("bad");
        return `${state} without a password`;
      },
      states: {
        on: (): undefined => {
          throw new Error("oops");
        },
      },
    });
    await node.run(async (self) => {
      for (const isBad of [false, true]) {
        const { pid } = await Secret.start(self, isBad);
        expect(String(await sys.getStatus(self, pid))).not.toContain("geheim");
        await failure(call(self, pid, 1));
      }
    });
    const reports = records.filter(({ fields }) => fields?.report === "server");
    expect(reports.map(({ fields }) => fields?.["state"])).toEqual([
      '"on without a password"',
      '"formatStatus has thrown"',
    ]);
  });
});

test("calls are answered later, by the machine or by others", async () => {
  const { node } = await lone();
  const Desk = genStatem({
    calls: { wait: takes<() => number>() },
    casts: { go: takes<(n: number) => void>(), hand: takes<() => void>() },
    init: () => initial("on", [] as From<number>[]),
    states: {
      on: (event, machine) => {
        if (event.type === "call" && event.name === "wait") {
          machine.data.push(event.from);
          return machine.keepStateAndData([{ type: "hibernate" }]);
        }
        if (event.type === "cast" && event.name === "go") {
          const [n] = event.args;
          for (const from of machine.data.splice(0)) machine.reply(from, n);
        }
        if (event.type === "cast" && event.name === "hand") {
          const [from] = machine.data.splice(0);
          machine.self.spawn((other) => reply(other, from as ReplyTo, 7));
        }
        return machine.keepStateAndData();
      },
    },
  });
  await node.run(async (self) => {
    const desk: Client<unknown, unknown> & {
      wait(): Promise<number>;
      go(n: number): void;
      hand(): void;
    } = await Desk.startLink(self);
    const both = Promise.all([desk.wait(), desk.wait()]);
    desk.go(5);
    expect(await both).toEqual([5, 5]);
    const one = desk.wait();
    desk.hand();
    expect(await one).toBe(7);
    const late = await failure(
      Desk.at(self, desk.target, { timeoutMs: 0 })
        .wait(),
    );
    expect((late as CallError).reason).toBe("timeout");
    desk.go(1);
    const next = desk.wait();
    desk.go(2);
    expect(await next).toBe(2);
    expect(self.info()?.mailboxLength).toBe(0);
  });
});
