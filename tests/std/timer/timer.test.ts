/** Timers of std that send; `sleep` and `tc`; most in virtual time. */
import { describe, expect, test } from "vitest";
import {
  handler,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  type StartOptions,
  UsageError,
} from "../../../runtime/mod.ts";
import { simulate, type Simulation } from "../../../std/testing/mod.ts";
import {
  applyAfter,
  applyInterval,
  applyRepeatedly,
  exitAfter,
  hms,
  hours,
  killAfter,
  minutes,
  seconds,
  sendAfter,
  sendInterval,
  sleep,
  tc,
  type Timer,
} from "../../../std/timer/mod.ts";
import { crashReports, drain, lone, park, poll } from "../../helpers/actors.ts";
import { fakeNode } from "../../helpers/fake_host.ts";
import { expectNoTimers, kill, type World, world } from "./world.ts";

describe("sendAfter", () => {
  test("sends when its delay has passed, and not before", () => {
    const made = world();
    const { host, owner, listener, log, pass } = made;
    sendAfter(owner, 100, listener.pid, "later");
    sendAfter(owner, 50, "listener", "sooner");
    sendAfter(owner, 0, { name: "listener", node: "a@fake" }, "now");
    sendAfter(owner, 20.5, listener.alias(), "by alias");
    host.settle();
    expect(log).toEqual([]);
    pass(200);
    expect(log).toEqual([
      [1, "now"],
      [21, "by alias"],
      [50, "sooner"],
      [100, "later"],
    ]);
    expectNoTimers(made, 2);
  });

  test("works on when its owner has ended", () => {
    const made = world();
    const { host, owner, listener, log, pass } = made;
    const timer = sendAfter(owner, 10, listener.pid, "posthumous");
    sendAfter(owner, 20, listener.pid, "never begun").cancel();
    host.settle();
    kill(made, owner);
    pass(100);
    expect(log).toEqual([[10, "posthumous"]]);
    expect(timer.cancel()).toBe(false);
    expectNoTimers(made, 1);
  });

  test("to an ended actor is lost; to a name that no actor has, is logged", () => {
    const made = world();
    const { host, owner, listener, log, pass } = made;
    const dead = made.node.spawnActor(park, {}, null);
    kill(made, dead);
    sendAfter(owner, 1, dead.pid, "lost");
    sendAfter(owner, 1, "absent", "reported");
    sendAfter(owner, 1, listener.pid, "arrived");
    pass(1);
    expect(log).toEqual([[1, "arrived"]]);
    expect(crashReports(host.records)).toEqual([
      expect.stringMatching(/\(timer\) crashed: UsageError: .*"absent"/),
    ]);
    expectNoTimers(made, 2);
  });
});

describe("cancel", () => {
  const makers: [string, (world: World) => Timer][] = [
    ["sendAfter", ({ owner }) => sendAfter(owner, 10, "listener", 1)],
    ["sendInterval", ({ owner }) => sendInterval(owner, 10, "listener", 1)],
    ["applyAfter", (w) => applyAfter(w.owner, 10, say(w))],
    ["applyInterval", (w) => applyInterval(w.owner, 10, say(w))],
    ["applyRepeatedly", (w) => applyRepeatedly(w.owner, 10, say(w))],
    ["exitAfter", (w) => exitAfter(w.owner, 10, "listener", "end")],
    ["killAfter", (w) => killAfter(w.owner, 10, "listener")],
  ];
  const say = ({ log }: World) => () => void log.push([0, "applied"]);

  test.each(makers)("prevents %s at any time before it acts", (_, make) => {
    for (const wait of [0, 1, 9]) {
      const made = world();
      const timer = make(made);
      if (wait > 0) made.pass(wait);
      expect(timer.cancel()).toBe(true);
      expect(timer.cancel()).toBe(false);
      made.pass(50);
      expect(timer.cancel()).toBe(false);
      expect(made.log).toEqual([]);
      expect(made.listener.isAlive).toBe(true);
      expectNoTimers(made, 2);
    }
  });

  test.each(makers)(
    "of %s after its owner's end tells the truth",
    (_, make) => {
      const made = world();
      const timer = make(made);
      made.pass(5);
      kill(made, made.owner);
      const isOneShot = made.node.timers.size > 0;
      expect(timer.cancel()).toBe(isOneShot);
      expectNoTimers(made, 1);
    },
  );

  test("is done by `using` at the end of a block", () => {
    const made = world();
    {
      using timer = sendInterval(made.owner, 10, "listener", "tick");
      made.pass(25);
      expect(timer.cancel).toBeTypeOf("function");
    }
    made.pass(25);
    expect(made.log).toEqual([[10, "tick"], [20, "tick"]]);
    expectNoTimers(made, 2);
  });
});

