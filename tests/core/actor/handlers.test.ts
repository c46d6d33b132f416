/** Handler actors: one synchronous call per message. */
import { describe, expect, test } from "vitest";
import {
  atom,
  Down,
  Exit,
  handler,
  type Pid,
  reasons,
  type Self,
  stop,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  crashReports,
  exitOnDemand,
  isDown,
  isExit,
  lone,
} from "../../helpers/actors.ts";

type Count = { add: number } | { ask: Pid<number> };

const counter = (init: number) =>
  handler(init, (total: number, message: Count, self: Self<Count>) => {
    if ("add" in message) return total + message.add;
    self.send(message.ask, total);
    return total;
  });

describe("state", () => {
  test("goes from message to message", async () => {
    const { node } = await lone();
    const total = await node.run(async (self: Self<number>) => {
      const pid = self.spawn(counter(10));
      for (let i = 1; i <= 100; i++) self.send(pid, { add: i });
      self.send(pid, { ask: self.pid });
      return await self.receive();
    });
    expect(total).toBe(10 + 5_050);
  });

  test("is each actor's own, made by the init function from self", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const behaviour = handler(
        (me: Self<string>) => ({ me: me.pid, seen: [] as string[] }),
        (state, message: string, me) => {
          state.seen.push(message);
          me.send(self.pid, { ...state, seen: [...state.seen] });
          return state;
        },
      );
      const [a, b] = [self.spawn(behaviour), self.spawn(behaviour)];
      self.send(a, "one");
      expect(await self.receive()).toEqual({ me: a, seen: ["one"] });
      self.send(b, "two");
      expect(await self.receive()).toEqual({ me: b, seen: ["two"] });
    });
  });

  test("may be anything, undefined and objects that are not terms too", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const state of [undefined, null, 0, "", atom("x"), new Map()]) {
        const pid = self.spawn(handler(state, (s, _m: string) => {
          self.send(self.pid, { state: s });
          return s;
        }));
        self.send(pid, "tell");
        expect(await self.receive()).toEqual({ state });
      }
    });
  });
});

describe("init", () => {
  test("runs before the first message, as the actor's own act", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const parent = self.pid;
      const pid = self.spawn(handler(
        (me: Self<unknown>) => {
          me.link(parent);
          me.register("initialised");
          me.send(parent, "init");
          return 0;
        },
        (n: number, message: unknown, me) => {
          me.send(parent, message);
          return n;
        },
      ));
      self.send(pid, "first");
      expect(await self.receive()).toBe("init");
      expect(await self.receive()).toBe("first");
      expect(self.whereis("initialised")).toBe(pid);
      self.unlink(pid);
    });
  });

  test("that throws ends the actor before any message", async () => {
    const { node, records } = await lone();
    const error = new Error("no init");
    const handled: unknown[] = [];
    await node.run(async (self: Self<unknown>) => {
      const { pid, ref } = self.spawnMonitor(
        handler(() => {
          throw error;
        }, (state: null, message: unknown) => {
          handled.push(message);
          return state;
        }),
        { name: "unlucky" },
      );
      self.send(pid, 1);
      expect(await self.receive()).toEqual(new Down(ref, pid, error));
      expect(self.whereis("unlucky")).toBeNull();
    });
    expect(handled).toEqual([]);
    expect(crashReports(records)).toEqual([
      expect.stringContaining("(unlucky) crashed: Error: no init"),
    ]);
  });

  test("that exits ends the actor with that reason and no report", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { pid, ref } = self.spawnMonitor(
        handler((me: Self<unknown>) => me.exit("bye"), (state: null) => state),
      );
      expect(await self.receive()).toEqual(new Down(ref, pid, "bye"));
    });
    expect(crashReports(records)).toEqual([]);
  });
});

