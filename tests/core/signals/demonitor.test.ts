/**
 * `demonitor` against the `Down` that it races with: its answer says whether
 * one has come, and after it none comes. And what it refuses.
 */
import { describe, expect, test } from "vitest";
import {
  Down,
  type Pid,
  reasons,
  Ref,
  type RunningNode,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, drain, lone, obedient, park } from "../../helpers/actors.ts";
import {
  holdings,
  inside,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";

const { kill } = reasons;
const TARGETS = 100;
const ROUNDS = 100;

/**
 * Monitors targets, has each killed at some point, and takes each monitor back
 * at another. Returns how often a Down was first.
 */
async function race(
  self: Self<unknown>,
  node: RunningNode,
  settle: () => Promise<void>,
): Promise<number> {
  let fired = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const pids = Array.from({ length: TARGETS }, () => node.spawn(park));
    const refs = pids.map((pid) => self.monitor(pid as Pid));
    const isFlushing = round % 2 === 0;
    const late = new Set<Ref>();
    for (const [i, ref] of refs.entries()) {
      // Some are killed before, some after, some with a look in between.
      if ((i * 7 + round) % 3 > 0) self.sendExit(pids[i] as Pid, kill);
      if (i % 50 === round % 50) await settle();
      if (!self.demonitor(ref, { flush: isFlushing })) late.add(ref);
      self.sendExit(pids[i] as Pid, kill);
    }
    await settle();
    const downs = await drain(self) as Down[];
    const expected = isFlushing ? [] : refs.filter((ref) => late.has(ref));
    expect(downs.map(({ ref }) => ref)).toEqual(expected);
    fired += late.size;
  }
  return fired;
}

describe("demonitor and the end of its target, in 100 rounds of 100,", () => {
  test("agree on one node", async () => {
    const { node } = await lone();
    const settle = async () => void await node.run(() => {});
    const fired = await node.run((self) => race(self, node, settle));
    expect(fired).toBeGreaterThan(0);
    expect(fired).toBeLessThan(TARGETS * ROUNDS);
    expect(await holdings(node))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("agree between two nodes", async () => {
    const { a, b } = await two();
    const fired = await a.run((self) => race(self, b, () => roundTrip(a, b)));
    expect(fired).toBeGreaterThan(0);
    expect(fired).toBeLessThan(TARGETS * ROUNDS);
    await roundTrip(a, b);
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("agree under any schedule", async () => {
    const answers = new Set<boolean>();
    await simulateSeeds({ count: 60 }, async (sim) => {
      const a = await sim.start("a@sim");
      await sim.start("b@sim", {
        exports: {
          brief: () => async (me: Self) => {
            await me.receive({ timeoutMs: 5 });
            me.exit("over");
          },
        },
      });
      await a.run(async (self: Self<unknown>) => {
        const { ref } = await self.spawnOn("b@sim", "brief", [], {
          monitor: true,
        });
        // A pause that leaves the Down where it is.
        await self.receive((m) => m === "never", {
          timeoutMs: sim.below(10),
        });
        const isActive = self.demonitor(ref!);
        answers.add(isActive);
        const first = await drain(self);
        expect(first).toHaveLength(isActive ? 0 : 1);
        await self.receive({ timeoutMs: 100 });
        expect(await drain(self)).toEqual([]);
      });
    });
    expect(answers.size).toBe(2);
  });
});

describe("demonitor with flush", () => {
  test("of some of four monitors leaves the Downs of the others", async () => {
    const { a, b } = await two();
    for (const node of [a, b]) {
      const there = puppet(node);
      await a.run(async (self: Self<unknown>) => {
        const refs = Array.from({ length: 4 }, () => self.monitor(there.pid));
        await roundTrip(a, b);
        void inside(there, (me) => me.exit("x")).catch(() => {});
        await roundTrip(a, b);
        // Twice is as good as once.
        for (const ref of [refs[1]!, refs[3]!, refs[1]!]) {
          expect(self.demonitor(ref, { flush: true })).toBe(false);
        }
        expect(await drain(self)).toEqual(
          [refs[0]!, refs[2]!].map((ref) => new Down(ref, there.pid, "x")),
        );
      });
    }
  });

  test("says false whether or not its Down was read already", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const isRead of [true, false]) {
        const { ref } = self.spawnMonitor(() => {});
        const other = self.spawnMonitor(() => {}).ref;
        await self.receive(other);
        if (isRead) await self.receive(ref);
        expect(self.demonitor(ref, { flush: true })).toBe(false);
        expect(await drain(self)).toEqual([]);
      }
    });
  });
});

describe("demonitor refuses", () => {
  test("what is no ref, and refs of other nodes", async () => {
    const { a, b } = await two();
    const there = puppet(b);
    await a.run(async (self: Self<unknown>) => {
      const theirs = await inside(there, (me) => me.monitor(self.pid));
      const bad = [undefined, null, 1, "ref", {}, [], self.pid, theirs];
      for (const ref of [...bad, new Ref("c@test", 1, [1])]) {
        expect(() => self.demonitor(ref as Ref), String(ref))
          .toThrow(UsageError);
      }
    });
    // The monitor that was not theirs to end is as it was.
    expect(await holdings(b)).toMatchObject({ monitors: 1 });
  });

  test("a ref under which another actor monitors the caller", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const watched = self.spawn(obedient) as Pid<unknown>;
      const ref = self.monitor(watched);
      self.send(watched, (me: Self) => {
        expect(() => me.demonitor(ref)).toThrow(UsageError);
        me.send(self.pid, "refused");
      });
      expect(await self.receive()).toBe("refused");
      expect(self.demonitor(ref)).toBe(true);
      expect((await coreOf(node)).localActor(watched)?.watchers).toBeNull();
    });
    expect(node.stats().crashes).toBe(0);
  });

  test("nothing of its own: unknown, fired, ended, an alias", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { ref: fired } = self.spawnMonitor(() => {});
      await self.receive();
      const ended = self.monitor(self.pid);
      expect(self.demonitor(ended)).toBe(true);
      for (const ref of [self.makeRef(), fired, ended, self.alias()]) {
        expect(self.demonitor(ref)).toBe(false);
      }
    });
  });
});