describe("sendInterval", () => {
  test("sends exactly every period, for a long time", () => {
    const { host, owner, listener, log } = world();
    // No number represents it exactly, so errors would add up.
    const periodMs = 10 / 3;
    const stepMs = 1 / 4;
    sendInterval(owner, periodMs, listener.pid, "tick");
    host.settle();
    while (host.time < 30_000) {
      host.advance(stepMs);
      host.settle();
    }
    expect(log.length).toBeGreaterThanOrEqual(8_998);
    const lateMs = log.map(([at], i) => at - (i + 1) * periodMs);
    expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(-1e-9);
    // Platform timers take whole milliseconds.
    expect(Math.max(...lateMs)).toBeLessThan(1 + stepMs);
  });

  test("makes up for missed rounds, and keeps its schedule", () => {
    const { host, owner, listener, log, pass } = world();
    sendInterval(owner, 10, listener.pid, "tick");
    pass(10);
    expect(log.splice(0)).toEqual([[10, "tick"]]);
    // The node was busy for 37 ms.
    host.time += 37;
    pass(5);
    expect(log.splice(0).map(([at]) => at)).toEqual(
      [48, 49, 50, 51]
        .map((at) => expect.closeTo(at, 0)).slice(0, 4),
    );
    pass(28);
    expect(log.splice(0)).toEqual([[60, "tick"], [70, "tick"], [80, "tick"]]);
  });

  test("ends with the actor that it sends to", () => {
    for (const byName of [false, true]) {
      const made = world();
      const { owner, listener, log, pass } = made;
      const to = byName ? "listener" : listener.pid;
      const timer = sendInterval<string>(owner, 10, to, "tick");
      pass(15);
      owner.sendExit(listener.pid, reasons.kill);
      pass(1);
      expectNoTimers(made, 1);
      expect(timer.cancel()).toBe(false);
      expect(log).toEqual([[10, "tick"]]);
      expect(made.host.records).toEqual([]);
    }
  });

  test("ends at once when there is no actor to send to", () => {
    const made = world();
    const dead = made.node.spawnActor(park, {}, null);
    kill(made, dead);
    sendInterval(made.owner, 10, dead.pid, "tick");
    sendInterval(made.owner, 10, "absent", "tick");
    made.host.settle();
    expectNoTimers(made, 2);
    expect(made.host.records).toEqual([]);
  });

  test("ends with its owner", () => {
    const made = world();
    sendInterval(made.owner, 10, "listener", "tick");
    made.pass(25);
    kill(made, made.owner);
    expectNoTimers(made, 1);
    made.pass(25);
    expect(made.log).toEqual([[10, "tick"], [20, "tick"]]);
  });

  test("to an alias ends with its owner only", () => {
    const made = world();
    const alias = made.listener.alias();
    sendInterval(made.owner, 10, alias, "tick");
    made.pass(15);
    made.listener.unalias(alias);
    made.pass(15);
    expect(made.log).toEqual([[10, "tick"]]);
    kill(made, made.owner);
    expectNoTimers(made, 1);
  });
});

