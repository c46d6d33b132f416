/** Several tasks of one owner, and races of a task with its owner. */
import { describe, expect, test } from "vitest";
import { Exit, type Pid, reasons, type Self } from "../../../runtime/mod.ts";
import { Task, type TaskError } from "../../../std/task/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { drain } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import {
  expectNothingLeft,
  fail,
  failure,
  hang,
  oops,
  owner,
} from "./world.ts";

describe("several tasks", () => {
  test("are awaited together, in their order", () =>
    owner(async (self) => {
      const slow = Task.async(self, async (me) => {
        await sleep(me, 5);
        return "slow";
      });
      const quick = Task.async(self, () => 1);
      const values: [string, number, boolean] = await Task.awaitMany(self, [
        slow,
        quick,
        Task.completed(self, true),
      ]);
      expect(values).toEqual(["slow", 1, true]);
      expect(await Task.awaitMany(self, [])).toEqual([]);
    }));

  test("are given up at the first failure, and at a time-out", () =>
    owner(async (self) => {
      const hanging = Task.async(self, hang);
      const done = Task.async(self, () => 1);
      const bad = Task.async(self, fail);
      const error = await failure(Task.awaitMany(self, [hanging, done, bad]));
      expect((error as TaskError).reason).toBe(oops);
      const late = Task.async(self, hang);
      const late2 = Task.async(self, () => 2);
      const timeout = await failure(
        Task.awaitMany(self, [late, late2], { timeoutMs: 1 }),
      );
      expect((timeout as TaskError).reason).toBe("timeout");
      expect(self.info()).toMatchObject({ monitors: [], aliases: 0 });
      for (const task of [hanging, late]) {
        expect(self.isActorAlive(task.pid as Pid)).toBe(true);
        expect(await Task.shutdown(self, task)).toBeNull();
      }
    }));

  test("must not be twice in one list", () =>
    owner(async (self) => {
      const task = Task.async(self, () => 1);
      const error = await failure(Task.awaitMany(self, [task, task]));
      expect(String(error)).toContain("got one of them twice");
      expect(await Task.await(self, task)).toBe(1);
    }));

  test("are yielded to until all have ended or the time has passed", () =>
    owner(async (self) => {
      const make = () =>
        [
          Task.async(self, () => 1),
          Task.async(self, fail),
          Task.async(self, hang),
        ] as const;
      const two = [Task.async(self, () => 1), Task.async(self, fail)] as const;
      const [a, b] = await Task.yieldMany(self, two);
      expect([a, b]).toEqual([
        { type: "ok", value: 1 },
        { type: "exit", reason: oops },
      ]);
      const tasks = make();
      const outcomes = await Task.yieldMany(self, tasks, { timeoutMs: 5 });
      expect(outcomes[2]).toBeNull();
      expect(tasks[2].isSettled).toBe(false);
      expect(await Task.shutdown(self, tasks[2])).toBeNull();
      for (const onTimeout of ["ignore", "killTask"] as const) {
        const three = make();
        const options = { timeoutMs: 5, onTimeout };
        expect((await Task.yieldMany(self, three, options))[2]).toBeNull();
        const { pid } = three[2];
        expect(self.isActorAlive(pid as Pid)).toBe(onTimeout === "ignore");
        self.sendExit(pid as Pid, reasons.kill);
      }
    }));

  test("are waited for until `limit` of them have ended", () =>
    owner(async (self) => {
      const tasks = [
        Task.async(self, hang),
        Task.async(self, () => 1),
        Task.async(self, hang),
      ];
      const options = { limit: 1, onTimeout: "killTask" } as const;
      const outcomes = await Task.yieldMany(self, tasks, options);
      expect(outcomes).toEqual([null, { type: "ok", value: 1 }, null]);
      for (const task of [tasks[0], tasks[2]] as Task[]) {
        expect(self.isActorAlive(task.pid as Pid)).toBe(true);
        expect(await Task.shutdown(self, task, "brutalKill")).toBeNull();
      }
    }));
});

describe("under random schedules", () => {
  const end = (below: (n: number) => number) => async (me: Self<unknown>) => {
    await sleep(me, below(4));
    const how = below(4);
    if (how === 0) throw oops;
    if (how === 1) me.exit(reasons.normal);
    return "value";
  };

  test("a shutdown that races with the task's end leaves nothing", async () => {
    const kinds = new Set<string>();
    await simulateSeeds({ count: 200 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        self.trapExits = sim.below(2) === 0;
        const task = Task.async(self, async (me) => {
          await sleep(me, sim.below(4));
          return "value";
        });
        await sleep(self, sim.below(4));
        const how = sim.below(2) === 0 ? "brutalKill" : sim.below(3);
        const wasThere = self.info()?.mailboxLength ?? 0;
        const outcome = await Task.shutdown(self, task, how);
        kinds.add(outcome?.type ?? "null");
        // A reply that had come before counts; else both are possible.
        if (wasThere > 0) expect(outcome).not.toBeNull();
        if (outcome !== null) {
          expect(outcome).toEqual({ type: "ok", value: "value" });
        }
        expect(self.isActorAlive(task.pid as Pid)).toBe(false);
        expectNothingLeft(self);
        await sleep(self, 10);
        expectNothingLeft(self);
      });
    });
    expect([...kinds].toSorted()).toEqual(["null", "ok"]);
  });

  test("time-outs that race with replies and exits leave nothing", async () => {
    await simulateSeeds({ count: 100 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        self.trapExits = true;
        const below = (n: number) => sim.below(n);
        const tasks = Array.from(
          { length: 3 },
          () => Task.async(self, end(below)),
        );
        const [first, ...others] = tasks as [Task<string>, Task<string>];
        const got = await Task.await(self, first, { timeoutMs: sim.below(5) })
          .catch((error: TaskError) => error.reason);
        expect([oops, reasons.normal, "value", "timeout"]).toContain(got);
        const way = sim.below(3);
        if (way === 0) {
          await Task.awaitMany(self, others, { timeoutMs: sim.below(5) })
            .catch(() => {});
        } else {
          const onTimeout = way === 1 ? "ignore" : "killTask";
          const timeoutMs = sim.below(5);
          await Task.yieldMany(self, others, { timeoutMs, onTimeout });
        }
        // A task that was given up at a time-out keeps its link.
        await sleep(self, 20);
        await drain(self as Self<unknown>).then((left) => {
          for (const message of left) expect(message).toBeInstanceOf(Exit);
        });
        expectNothingLeft(self);
      });
    });
  });
});
