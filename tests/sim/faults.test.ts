/** The simulator's faults have their effect, and end when they should. */

import { describe, expect, it } from "vitest";
import {
  Down,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
} from "../../runtime/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { cluster, park, simNodeOptions } from "./cluster.ts";

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

describe("faults", () => {
  it("a partition is noticed by its silence", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim") as [
        RunningNode,
        RunningNode,
      ];
      const before = b.stats().actors;
      const down = timeOf(
        sim,
        a,
        "DOWN",
        (self) => self.spawnOn("b@sim", "park", [], { monitor: true }),
      );
      await sim.until(() => b.stats().actors > before, { what: "the actor" });
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

  it("messages that a short partition delayed are delivered", async () => {
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
      // Only b receives nothing, and its messages about that arrive.
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

  it("a crashed node sends nothing more, not even the rest of a message", async () => {
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
      const anew = await sim.start("b@sim", simNodeOptions);
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
