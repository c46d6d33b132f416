/**
 * Signals between nodes that cross each other, in the order that a seed
 * decides.
 */

import { describe, expect, it } from "vitest";
import {
  Down,
  Exit,
  type Pid,
  reasons,
  type Self,
  SpawnError,
} from "../../runtime/mod.ts";
import type { Simulation } from "../../std/testing/mod.ts";
import { coreOf, drain, holdingsOf } from "../helpers/actors.ts";
import { simulateSeeds } from "../helpers/simulate.ts";
import { park } from "./cluster.ts";

/** Ends by itself with "over", some virtual milliseconds after its start. */
const brief = (ms: number) => async (self: Self): Promise<void> => {
  await self.receive((message) => message === "never", { timeoutMs: ms });
  self.exit("over");
};
const exports = { brief, park: () => park };
/** Without `global`, which has messages and monitors of its own. */
const lone = { global: false } as const;

/** A pause of an actor, which leaves its mailbox alone. */
async function pause(self: Self<unknown>, timeoutMs: number): Promise<void> {
  await self.receive((message) => message === "never", { timeoutMs });
}

/** Nothing is left of links, monitors and requests on any node. */
async function expectClean(sim: Simulation): Promise<void> {
  await sim.until(() => sim.isQuiet, { what: "quiet" });
  for (const node of sim.nodes) {
    expect(holdingsOf(await coreOf(node))).toMatchObject({
      links: 0,
      monitors: 0,
      watchers: 0,
      involved: 0,
      spawns: 0,
    });
  }
}

/**
 * Links to an actor on another node that is about to end, unlinks it, and goes
 * on with the messages that had come by then.
 */
async function unlinkFromBrief(
  sim: Simulation,
  body: (
    self: Self<unknown>,
    pid: Pid,
    before: readonly unknown[],
  ) => Promise<void>,
): Promise<void> {
  const a = await sim.start("a@sim", lone);
  await sim.start("b@sim", { ...lone, exports });
  await a.run(async (self: Self<unknown>) => {
    self.trapExits = true;
    const { pid } = await self.spawnOn("b@sim", "brief", [sim.below(8)], {
      link: true,
    });
    await pause(self, sim.below(12));
    self.unlink(pid);
    await body(self, pid, await drain(self));
  });
  await expectClean(sim);
}

describe("unlink and the exit of the other", () => {
  it("cross, and after unlink there is nothing to be seen", async () => {
    const early = new Set<boolean>();
    await simulateSeeds(
      { count: 80 },
      (sim) =>
        unlinkFromBrief(sim, async (self, pid, before) => {
          // Messages that had come by then stay, and none is added.
          early.add(before.length > 0);
          expect(before.length === 0 || before.length === 1).toBe(true);
          for (const exit of before) {
            expect(exit).toEqual(new Exit(pid, "over"));
          }
          await pause(self, 50);
          expect(await drain(self)).toEqual([]);
        }),
    );
    expect(early.size).toBe(2);
  });

  it("and a new link before the acknowledgement is a new link", async () => {
    const seen = new Set<unknown>();
    await simulateSeeds(
      { count: 80 },
      (sim) =>
        unlinkFromBrief(sim, async (self, pid, before) => {
          self.link(pid);
          await pause(self, 5_000);
          // One exit signal for the new link: the exit, or noproc if too late.
          const after = await drain(self) as Exit[];
          expect(after).toHaveLength(1);
          expect(after[0]?.from).toBe(pid);
          seen.add(after[0]?.reason);
          if (before.length > 0) expect(after[0]?.reason).toBe(reasons.noproc);
        }),
    );
    expect(seen).toEqual(new Set(["over", reasons.noproc]));
  });

  it("without trapping does not end an actor that has taken the link back", async () => {
    const ends = new Set<string>();
    await simulateSeeds({ count: 80 }, async (sim) => {
      const a = await sim.start("a@sim", lone);
      await sim.start("b@sim", { ...lone, exports });
      const outcome = await a.run(async (self: Self<unknown>) => {
        const { pid } = await self.spawnOn("b@sim", "brief", [
          sim.below(8),
        ], { link: true });
        await pause(self, sim.below(12));
        self.unlink(pid);
        await pause(self, 50);
        return "lived";
      }).catch((error: { reason: unknown }) => error.reason);
      expect(["lived", "over"]).toContain(outcome);
      ends.add(String(outcome));
      await expectClean(sim);
    });
    expect(ends.size).toBe(2);
  });
});

