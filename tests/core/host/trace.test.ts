/** Trace hooks: their arguments, and that a bad one does not affect its node. */
import { describe, expect, test } from "vitest";
import {
  asyncHandler,
  handler,
  type LogRecord,
  type Pid,
  type RunningNode,
  type Self,
  start,
  type StartOptions,
  stop,
  type Trace,
  UsageError,
} from "../../../runtime/mod.ts";
import { simulate } from "../../../std/testing/mod.ts";

/** Names of the cluster have actors and signals of their own. */
const quiet = { global: false } as const;

type Event = readonly [hook: string, ...args: readonly unknown[]];

/** A trace that notes what it is told, of some hooks or of all. */
function recorder(
  ...only: (keyof Trace)[]
): { readonly trace: Trace; readonly events: Event[] } {
  const events: Event[] = [];
  const note = (hook: keyof Trace) => (...args: readonly unknown[]) => {
    if (only.length === 0 || only.includes(hook)) events.push([hook, ...args]);
  };
  const trace: Required<Trace> = {
    messageDelivered: note("messageDelivered"),
    turnBegun: note("turnBegun"),
    turnEnded: note("turnEnded"),
    actorSpawned: note("actorSpawned"),
    actorEnded: note("actorEnded"),
    linked: note("linked"),
    monitored: note("monitored"),
    signalSent: note("signalSent"),
    signalReceived: note("signalReceived"),
    connectionUp: note("connectionUp"),
    connectionDown: note("connectionDown"),
  };
  return { trace, events };
}

/** Events that name this actor first. */
const of = (events: readonly Event[], pid: Pid<never>) =>
  events.filter(([, first]) => first === pid);

async function traced(
  only: (keyof Trace)[],
  body: (node: RunningNode, events: Event[]) => Promise<void>,
  options: StartOptions = {},
): Promise<void> {
  const { trace, events } = recorder(...only);
  await using node = await start({ ...options, trace });
  await body(node, events);
}

const adder = () => handler(0, (sum, n: number) => n < 0 ? stop() : sum + n);

