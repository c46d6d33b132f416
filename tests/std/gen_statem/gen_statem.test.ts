/** State machines in both styles: results, actions, termination, reports. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type CallError,
  global,
  type Pid,
  reasons,
  type ReplyTo,
  type Self,
  stop as stopStart,
  sys,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  call,
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
} from "../../../std/gen_statem/mod.ts";
import type { StartError, StopError } from "../../../std/proc_lib/mod.ts";
import { Registry } from "../../../std/registry/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { make, notes } from "./world.ts";
import { failure } from "../task/world.ts";

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
  test("changes its state, with a typed client", async () => {
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

  test("shows state and data to sys, which can replace them", async () => {
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

  test("ends as a result says, and by an unknown request", async () => {
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

  test("carries out the actions of `init` before any message", async () => {
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

  test("refuses definitions that are not valid", () => {
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
  test("comes with the parent's if exits are trapped, after `terminate`", async () => {
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

  test("is reported with the state and data that `formatStatus` returns", async () => {
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

test("calls are answered later, by the machine or by another actor", async () => {
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