/** The messages that `sink` of node b has got, and node a's own actors. */
async function twoNodes(
  sim: Simulation,
  limits: StartOptions["limits"] = {},
): Promise<{ a: RunningNode; got: unknown[]; timersOf: () => number }> {
  const got: unknown[] = [];
  const sink = () =>
    handler(null, (state: null, message) => {
      got.push(message);
      return state;
    });
  await sim.start("b@sim", { exports: { sink }, limits });
  const a = await sim.start("a@sim", { limits });
  await a.connect("b@sim");
  // One of them is the owner that each test starts with.
  const others = a.stats().actors + 1;
  return { a, got, timersOf: () => a.stats().actors - others };
}

describe("to another node", () => {
  test("timers send, and intervals end with the receiver or its node", async () => {
    await simulate({ seed: 5 }, async (sim) => {
      const { a, got, timersOf } = await twoNodes(sim);
      const pids: Pid<unknown>[] = [];
      a.spawn(async (self) => {
        for (let i = 0; i < 2; i++) {
          const { pid } = await self.spawnOn<unknown>("b@sim", "sink");
          pids.push(pid);
          sendAfter(self, 5, pid, "once");
          sendInterval(self, 10, pid, "tick");
        }
        await self.receive();
        self.sendExit(pids[0]!, "end");
        await park(self);
      }, { name: "owner" });
      await sim.until(() => got.length >= 10, { what: "ten messages" });
      expect(new Set(got)).toEqual(new Set(["once", "tick"]));
      expect(timersOf()).toBe(2);
      a.send("owner", null);
      await sim.until(() => timersOf() === 1, { what: "the end of one" });
      sim.crash("b@sim");
      await sim.until(() => timersOf() === 0, { what: "the end of the other" });
      expect(crashReports(sim.records)).toEqual([]);
    });
  });

  test("an interval loses messages at a hard limit, and goes on", async () => {
    await simulate({ seed: 5 }, async (sim) => {
      const limits = { highMarkBytes: 1_000, downAfterMs: 60_000 };
      const { a, got, timersOf } = await twoNodes(sim, limits);
      a.spawn(async (self) => {
        const { pid } = await self.spawnOn<unknown>("b@sim", "sink");
        sendInterval(self, 10, pid, "x".repeat(500));
        await park(self);
      });
      await sim.until(() => got.length > 0, { what: "the first" });
      sim.partition(["a@sim"], ["b@sim"]);
      await sim.advance(10_000);
      expect(got.length).toBeLessThan(5);
      expect(timersOf()).toBe(1);
      sim.heal();
      await sim.advance(1_000);
      const before = got.length;
      // Few of the 1,000 rounds during the partition have come.
      expect(before).toBeLessThan(200);
      await sim.advance(1_000);
      expect(got.length - before).toBeGreaterThan(10);
      expect(crashReports(sim.records)).toEqual([]);
    });
  });
});

describe("huge delays", () => {
  test("beyond 2^31 ms are kept to the millisecond", () => {
    const { host, owner, listener, log } = world();
    const delayMs = 2 ** 31 + 5;
    sendAfter(owner, delayMs, listener.pid, "once");
    sendInterval(owner, delayMs, listener.pid, "again");
    host.settle();
    host.advance(delayMs - 1);
    host.settle();
    expect(log).toEqual([]);
    host.advance(1);
    host.settle();
    expect(log.map(([at]) => at)).toEqual([delayMs, delayMs]);
    host.advance(delayMs - 1);
    host.settle();
    expect(log).toHaveLength(2);
    host.advance(1);
    host.settle();
    expect(log[2]).toEqual([2 * delayMs, "again"]);
  });
});

describe("invalid times", () => {
  test("are refused, and nothing is left", () => {
    const made = world();
    const { owner } = made;
    for (const ms of [-1, Number.NaN, Infinity]) {
      for (
        const set of [
          () => sendAfter(owner, ms, "listener", 1),
          () => applyAfter(owner, ms, park),
          () => exitAfter(owner, ms, "listener", 1),
          () => killAfter(owner, ms, "listener"),
          () => sendInterval(owner, ms, "listener", 1),
          () => applyInterval(owner, ms, park),
          () => applyRepeatedly(owner, ms, park),
        ]
      ) {
        expect(set).toThrow(UsageError);
        expect(set).toThrow(`got ${ms}`);
      }
    }
    expect(() => sendInterval(owner, 0, "listener", 1))
      .toThrow("expected a period in ms above 0, got 0");
    made.host.settle();
    expectNoTimers(made, 2);
  });
});