describe("within a node", () => {
  test("spawns and ends", async () => {
    await traced(["actorSpawned", "actorEnded"], async (node, events) => {
      await node.run(async (self: Self<unknown>) => {
        const { pid, ref } = self.spawnMonitor(() => Promise.reject("why"));
        await self.receive(ref);
        expect(of(events, pid)).toEqual([
          ["actorSpawned", pid, self.pid],
          ["actorEnded", pid, "why"],
        ]);
      });
    }, { log: () => {} });
  });

  test("messages, each once, and replies", async () => {
    await traced(["messageDelivered"], async (node, events) => {
      await node.run(async (self: Self<unknown>) => {
        const sum = self.spawn(adder());
        for (const n of [1, 2, 3]) self.send(sum, n);
        const server = self.spawn(
          asyncHandler(null, (state, message: never, it) => {
            it.reply((message as { from: never }).from, "the reply");
            return state;
          }),
        );
        expect(await self.call(server, "a request")).toBe("the reply");
        expect(of(events, sum).map((event) => event[2])).toEqual([1, 2, 3]);
        expect(of(events, server)).toMatchObject([
          ["messageDelivered", server, { request: "a request" }],
        ]);
        expect(of(events, self.pid)).toEqual([
          ["messageDelivered", self.pid, "the reply"],
        ]);
      });
    });
  });

  test("messages that a limit lets through, and no others", async () => {
    await traced(["messageDelivered"], async (node, events) => {
      await node.run((self: Self<unknown>) => {
        const full = self.spawn(adder(), {
          mailbox: { limit: 2, policy: "dropNewest" },
        });
        for (const n of [1, 2, 3, 4]) self.send(full, n);
        expect(of(events, full).map((event) => event[2])).toEqual([1, 2]);
      });
    }, { log: () => {} });
  });

  test("a long mailbox is warned of as without a trace", async () => {
    const logs = await Promise.all([false, true].map(async (isTraced) => {
      const warnings: string[] = [];
      const log = ({ message }: LogRecord) => void warnings.push(message);
      const trace = isTraced ? { trace: recorder().trace } : {};
      await using node = await start({ log, ...trace });
      const long = node.spawn(adder(), { mailbox: { warnAt: 3 } });
      for (let i = 0; i < 20; i++) node.send(long, 1);
      return warnings.map((line) => line.replace(/#PID\S+/, ""));
    }));
    expect(logs[0]).toHaveLength(3);
    expect(logs[1]).toEqual(logs[0]);
  });

  test("turns begin and end in pairs", async () => {
    await traced(["turnBegun", "turnEnded"], async (node, events) => {
      let worker: Pid<number> | null = null;
      await node.run(async (self: Self<unknown>) => {
        worker = self.spawn(async function worker(it: Self<number>) {
          for (let i = 0; i < 3; i++) await it.receive();
        });
        const ref = self.monitor(worker);
        for (let i = 0; i < 3; i++) {
          self.send(worker, i);
          await self.receive("never", { timeoutMs: 1 });
        }
        await self.receive(ref);
        const own = of(events, worker).map(([hook]) => hook);
        expect(own.length).toBeGreaterThanOrEqual(4);
        own.forEach((hook, i) =>
          expect(hook).toBe(i % 2 === 0 ? "turnBegun" : "turnEnded")
        );
        expect(own.at(-1)).toBe("turnEnded");
      });
    });
  });

  test("turns of handlers, also of those that wait and of first ones", async () => {
    await traced(["turnBegun", "turnEnded"], async (node, events) => {
      await node.run(async (self: Self<unknown>) => {
        const { pid: sum } = self.spawnReady(adder());
        expect(of(events, sum)).toEqual([["turnBegun", sum], [
          "turnEnded",
          sum,
        ]]);
        const slow = self.spawn(
          asyncHandler(0, async (count, _message: unknown) => {
            await Promise.resolve();
            return count + 1;
          }),
        );
        const { ref } = self.spawnMonitor(adder());
        self.send(slow, "go");
        self.send(sum, 1);
        await self.receive({ timeoutMs: 20 });
        self.demonitor(ref);
        for (const pid of [sum, slow]) {
          const hooks = of(events, pid).map(([hook]) => hook);
          expect(hooks).toEqual([
            "turnBegun",
            "turnEnded",
            "turnBegun",
            "turnEnded",
          ]);
        }
      });
    });
  });

  test("links and monitors", async () => {
    await traced(["linked", "monitored"], async (node, events) => {
      await node.run((self: Self<unknown>) => {
        events.length = 0;
        const pid = self.spawnLink(adder(), { name: "sum" });
        const ref = self.monitor("sum");
        expect(events).toEqual([
          ["linked", self.pid, pid],
          ["linked", pid, self.pid],
          ["monitored", self.pid, { name: "sum", node: self.node }, ref],
        ]);
      });
    });
  });
});

describe("a trace", () => {
  test("that is none is refused", async () => {
    for (
      const [trace, expected] of [
        [1, /trace of start to be an object/],
        [{ turnBegan: () => {} }, /hooks such as messageDelivered/],
        [{ linked: "yes" }, /trace\.linked to be a function/],
      ] as const
    ) {
      const started = start({ trace } as unknown as StartOptions);
      await expect(started).rejects.toThrow(UsageError);
      await expect(started).rejects.toThrow(expected);
    }
  });

  test("that throws is called no more, and the log says so", async () => {
    const records: LogRecord[] = [];
    let calls = 0;
    const trace: Trace = {
      messageDelivered: () => {
        calls++;
        throw new Error("a hook that throws");
      },
    };
    await using node = await start({
      trace,
      log: (record) => void records.push(record),
    });
    expect(
      await node.run(async (self: Self<unknown>) => {
        self.send(self.pid, 1);
        self.send(self.pid, 2);
        return [await self.receive(), await self.receive()];
      }),
    ).toEqual([1, 2]);
    expect(calls).toBe(1);
    expect(records).toMatchObject([{
      level: "error",
      message: "the trace hook messageDelivered threw",
    }]);
  });
});

describe("in the simulator", () => {
  /** One run over two nodes: its events, with pids as text. */
  async function run(seed: number): Promise<string[]> {
    const events: string[] = [];
    await simulate({ seed }, async (sim) => {
      const note = (node: string) => {
        const trace: Record<string, (...args: unknown[]) => void> = {};
        for (const hook of Object.keys(recorder().trace)) {
          trace[hook] = (...args) =>
            events.push(`${node} ${hook} ${args.map(plain).join(" ")}`);
        }
        return trace as Trace;
      };
      const a = await sim.start("a@sim", { ...quiet, trace: note("a") });
      const b = await sim.start("b@sim", { ...quiet, trace: note("b") });
      const target = b.spawn(async (self: Self<string>) => {
        await self.receive("never");
      }, { name: "target" });
      await a.run(async (self: Self<unknown>) => {
        self.monitor({ name: "target", node: "b@sim" });
        self.send({ name: "target", node: "b@sim" }, "hello");
        await self.receive({ timeoutMs: 50 });
        self.link(target as Pid);
        self.trapExits = true;
        await self.receive({ timeoutMs: 50 });
        sim.crash("b@sim");
        await self.receive("EXIT");
      });
    });
    return events;
  }
  const plain = (arg: unknown) =>
    typeof arg === "object" && arg !== null && "type" in arg
      ? String(arg.type)
      : String(arg);

  test("all hooks are told, and a seed repeats them", async () => {
    const events = await run(7);
    for (const hook of Object.keys(recorder().trace)) {
      const found = events.filter((event) => event.split(" ")[1] === hook);
      expect(found, hook).not.toEqual([]);
    }
    expect(events).toContain("a connectionUp b@sim");
    expect(events).toContain("b connectionUp a@sim");
    for (const type of ["monitor", "sendNamed", "link"]) {
      expect(events).toContain(`a signalSent b@sim ${type}`);
      expect(events).toContain(`b signalReceived ${type}`);
    }
    expect(events.some((event) => event.startsWith("b monitored"))).toBe(true);
    const sent = events.indexOf("a signalSent b@sim link");
    const down = events.findIndex((event) =>
      event.startsWith("a connectionDown b@sim")
    );
    expect(down).toBeGreaterThan(sent);
    expect(await run(7)).toEqual(events);
  });
});
