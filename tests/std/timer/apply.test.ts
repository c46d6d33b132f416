/** Timers of std that run and end actors, in virtual time. */
import { describe, expect, test } from "vitest";
import type { LocalActor } from "../../../runtime/core/actor/local_actor.ts";
import { reasons, type Self } from "../../../runtime/mod.ts";
import {
  applyAfter,
  applyInterval,
  applyRepeatedly,
  exitAfter,
  killAfter,
  sleep,
} from "../../../std/timer/mod.ts";
import { crashReports, lone, park } from "../../helpers/actors.ts";
import { expectNoTimers, kill, type World, world } from "./world.ts";

/** An actor that works for a while and logs when it begins and ends. */
const worker = ({ host, log }: World, workMs: number) => async (self: Self) => {
  log.push([host.time, "begin"]);
  await sleep(self, workMs);
  log.push([host.time, "end"]);
};

/** As `pass`, but also lets promises settle. */
async function passAsync({ host }: World, ms: number): Promise<void> {
  const end = host.time + ms;
  while (host.time < end) {
    await host.settleAsync();
    host.advance(1);
  }
  await host.settleAsync();
}

describe("applyAfter", () => {
  test("runs an actor once, after its delay", async () => {
    const made = world();
    const timer = applyAfter(made.owner, 10, worker(made, 5));
    await passAsync(made, 5);
    kill(made, made.owner);
    await passAsync(made, 50);
    expect(made.log).toEqual([[10, "begin"], [15, "end"]]);
    expect(timer.cancel()).toBe(false);
    expectNoTimers(made, 1);
  });
});

describe("applyInterval", () => {
  test("runs actors at the same time when they take longer than a period", async () => {
    const made = world();
    const timer = applyInterval(made.owner, 10, worker(made, 25));
    await passAsync(made, 36);
    timer.cancel();
    await passAsync(made, 50);
    expect(made.log).toEqual([
      [10, "begin"],
      [20, "begin"],
      [30, "begin"],
      [35, "end"],
      [45, "end"],
      [55, "end"],
    ]);
    expectNoTimers(made, 2);
  });

  test("goes on when an actor crashes, and ends with its owner", async () => {
    const made = world();
    applyInterval(made.owner, 10, () => {
      throw new Error("bad job");
    });
    await passAsync(made, 25);
    expect(crashReports(made.host.records)).toHaveLength(2);
    kill(made, made.owner);
    await passAsync(made, 25);
    expect(crashReports(made.host.records)).toHaveLength(2);
    expectNoTimers(made, 1);
  });
});

describe("applyRepeatedly", () => {
  test("never runs two at a time, and makes up for missed rounds", async () => {
    const made = world();
    let round = 0;
    applyRepeatedly(made.owner, 10, async (self) => {
      await worker(made, ++round === 1 ? 25 : 2)(self);
    });
    await passAsync(made, 65);
    expect(made.log.filter(([, what]) => what === "begin")).toHaveLength(6);
    expect(made.log.map(([, what]) => what)).toEqual(
      Array.from({ length: 12 }, (_, i) => i % 2 === 0 ? "begin" : "end"),
    );
    // Missed rounds first, then the schedule is kept again.
    expect(made.log[2]?.[0]).toBeGreaterThanOrEqual(35);
    expect(made.log.slice(8)).toEqual([
      [50, "begin"],
      [52, "end"],
      [60, "begin"],
      [62, "end"],
    ]);
  });

  test("goes on when an actor crashes", async () => {
    const made = world();
    applyRepeatedly(made.owner, 10, () => {
      throw new Error("bad job");
    });
    await passAsync(made, 35);
    expect(crashReports(made.host.records)).toHaveLength(3);
  });

  test("ends with its owner, and the running actor goes on", async () => {
    const made = world();
    applyRepeatedly(made.owner, 10, worker(made, 25));
    await passAsync(made, 15);
    kill(made, made.owner);
    await passAsync(made, 50);
    expect(made.log).toEqual([[10, "begin"], [35, "end"]]);
    expectNoTimers(made, 1);
  });

  test("cancelled during a round starts no other", async () => {
    const made = world();
    const timer = applyRepeatedly(made.owner, 10, worker(made, 15));
    await passAsync(made, 12);
    expect(timer.cancel()).toBe(true);
    await passAsync(made, 50);
    expect(made.log).toEqual([[10, "begin"], [25, "end"]]);
    expectNoTimers(made, 2);
  });
});

describe("exitAfter and killAfter", () => {
  test("end an actor, by pid or by name, trapping or not", () => {
    const made = world();
    const { node, owner, pass } = made;
    const reason = (actor: LocalActor) =>
      actor.isAlive ? "alive" : actor.endReason;
    const plain = node.spawnActor(park, {}, null);
    const named = node.spawnActor(park, { name: "named" }, null);
    const trapping = node.spawnActor(park, { trapExits: true }, null);
    exitAfter(owner, 10, plain.pid, "enough");
    exitAfter(owner, 10, "named", "enough");
    exitAfter(owner, 10, trapping.pid, "enough");
    exitAfter(owner, 10, "absent", "enough");
    killAfter(owner, 20, trapping.pid);
    pass(9);
    expect([plain, named, trapping].map(reason))
      .toEqual(["alive", "alive", "alive"]);
    pass(1);
    expect([plain, named, trapping].map(reason))
      .toEqual(["enough", "enough", "alive"]);
    pass(10);
    expect(reason(trapping)).toBe(reasons.killed);
    expect(made.host.records).toEqual([]);
    expectNoTimers(made, 2);
  });

  test("can end the actor that has set them", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { ref } = self.spawnMonitor(async (me) => {
        exitAfter(me, 1, me.pid, "alarm");
        await park(me);
      });
      expect(await self.receive(ref)).toMatchObject({ reason: "alarm" });
    });
  });
});