describe("100,000 timers", () => {
  test("all act, none early, and leave nothing", () => {
    const made = world();
    const { host, node, owner } = made;
    const count = 100_000;
    let early = 0;
    let came = 0;
    const sink = node.spawnActor(
      handler(null, (state: null, dueMs: number) => {
        came++;
        if (host.time < dueMs) early++;
        return state;
      }),
      {},
      null,
    );
    for (let i = 0; i < count; i++) {
      const timer = sendAfter(owner, i % 1_000, sink.pid, i % 1_000);
      if (i % 4 === 0) timer.cancel();
    }
    host.settle();
    expect(node.timers.size).toBe(count * 3 / 4);
    host.advance(1_000);
    host.settle();
    expect({ came, early }).toEqual({ came: count * 3 / 4, early: 0 });
    expectNoTimers(made, 3);
  });
});

describe("sleep", () => {
  test("waits and leaves messages in the mailbox", async () => {
    await simulate({ seed: 2 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self: Self<string>) => {
        self.send(self.pid, "one");
        sendAfter(self, 50, self.pid, "two");
        for (const [ms, least] of [[0, 0], [100, 100]]) {
          const before = sim.timeMs;
          await sleep(self, ms!);
          expect(sim.timeMs - before).toBeGreaterThanOrEqual(least!);
        }
        expect(await drain(self)).toEqual(["one", "two"]);
      });
    });
  });

  test("without a limit ends by its signal, or with its actor", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const controller = new AbortController();
      const reason = new Error("up");
      const asleep = sleep(self, Infinity, { signal: controller.signal });
      controller.abort(reason);
      await expect(asleep).rejects.toBe(reason);
      await expect(sleep(self, 5, { signal: controller.signal }))
        .rejects.toBe(reason);
      const { pid, ref } = self.spawnMonitor((me) => sleep(me, Infinity));
      await sleep(self, 1);
      self.sendExit(pid, "up");
      expect(await self.receive(ref)).toMatchObject({ reason: "up" });
      await expect(sleep(self, -1)).rejects.toThrow("got -1");
      expect(await poll(self)).toBeUndefined();
    });
  });
});

describe("tc", () => {
  test("measures calls and promises, and passes their errors on", async () => {
    const { host, node } = fakeNode();
    const actor = node.spawnActor(park, {}, null);
    expect(tc(actor, () => {
      host.time += 12.25;
      return "value";
    })).toEqual({ timeMs: 12.25, value: "value" });
    const timed = tc(actor, async () => {
      await Promise.resolve();
      host.time += 7.5;
      return "later";
    });
    expect(await timed).toEqual({ timeMs: 7.5, value: "later" });
    const error = new Error("no");
    expect(() =>
      tc(actor, () => {
        throw error;
      })
    ).toThrow(error);
    await expect(tc(actor, () => Promise.reject(error))).rejects.toBe(error);
    expect(node.timers.size).toBe(0);
  });
});

test("units are in milliseconds", () => {
  expect([seconds(3), minutes(3), hours(3), hms(1, 2, 3.5)])
    .toEqual([3_000, 180_000, 10_800_000, 3_723_500]);
});

describe("on a real clock", () => {
  test("no timer acts early", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      const begin = performance.now();
      sendAfter(self, 60, self.pid, 60);
      using _ticks = sendInterval(self, 3.5, self.pid, 0);
      let ticks = 0;
      for (let got = 0; got !== 60;) {
        got = await self.receive();
        const dueMs = got === 0 ? ++ticks * 3.5 : got;
        expect(performance.now() - begin).toBeGreaterThanOrEqual(dueMs);
      }
      expect(ticks).toBeGreaterThan(0);
    });
  });
});
