/** The simulator itself: one seed, one trace, on every runtime; and its faults. */

import { describe, expect, it } from "vitest";
import {
  Down,
  type Exit,
  handler,
  type NodeDown,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import {
  type SimNodeOptions,
  simulate,
  type Simulation,
  SimulationError,
  type SimulationResult,
} from "../../std/testing.ts";
import { simulateSeeds } from "../helpers/simulate.ts";

/**
 * Hashes of the traces of `everything`, the same on all three runtimes. A
 * change of what nodes say to each other, or in which order, changes them: then
 * put in the new ones that the failed test shows.
 */
const GOLDEN: Readonly<Record<number, string>> = {
  1: "4ab4de40",
  2: "d3a9b807",
  2026: "2a565e8d",
};

const park = async (self: Self): Promise<void> => {
  for (;;) await self.receive();
};
const echo = () =>
  handler(0, (count: number, message: { from: Pid<number> }, self) => {
    self.send(message.from, count);
    return count + 1;
  });
const EXPORTS: SimNodeOptions = { exports: { park: () => park, echo } };

/** A cluster whose nodes are all connected. */
async function cluster(
  sim: Simulation,
  ...names: readonly string[]
): Promise<RunningNode[]> {
  const nodes: RunningNode[] = [];
  for (const name of names) nodes.push(await sim.start(name, EXPORTS));
  for (const [i, node] of nodes.entries()) {
    for (const peer of names.slice(0, i)) {
      expect(await node.connect(peer)).toBe(true);
    }
  }
  return nodes;
}

/** Something of all there is: traffic, timers, calls, ends and faults. */
async function everything(sim: Simulation): Promise<void> {
  const [a, b, c] = await cluster(sim, "a@sim", "b@sim", "c@sim") as [
    RunningNode,
    RunningNode,
    RunningNode,
  ];
  const chat = a.run(async (self: Self<number>) => {
    const { pid } = await self.spawnOn("b@sim", "echo");
    let sum = 0;
    for (let i = 0; i < 5; i++) {
      self.send(pid, { from: self.pid });
      sum += await self.receive({ timeoutMs: 5_000 }) ?? 0;
    }
    return sum;
  });
  const chained = b.run(async (self: Self<Exit>) => {
    self.trapExits = true;
    const { pid } = await self.spawnOn("c@sim", "park", [], { link: true });
    self.startTimer(3, "later");
    self.sendExit(pid, "enough");
    return [(await self.receive("EXIT")).reason, await self.receive("timeout")];
  });
  // Killed while it waits for its turn, so that a dead actor gets one.
  const victim = c.spawn(park);
  c.send(victim, 1);
  c.spawn((self: Self) => self.sendExit(victim, reasons.kill));
  expect(await chat).toBe(10);
  expect((await chained)[0]).toBe("enough");
  sim.partition(["a@sim"], ["b@sim", "c@sim"]);
  const lost = a.run(async (self: Self<NodeDown>) => {
    self.monitorNodes();
    return (await self.receive("nodedown")).node;
  });
  expect(["b@sim", "c@sim"]).toContain(await lost);
  sim.heal();
  sim.crash("c@sim");
  await sim.start("c@sim", EXPORTS);
  expect(await a.connect("c@sim")).toBe(true);
  await sim.advance(100);
}

async function failureOf(
  run: Promise<SimulationResult>,
): Promise<SimulationError> {
  const error = await run.then(
    () => new Error("expected the simulation to fail, but it did not"),
    (error: unknown) => error,
  );
  if (error instanceof SimulationError) return error;
  throw error;
}

/** Resolves with the virtual time of the first message of this type. */
function timeOf(
  sim: Simulation,
  node: RunningNode,
  type: "DOWN" | "nodedown",
  begin: (self: Self) => void | Promise<unknown>,
): Promise<{ atMs: number; message: unknown }> {
  return node.run(async (self: Self) => {
    await begin(self);
    const message = await self.receive(type);
    return { atMs: sim.timeMs, message };
  });
}

describe("seeds", () => {
  it("the same seed gives the same trace", async () => {
    const one = await simulate({ seed: 5, trace: true }, everything);
    // What was printed before must not matter.
    await simulate({ seed: 6 }, async (sim) => {
      const node = await sim.start("zebra@sim", EXPORTS);
      const doomed = node.spawn(park);
      await node.run((self) => self.sendExit(doomed, reasons.kill));
      expect(String(doomed)).toMatch(/^#PID<[1-9]/);
    });
    const two = await simulate({ seed: 5, trace: true }, everything);
    expect(two.trace).toEqual(one.trace);
    expect(two.traceHash).toBe(one.traceHash);
    expect([two.steps, two.timeMs]).toEqual([one.steps, one.timeMs]);
    expect(one.trace.length).toBeGreaterThan(100);
  });

  it("the trace of a seed is the same on all runtimes", async () => {
    const found: Record<number, string> = {};
    for (const seed of Object.keys(GOLDEN).map(Number)) {
      found[seed] = (await simulate({ seed }, everything)).traceHash;
    }
    expect(found).toEqual(GOLDEN);
  });

  it("the hash is of the whole trace, kept or not", async () => {
    const longer = async (sim: Simulation) => {
      await everything(sim);
      await sim.advance(30_000);
    };
    const kept = await simulate({ seed: 9, trace: true }, longer);
    const cut = await simulate({ seed: 9 }, longer);
    expect(cut.traceHash).toBe(kept.traceHash);
    expect(cut.trace).toEqual(kept.trace.slice(-cut.trace.length));
    expect(cut.trace.length).toBeLessThan(kept.trace.length);
  });

  it("different seeds let different things happen", async () => {
    const hashes = new Set<string>();
    const orders = new Set<string>();
    for (let seed = 1; seed <= 50; seed++) {
      const order: string[] = [];
      const { traceHash } = await simulate({ seed }, async (sim) => {
        const node = await sim.start("a@sim");
        const runs = ["x", "y", "z"].map((name) =>
          node.run(async (self) => {
            await self.receive({ timeoutMs: 0 });
            order.push(name);
          })
        );
        await Promise.all(runs);
      });
      hashes.add(traceHash);
      orders.add(order.join(""));
    }
    expect(hashes.size).toBeGreaterThan(40);
    expect(orders.size).toBe(6);
  });
});

describe("failures", () => {
  const forever = new Promise<never>(() => {});

  it("name the seed, how to replay it, and the end of the trace", async () => {
    const cause = new RangeError("no such luck");
    const error = await failureOf(simulate({ seed: 77 }, async (sim) => {
      await sim.start("a@sim");
      throw cause;
    }));
    expect(error.seed).toBe(77);
    expect(error.cause).toBe(cause);
    expect(error.message).toBe(
      "the simulation failed with seed 77: no such luck; " +
        "simulate({ seed: 77 }, ...) replays it",
    );
    expect(error.trace.at(-1)).toMatch(/a@sim started$/);
    const early = await failureOf(simulate({ seed: 78 }, () => {
      throw cause;
    }));
    expect(early.cause).toBe(cause);
  });

  it("an actor that waits for something foreign is named", async () => {
    const fetcher = async (self: Self) => {
      self.send(self.pid, "soon");
      await self.receive();
      await forever;
    };
    const error = await failureOf(simulate({}, async (sim) => {
      const node = await sim.start("a@sim");
      node.spawn(fetcher, { label: "fetcher" });
      await sim.advance(1);
    }));
    expect(error.message).toMatch(
      /wait for messages and timers only, but #PID<0\.\d+\.0> \(fetcher\) on a@sim waits for something else/,
    );
  });

  it("also when it has waited for its node before", async () => {
    for (const wait of ["spawnOn", "call"] as const) {
      const error = await failureOf(simulate({}, async (sim) => {
        const [a] = await cluster(sim, "a@sim", "b@sim");
        a?.spawn(async (self: Self) => {
          if (wait === "spawnOn") await self.spawnOn("b@sim", "park");
          else await self.call("nobody", 1).catch(() => {});
          await forever;
        }, { label: wait });
        await sim.advance(100);
      }));
      expect(error.message).toContain(`(${wait}) on a@sim waits`);
    }
  });

  it("a wait for nothing is no success", async () => {
    const error = await failureOf(simulate({}, () => forever));
    expect(error.message).toContain("nothing is left that could happen");
    // A running node has its ticks for ever, so the steps run out.
    const busy = await failureOf(simulate({ maxSteps: 500 }, async (sim) => {
      await sim.start("a@sim");
      await forever;
    }));
    expect(busy.message).toContain("expected an end within 500 steps");
  });

  it("a condition that does not come true ends the wait", async () => {
    const { timeMs } = await simulate({}, async (sim) => {
      await sim.start("a@sim");
      await expect(
        sim.until(() => false, { what: "the moon", withinMs: 1_234 }),
      ).rejects.toThrow("timed out in virtual time waiting for the moon");
    });
    expect(timeMs).toBe(1_234);
  });

  it("a failing seed comes with the command that replays it", async () => {
    const run = simulateSeeds({ count: 5, base: 40 }, async (sim) => {
      await sim.start("a@sim");
      if (sim.seed === 43) throw new Error("unlucky");
    });
    await expect(run).rejects.toThrow(
      /failed with seed 43: unlucky;[^]*HORNBEAM_SEED=43 npm run test:(node|deno|bun) -- tests\/sim\/simulator\.test\.ts -t "a failing seed comes with the command that replays it"[^]*a@sim started/,
    );
  });
});

describe("time", () => {
  it("passes without being waited for", async () => {
    const { timeMs, steps } = await simulate({}, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim");
      await sim.advance(3_600_000);
      expect(sim.timeMs).toBeGreaterThanOrEqual(3_600_000);
      expect([a?.nodes(), b?.nodes()]).toEqual([["b@sim"], ["a@sim"]]);
    });
    expect(timeMs).toBeLessThan(3_600_000 + 10_000);
    expect(steps).toBeLessThan(50_000);
  });

  it("a quiet cluster has only timers left", async () => {
    await simulate({}, async (sim) => {
      const [a] = await cluster(sim, "a@sim", "b@sim");
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      const { timeMs } = sim;
      const chat = a?.run(async (self: Self<number>) => {
        const { pid } = await self.spawnOn("b@sim", "echo");
        self.send(pid, { from: self.pid });
        return await self.receive();
      });
      expect(sim.isQuiet).toBe(false);
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      expect(await chat).toBe(0);
      expect(sim.timeMs - timeMs).toBeLessThan(100);
    });
  });
});

describe("faults", () => {
  it("a partition is seen by its silence", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim") as [
        RunningNode,
        RunningNode,
      ];
      const down = timeOf(
        sim,
        a,
        "DOWN",
        (self) => self.spawnOn("b@sim", "park", [], { monitor: true }),
      );
      await sim.until(() => b.stats().actors === 2, { what: "the actor" });
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      const begin = sim.timeMs;
      sim.partition(["a@sim"], ["b@sim"]);
      const { atMs, message } = await down;
      expect(message).toBeInstanceOf(Down);
      expect((message as Down).reason).toBe(reasons.noconnection);
      // The last byte came before, and silence is looked at every second.
      expect(atMs - begin).toBeGreaterThan(15_000 - 1_100);
      expect(atMs - begin).toBeLessThan(15_000 + 1_100);
      await sim.until(() => b.nodes().length === 0, { what: "the other end" });
      const attempt = await a.tryConnect("b@sim");
      expect(attempt.isUp).toBe(false);
      sim.heal();
      expect(await a.connect("b@sim")).toBe(true);
    });
  });

  it("what a short partition held up is delivered", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim") as [
        RunningNode,
        RunningNode,
      ];
      const got: number[] = [];
      b.spawn(async (self: Self<number>) => {
        for await (const n of self) got.push(n);
      }, { name: "sink" });
      sim.partition(["a@sim"], ["b@sim"]);
      for (let n = 1; n <= 5; n++) {
        a.send({ name: "sink", node: "b@sim" }, n);
        await sim.advance(1_000);
      }
      expect(got).toEqual([]);
      expect(a.nodes()).toEqual(["b@sim"]);
      sim.heal();
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      expect(got).toEqual([1, 2, 3, 4, 5]);
    });
  });

  it("a stall stops one direction only", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim") as [
        RunningNode,
        RunningNode,
      ];
      const got: string[] = [];
      for (const node of [a, b]) {
        node.spawn(async (self: Self<string>) => {
          for await (const word of self) got.push(word);
        }, { name: "sink" });
      }
      sim.stall("a@sim", "b@sim");
      a.send({ name: "sink", node: "b@sim" }, "from a");
      b.send({ name: "sink", node: "a@sim" }, "from b");
      await sim.advance(10);
      expect(got).toEqual(["from b"]);
      // Only b hears nothing, and what it says about that comes through.
      await sim.until(() => a.nodes().length === 0, { what: "the end" });
      expect(b.nodes()).toEqual([]);
      expect(sim.timeMs).toBeGreaterThan(13_900);
      sim.heal();
      await sim.advance(10);
      expect(got).toEqual(["from b"]);
    });
  });

  it("a cut is seen by both ends at once, and they can meet again", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim") as [
        RunningNode,
        RunningNode,
      ];
      const begin = sim.timeMs;
      const downs = [a, b].map((node) =>
        timeOf(sim, node, "nodedown", (self) => self.monitorNodes())
      );
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      expect(sim.cut("a@sim", "b@sim")).toBe(1);
      expect(sim.cut("a@sim", "b@sim")).toBe(0);
      for (const { atMs } of await Promise.all(downs)) {
        expect(atMs - begin).toBeLessThan(10);
      }
      expect(await a.connect("b@sim")).toBe(true);
      expect(b.nodes()).toEqual(["a@sim"]);
    });
  });

  it("nothing happens on a paused node until it is resumed", async () => {
    await simulateSeeds({ count: 5, trace: true }, async (sim) => {
      const [a, b, c] = await cluster(sim, "a@sim", "b@sim", "c@sim") as [
        RunningNode,
        RunningNode,
        RunningNode,
      ];
      let ran = 0;
      const count = (node: RunningNode) =>
        node.spawn(async (self: Self<number>) => {
          for await (const n of self) ran += n;
        }, { name: "count" });
      count(b);
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      sim.pause("b@sim");
      a.send({ name: "count", node: "b@sim" }, 1);
      b.send("count", 2);
      await sim.advance(1_500);
      expect(ran).toBe(0);
      sim.resume("b@sim");
      await sim.until(() => ran === 3, { what: "both messages" });
      sim.pause("b@sim");
      await sim.until(() => a.nodes().length === 1, { what: "silence" });
      expect(a.nodes()).toEqual(["c@sim"]);
      expect(b.nodes()).toContain("a@sim");
      sim.resume("b@sim");
      await sim.until(() => !b.nodes().includes("a@sim"), { what: "news" });
      expect(c.nodes()).toContain("a@sim");
    });
  });

  it("a paused node neither dials nor accepts", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const a = await sim.start("a@sim");
      const b = await sim.start("b@sim");
      const dial = b.tryConnect("a@sim");
      sim.pause("b@sim");
      await sim.advance(1_000);
      expect(a.nodes()).toEqual([]);
      sim.resume("b@sim");
      expect(await dial).toEqual({ isUp: true });
      b.disconnect("a@sim");
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      sim.pause("b@sim");
      expect((await a.tryConnect("b@sim")).isUp).toBe(false);
      expect(b.nodes()).toEqual([]);
    });
  });

  it("a crashed node says nothing more, not even what it had begun", async () => {
    await simulateSeeds({ count: 10 }, async (sim) => {
      const a = await sim.start("a@sim");
      const b = await sim.start("b@sim");
      const { messages } = a.stats();
      const dial = b.tryConnect("a@sim");
      b.send({ name: "node_info", node: "a@sim" }, "hello");
      sim.crash("b@sim");
      await sim.advance(10_000);
      expect(a.nodes()).toEqual([]);
      expect(a.stats().messages).toBe(messages);
      expect(await Promise.race([dial, Promise.resolve("silence")])).toBe(
        "silence",
      );
      expect(() => sim.crash("b@sim")).toThrow(RangeError);
      expect(() => sim.node("b@sim")).toThrow(RangeError);
      expect((await a.tryConnect("b@sim")).isUp).toBe(false);
    });
  });

  it("pids of before a crash never reach actors of after it", async () => {
    await simulateSeeds({ count: 20 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim") as [
        RunningNode,
        RunningNode,
      ];
      const before = b.spawn(park);
      const stale = await a.run(async (self: Self<Pid>) => {
        b.send(before, 0);
        const { pid } = await self.spawnOn("b@sim", "park");
        return pid;
      });
      sim.crash("b@sim");
      const anew = await sim.start("b@sim", EXPORTS);
      const got: unknown[] = [];
      const twins = Array.from(
        { length: 6 },
        () =>
          anew.spawn(async (self: Self) => {
            for await (const message of self) got.push(message);
          }),
      );
      const numbers = twins.map((pid) => `${pid.id}.${pid.serial}`);
      expect(numbers).toContain(`${stale.id}.${stale.serial}`);
      const reason = a.run(async (self: Self<Down>) => {
        self.send(stale as Pid<string>, "for the old one");
        self.sendExit(stale, reasons.kill);
        self.monitor(stale);
        return (await self.receive()).reason;
      });
      expect([reasons.noproc, reasons.noconnection]).toContain(await reason);
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      expect(got).toEqual([]);
      expect(twins.every((pid) => anew.isAlive(pid))).toBe(true);
      expect(twins[0]?.creation).not.toBe(stale.creation);
    });
  });
});
