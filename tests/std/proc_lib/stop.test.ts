/** Stops of actors: delays, time limits, aborts and lost nodes. */
import { describe, expect, test } from "vitest";
import {
  Down,
  reasons,
  type Self,
  Timeout,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { start, stop, StopError } from "../../../std/proc_lib/mod.ts";
import { simulate } from "../../../std/testing/mod.ts";
import { drain, lone, park } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { cluster } from "../../sim/cluster.ts";
import { acknowledge } from "./actors.ts";
import { failureOf } from "../outcomes.ts";

/**
 * To be spawned with `trapping`: calls `end` some time after an exit signal.
 */
const endsLater =
  (delayMs: number, end: (me: Self, reason: unknown) => void) =>
  async (me: Self) => {
    const { reason } = await me.receive("EXIT");
    me.startTimer(delayMs, null);
    await me.receive((message) => message instanceof Timeout);
    end(me, reason);
  };

const trapping = { trapExits: true } as const;

describe("stop", () => {
  test("ends an actor by pid or by name", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid } = await start(self, acknowledge);
      await stop(self, pid);
      expect(self.isActorAlive(pid)).toBe(false);
      const reasonOf = self.monitor(self.spawn(park, { name: "server" }));
      await stop(self, "server", { reason: "enough" });
      expect(await self.receive(reasonOf)).toMatchObject({ reason: "enough" });
      await stop(self, self.spawn(park), { reason: reasons.kill });
      expect(await drain(self)).toEqual([]);
    });
  });

  test("waits for an actor that ends later", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        const ends: ((me: Self, reason: unknown) => void)[] = [
          (me, reason) => me.exit(reason),
          () => {},
        ];
        for (const end of ends) {
          const pid = self.spawn(endsLater(100, end), trapping);
          const before = sim.timeMs;
          await stop(self, pid);
          expect(sim.timeMs - before).toBeGreaterThanOrEqual(100);
        }
      });
    });
  });

  test("removes a link first", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      await stop(self, self.spawnLink(park));
      self.trapExits = true;
      await stop(self, self.spawnLink(park), { reason: "enough" });
      expect(await drain(self)).toEqual([]);
    });
  });

  test("rejects with the reason of any other end", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        const dead = self.spawn(() => {});
        await self.receive({ timeoutMs: 1 });
        for (const target of [dead, "nobody"]) {
          const failed = await failureOf(stop(self, target), StopError);
          expect(failed.reason).toBe(reasons.noproc);
        }
        const other = self.spawn(
          endsLater(10, (me) => me.exit("crash")),
          trapping,
        );
        const failed = await failureOf(stop(self, other), StopError);
        expect(failed.reason).toBe("crash");
        expect(failed.message).toContain('to end with shutdown, got "crash"');
      });
    });
  });

  test("after a timeout leaves the actor alive and no message in the mailbox", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        const pid = self.spawn(endsLater(100, () => {}), trapping);
        const failed = await failureOf(
          stop(self, pid, { timeoutMs: 50 }),
          StopError,
        );
        expect(failed.reason).toBe("timeout");
        expect(self.isActorAlive(pid)).toBe(true);
        const ref = self.monitor(pid);
        expect(await self.receive()).toEqual(
          new Down(ref, pid, reasons.normal),
        );
        expect(await drain(self)).toEqual([]);
      });
    });
  });

  test("can be aborted", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const pid = self.spawn(async (me) => {
        await me.receive("EXIT");
        controller.abort(reason);
        await park(me);
      }, trapping);
      const { signal } = controller;
      await expect(stop(self, pid, { signal })).rejects.toBe(reason);
      expect(self.info()?.monitors).toEqual([]);
    });
  });

  test("refuses the caller itself and the reason normal", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const own = await failureOf(stop(self, self.pid), UsageError);
      expect(own.message).toContain("use self.exit");
      const pid = self.spawn(park);
      const { normal } = reasons;
      const error = await failureOf(
        stop(self, pid, { reason: normal }),
        UsageError,
      );
      expect(error.message).toContain("other than normal");
      expect(self.isActorAlive(pid)).toBe(true);
    });
  });

  test("stops an actor of another node, and rejects when that node is lost", async () => {
    await simulate({ seed: 3 }, async (sim) => {
      const [a, b] = await cluster(sim, "a@sim", "b@sim");
      const parked = b!.stats().actors;
      const outcome = a!.run(async (self) => {
        const { pid } = await self.spawnOn("b@sim", "park");
        // The reason comes back as another object of the same content.
        await stop(self, pid, { reason: tuple("shutdown", ["x"]) });
        const dead = await failureOf(stop(self, pid), StopError);
        const { pid: last } = await self.spawnOn("b@sim", "park");
        self.send(last, "so that it is there");
        const lost = failureOf(stop(self, last), StopError);
        return [dead.reason, (await lost).reason];
      });
      await sim.until(() => b!.stats().actors > parked, { what: "the actor" });
      await sim.until(() => b!.stats().actors === parked, { what: "its end" });
      await sim.until(() => b!.stats().actors > parked, { what: "the last" });
      sim.crash("b@sim");
      expect(await outcome).toEqual([reasons.noproc, reasons.noconnection]);
    });
  });
});