describe("links and unlinks from both sides", () => {
  it("end in the same state on both", async () => {
    const states = new Set<number>();
    await simulateSeeds({ count: 80 }, async (sim) => {
      const names = ["a@sim", "b@sim"] as const;
      const pids = new Map<string, Pid>();
      let finished = 0;
      for (const [i, name] of names.entries()) {
        const other = names[1 - i]!;
        const node = await sim.start(name, lone);
        node.spawn(async (self: Self<unknown>) => {
          self.trapExits = true;
          const peer = await self.receive() as Pid;
          for (let step = 0; step < 6; step++) {
            if (sim.below(2) === 0) self.link(peer);
            else self.unlink(peer);
            await pause(self, sim.below(3));
          }
          finished++;
          await pause(self, 1_000_000);
        }, { name: "side" });
        node.spawn(async (self: Self<unknown>) => {
          // The other's pid has to come over the wire, as always.
          const side = self.whereis("side") as Pid;
          pids.set(name, side);
          while (self.nodes().length === 0) await pause(self, 1);
          self.send({ name: "side", node: other }, side);
        });
      }
      await sim.node("a@sim").connect("b@sim");
      await sim.until(() => finished === 2, { what: "both sides" });
      await sim.advance(20);
      const links = names.map((name) =>
        sim.node(name).info(pids.get(name)!)?.links.length
      );
      expect(links[0]).toBe(links[1]);
      states.add(links[0]!);
    });
    expect(states).toEqual(new Set([0, 1]));
  });
});

describe("a spawn on a node that is cut off meanwhile", () => {
  it("is told exactly once, as a rejection or by link and monitor", async () => {
    const outcomes = new Set<string>();
    await simulateSeeds({ count: 120 }, async (sim) => {
      const a = await sim.start("a@sim", lone);
      const b = await sim.start("b@sim", { ...lone, exports });
      expect(await a.connect("b@sim")).toBe(true);
      const before = b.stats().actors;
      let isAsking = false;
      const told = a.run(async (self: Self<unknown>) => {
        self.trapExits = true;
        isAsking = true;
        const behaviour = sim.below(2) === 0 ? "park" : "brief";
        try {
          const { pid, ref } = await self.spawnOn("b@sim", behaviour, [1], {
            link: true,
            monitor: true,
          });
          await pause(self, 100);
          const messages = await drain(self);
          expect(messages).toHaveLength(2);
          const down = messages.find((one) => one instanceof Down);
          const exit = messages.find((one) => one instanceof Exit);
          expect(down).toMatchObject({ ref, target: pid });
          expect(exit?.from).toBe(pid);
          expect(exit?.reason).toBe(down?.reason);
          return down?.reason;
        } catch (error) {
          expect(error).toBeInstanceOf(SpawnError);
          expect(error).toMatchObject({ reason: "noconnection" });
          await pause(self, 100);
          expect(await drain(self)).toEqual([]);
          return "rejected";
        }
      });
      await sim.until(() => isAsking, { what: "the request" });
      await sim.advance(sim.below(60) / 10);
      sim.cut("a@sim", "b@sim");
      outcomes.add(String(await told));
      // What was begun on the other node has ended with the connection.
      await sim.until(() => b.stats().actors === before, { what: "its end" });
      await expectClean(sim);
    });
    expect(outcomes).toEqual(
      new Set(["rejected", "over", String(reasons.noconnection)]),
    );
  });
});
