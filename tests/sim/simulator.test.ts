/** The simulator itself: one seed, one trace, on every runtime. */

import process from "node:process";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Exit,
  type NodeDown,
  reasons,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import {
  simulate,
  type Simulation,
  SimulationError,
  type SimulationResult,
} from "../../std/testing/mod.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { cluster, park, simNodeOptions } from "./cluster.ts";

/**
 * Hashes of the traces of `everything`, the same on all three runtimes. A
 * change of the messages between nodes, or of their order, changes them: then
 * put in the new ones that the failed test shows.
 */
const goldenHashes: Readonly<Record<number, string>> = {
  1: "0ff789c1",
  2: "e66171ec",
  2026: "21a2b5c0",
};

/** A bit of everything: traffic, timers, calls, exits and faults. */
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
  await sim.start("c@sim", simNodeOptions);
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

describe("seeds", () => {
  it("the same seed gives the same trace", async () => {
    const one = await simulate({ seed: 5, trace: true }, everything);
    // What was printed before must not matter.
    await simulate({ seed: 6 }, async (sim) => {
      const node = await sim.start("zebra@sim", simNodeOptions);
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
    for (const seed of Object.keys(goldenHashes).map(Number)) {
      found[seed] = (await simulate({ seed }, everything)).traceHash;
    }
    expect(found).toEqual(goldenHashes);
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
        "HORNBEAM_SEED=77 <your test command> replays it",
    );
    expect(error.trace.at(-1)).toMatch(/a@sim started$/);
    const early = await failureOf(simulate({ seed: 78 }, () => {
      throw cause;
    }));
    expect(early.cause).toBe(cause);
  });

  it("their command replays them, where the test names no seed", async () => {
    const before = process.env["HORNBEAM_SEED"];
    onTestFinished(() => {
      if (before === undefined) delete process.env["HORNBEAM_SEED"];
      else process.env["HORNBEAM_SEED"] = before;
    });
    const body = async (sim: Simulation) => void await sim.start("a@sim");
    process.env["HORNBEAM_SEED"] = "77";
    expect((await simulate({}, body)).seed).toBe(77);
    expect((await simulate({ seed: 5 }, body)).seed).toBe(5);
    process.env["HORNBEAM_SEED"] = "";
    expect((await simulate({}, body)).seed).toBe(1);
    for (const wrong of ["seven", "-1", "1.5"]) {
      process.env["HORNBEAM_SEED"] = wrong;
      await expect(simulate({}, body)).rejects.toThrow(
        `expected a whole number in HORNBEAM_SEED, got ${wrong}`,
      );
    }
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
    expect(error.message).toContain("no step is possible any more");
    // A running node has its ticks for ever, so the steps run out.
    const busy = await failureOf(simulate({ maxSteps: 500 }, async (sim) => {
      await sim.start("a@sim");
      await forever;
    }));
    expect(busy.message).toContain("expected the run to end within 500 steps");
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