describe("ending", () => {
  test("by stop, normally or with a reason, after its message", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const reason of [undefined, reasons.shutdown, "done"]) {
        const handled: number[] = [];
        const { pid, ref } = self.spawnMonitor(
          handler(null, (state: null, n: number) => {
            handled.push(n);
            if (n < 2) return state;
            return reason === undefined ? stop() : stop(reason);
          }),
        );
        for (let n = 0; n < 5; n++) self.send(pid, n);
        expect(await self.receive()).toEqual(
          new Down(ref, pid, reason ?? reasons.normal),
        );
        expect(handled).toEqual([0, 1, 2]);
      }
    });
    expect(crashReports(records)).toEqual([]);
  });

  test("by a throw, with a report and the error as reason", async () => {
    const { node, records } = await lone();
    const thrown = [new Error("bad\n  message"), "a string", undefined];
    await node.run(async (self: Self<unknown>) => {
      for (const reason of thrown) {
        const { pid, ref } = self.spawnMonitor(
          handler(null, (): null => {
            throw reason;
          }),
          { label: "thrower" },
        );
        self.send(pid, 1);
        self.send(pid, 2);
        expect(await self.receive()).toEqual(new Down(ref, pid, reason));
      }
    });
    expect(crashReports(records)).toEqual([
      expect.stringMatching(
        /^#PID<.*> \(thrower\) crashed: Error: bad message$/,
      ),
      expect.stringContaining('crashed: "a string"'),
      expect.stringContaining("crashed: undefined"),
    ]);
    expect(node.stats().crashes).toBe(3);
  });

  test("by exit, by its own exit signal and by a broken link", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const ways: ((me: Self<unknown>) => void)[] = [
        (me) => me.exit("why"),
        (me) => me.sendExit(me.pid, "why"),
        (me) => {
          const other = me.spawnLink(() => {});
          me.sendExit(other, "why");
        },
      ];
      for (const way of ways) {
        const handled: number[] = [];
        const { pid, ref } = self.spawnMonitor(
          handler(null, (state: null, n: number, me: Self<number>) => {
            handled.push(n);
            way(me as Self<unknown> as Self);
            return state;
          }),
        );
        self.send(pid, 1);
        self.send(pid, 2);
        expect(await self.receive()).toEqual(new Down(ref, pid, "why"));
        expect(handled).toEqual([1]);
      }
    });
    expect(crashReports(records)).toEqual([]);
  });

  test("counts once, for each way in which the handler returns or throws after it", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const after of ["stop", "throw"]) {
        const { pid, ref } = self.spawnMonitor(
          handler(null, (_: null, _m: number, me: Self<number>) => {
            me.sendExit(me.pid, "first");
            if (after === "throw") throw new Error("second");
            return stop("second");
          }),
        );
        self.send(pid, 1);
        expect(await self.receive()).toEqual(new Down(ref, pid, "first"));
      }
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
    expect(crashReports(records)).toEqual([]);
    expect(records.filter((record) => record.level === "warning"))
      .toHaveLength(1);
  });
});

describe("a promise", () => {
  test("is refused as a state, and its rejection with it", async () => {
    const { node, records } = await lone();
    const late = () => Promise.reject(new Error("not handled"));
    await node.run(async (self: Self<unknown>) => {
      const behaviours = [
        handler(null, () => late() as unknown as null),
        handler(late as unknown as () => null, (state: null) => state),
      ];
      for (const behaviour of behaviours) {
        const { pid, ref } = self.spawnMonitor(behaviour);
        self.send(pid, 1 as never);
        const down = await self.receive(isDown);
        expect(down.ref).toBe(ref);
        expect(down.reason).toBeInstanceOf(UsageError);
        expect(String(down.reason)).toContain("got a promise");
      }
    });
    expect(crashReports(records)).toHaveLength(2);
    expect(JSON.stringify(records)).not.toContain("not handled");
  });
});

describe("runtime messages", () => {
  test("reach handlers as any others", async () => {
    const { node } = await lone();
    type Watched = Pid | Down | Exit;
    await node.run(async (self: Self<unknown>) => {
      const watcher = self.spawn(
        handler(null, (state: null, message: Watched, me: Self<Watched>) => {
          if (isDown(message) || isExit(message)) {
            me.send(self.pid, message);
          } else {
            me.link(message);
            me.monitor(message);
            me.send(self.pid, "watching");
          }
          return state;
        }),
        { trapExits: true },
      );
      const { pid } = self.spawnMonitor(exitOnDemand);
      self.send(watcher, pid);
      expect(await self.receive()).toBe("watching");
      self.send(pid, "over");
      const seen = [
        await self.receive(),
        await self.receive(),
        await self.receive(),
      ];
      expect(seen.filter(isExit)).toEqual([new Exit(pid, "over")]);
      expect(seen.filter(isDown).map((down) => [down.target, down.reason]))
        .toEqual([[pid, "over"], [pid, "over"]]);
    });
  });
});
