/** Supervisors of tasks: they start, list, restart and end tasks. */
import { describe, expect, test } from "vitest";
import {
  atom,
  CallError,
  type Down,
  Exit,
  global,
  type Pid,
  reasons,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import type { StartError } from "../../../std/proc_lib/mod.ts";
import {
  Task,
  type TaskError,
  TaskSupervisor,
  type TaskSupervisorOptions,
} from "../../../std/task/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";
import { expectActors, expectNothingLeft, failure, hang } from "./world.ts";

const oops = new Error("oops");
const fail = (): never => {
  throw oops;
};

async function supervised(
  body: (self: Self<unknown>, tasks: TaskSupervisor) => Promise<void>,
  options?: TaskSupervisorOptions,
): Promise<void> {
  const { node } = await lone({ log: () => {} });
  const before = node.stats().actors;
  await node.run(async (self) => {
    const tasks = await TaskSupervisor.start(self, options);
    await body(self, tasks);
    expectNothingLeft(self);
    await tasks.stop(self);
  });
  await expectActors(node, before);
}

describe("a supervisor of tasks", () => {
  test("starts tasks to be awaited, with a link or without", () =>
    supervised(async (self, tasks) => {
      const two: number = await Task.await(
        self,
        await tasks.async(self, () => 2),
      );
      expect(two).toBe(2);
      const linked = await tasks.async(self, hang);
      expect(self.info()?.links).toEqual([linked.pid]);
      expect(await Task.shutdown(self, linked)).toBeNull();
      const bad = await tasks.asyncNolink(self, fail);
      const error = await failure(Task.await(self, bad));
      expect((error as TaskError).reason).toBe(oops);
      expect(await tasks.children(self)).toEqual([]);
    }));

  test("a linked task that fails ends its caller, but not the supervisor", () =>
    supervised(async (self, tasks) => {
      const { ref } = self.spawnMonitor(async (me) => {
        await Task.await(me, await tasks.async(me, fail)).catch(() => {});
        await hang(me);
      });
      expect(await self.receive(ref)).toMatchObject({ reason: oops });
      expect(await tasks.children(self)).toEqual([]);
    }));

  test("a task whose owner has ended does not run", () =>
    supervised(async (self, tasks) => {
      let ran = 0;
      const { pid, ref } = self.spawnMonitor(async (me) => {
        // The owner ends before the supervisor has replied.
        me.sendExit(me.pid as Pid, reasons.kill);
        await Promise.resolve();
      });
      await self.receive(ref);
      expect(self.isActorAlive(pid as Pid)).toBe(false);
      const owner = self.spawn(async (me) => {
        void tasks.async(me, () => void ran++).catch(() => {});
        await me.receive();
      });
      self.sendExit(owner as Pid, reasons.kill);
      await waitFor(
        async () => (await tasks.children(self)).length === 0,
        { what: "no task" },
      );
      expect(ran).toBeLessThan(2);
    }));

  test("shuts its tasks down, and kills those that do not end", async () => {
    const { node } = await lone({ log: () => {} });
    const before = node.stats().actors;
    await node.run(async (self: Self<unknown>) => {
      const tasks = await TaskSupervisor.start(self);
      const words: unknown[] = [];
      const trap =
        (word: string, isStubborn: boolean) => async (me: Self<unknown>) => {
          me.trapExits = true;
          const { reason } = await me.receive((m) => m instanceof Exit) as Exit;
          words.push([word, reason]);
          if (isStubborn) await hang(me);
        };
      const orderly = await tasks.startChild(self, trap("orderly", false));
      const options = { shutdown: 5 };
      const stubborn = await tasks.startChild(
        self,
        trap("stubborn", true),
        options,
      );
      const brutal = await tasks.startChild(self, trap("brutal", true), {
        shutdown: "brutalKill",
      });
      await sleep(self, 1);
      const refs = [orderly, stubborn, brutal].map((pid) => self.monitor(pid));
      await tasks.stop(self);
      const ends = [];
      for (const ref of refs) {
        ends.push((await self.receive(ref) as Down).reason);
      }
      expect(ends).toEqual([reasons.normal, reasons.killed, reasons.killed]);
      expect(words).toEqual([
        ["orderly", reasons.shutdown],
        ["stubborn", reasons.shutdown],
      ]);
    });
    await expectActors(node, before);
  });

  test("lists its children and terminates one", () =>
    supervised(async (self, tasks) => {
      const a = await tasks.startChild(self, hang);
      const b = await tasks.startChild(self, hang);
      expect(await tasks.children(self)).toEqual([a, b]);
      expect(await tasks.terminateChild(self, a)).toBe(true);
      expect(self.isActorAlive(a as Pid)).toBe(false);
      expect(await tasks.terminateChild(self, a)).toBe(false);
      expect(await tasks.children(self)).toEqual([b]);
    }));

  test("restarts children as their `restart` option says", () =>
    supervised(async (self, tasks) => {
      const runs = { temporary: 0, transient: 0, permanent: 0, orderly: 0 };
      const crashing =
        (name: keyof typeof runs) => async (me: Self<unknown>) => {
          if (++runs[name] < 3) throw oops;
          await hang(me);
        };
      await tasks.startChild(self, crashing("temporary"));
      await tasks.startChild(self, crashing("transient"), {
        restart: "transient",
      });
      await tasks.startChild(self, () => void runs.orderly++, {
        restart: "transient",
      });
      await tasks.startChild(self, async (me) => {
        if (++runs.permanent > 1) await hang(me);
      }, { restart: "permanent" });
      await waitFor(
        () => runs.transient === 3 && runs.permanent === 2,
        { what: "the restarts" },
      );
      expect(runs).toEqual({
        temporary: 1,
        transient: 3,
        permanent: 2,
        orderly: 1,
      });
      expect(await tasks.children(self)).toHaveLength(2);
    }, { maxRestarts: 10 }));

  test("gives up after too many restarts in a short time", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self: Self<unknown>) => {
      const tasks = await TaskSupervisor.start(self, { maxRestarts: 2 });
      const ref = self.monitor(tasks.pid);
      let runs = 0;
      const other = await tasks.startChild(self, hang);
      await tasks.startChild(self, () => {
        runs++;
        fail();
      }, { restart: "permanent" });
      expect(await self.receive(ref)).toMatchObject({
        reason: reasons.shutdown,
      });
      expect(runs).toBe(3);
      expect(self.isActorAlive(other as Pid)).toBe(false);
    });
  });

  test("refuses more tasks than `maxChildren`", () =>
    supervised(async (self, tasks) => {
      const task = await tasks.async(self, hang);
      const error = await failure(tasks.async(self, hang));
      expect(error).toBeInstanceOf(CallError);
      expect((error as CallError).reason).toBe(atom("max_children"));
      await Task.shutdown(self, task);
      expect(await Task.await(self, await tasks.async(self, () => 1))).toBe(1);
    }, { maxChildren: 1 }));

  test("is found by name, and used on its own node only", async () => {
    const cluster = await testCluster(["a@test", "b@test"]);
    await cluster.node("a@test").run(async (self) => {
      for (const name of ["tasks", { via: global, name: "tasks" }]) {
        const { pid } = await TaskSupervisor.startLink(self, { name });
        const taken = await failure(TaskSupervisor.start(self, { name }));
        expect((taken as StartError).reason)
          .toEqual(tuple(atom("already_started"), pid));
        const found = TaskSupervisor.at(name);
        expect(await Task.await(self, await found.async(self, () => 1)))
          .toBe(1);
        expect(() => found.pid).toThrow("known by its pid");
      }
    });
    await cluster.node("b@test").run(async (self) => {
      const there = TaskSupervisor.at({ name: "tasks", node: "a@test" });
      const error = await failure(there.async(self, () => 1));
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toContain("functions cannot go to another");
    });
    await cluster.stop();
  });

  test("works on a node that copies messages", async () => {
    const { node } = await lone({ isolate: "copy" });
    await node.run(async (self) => {
      const tasks = await TaskSupervisor.startLink(self);
      expect(await Task.await(self, await tasks.async(self, () => [1])))
        .toEqual([1]);
    });
  });

  test("ends with its parent, and ends its tasks", async () => {
    const { node } = await lone({ log: () => {} });
    const before = node.stats().actors;
    const parent = node.spawn(async (self) => {
      const tasks = await TaskSupervisor.startLink(self);
      await tasks.startChild(self, hang);
      self.exit(await self.receive());
    });
    await expectActors(node, before + 3);
    node.send(parent as Pid<unknown>, reasons.shutdown);
    await expectActors(node, before);
  });
});

test("under random schedules tasks leave nothing, in any order of ends", async () => {
  await simulateSeeds({ count: 60 }, async (sim) => {
    const node = await sim.start("a@sim");
    await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const before = node.stats().actors;
      const tasks = await TaskSupervisor.start(self, {
        maxRestarts: 100,
      });
      const work = async (me: Self<unknown>) => {
        await sleep(me, sim.below(5));
        if (sim.below(3) === 0) throw oops;
        return "value";
      };
      const owners = Array.from(
        { length: 4 },
        () =>
          self.spawnMonitor(async (me) => {
            me.trapExits = sim.below(2) === 0;
            const isLinked = sim.below(2) === 0;
            const task = isLinked
              ? await tasks.async(me, work)
              : await tasks.asyncNolink(me, work);
            const outcome = await Task.yield(me, task, sim.below(6)) ??
              await Task.shutdown(me, task);
            if (outcome?.type === "ok") expect(outcome.value).toBe("value");
            if (outcome?.type === "exit") expect(outcome.reason).toBe(oops);
            expectNothingLeft({
              info: () => ({ ...me.info(), monitoredBy: [] }) as never,
            });
          }),
      );
      for (const { pid } of owners) {
        await sleep(self, sim.below(2));
        if (sim.below(4) === 0) self.sendExit(pid as Pid, reasons.kill);
      }
      for (const { ref } of owners) {
        const { reason } = await self.receive(ref) as Down;
        expect([reasons.normal, reasons.killed, oops]).toContain(reason);
      }
      await sleep(self, 20);
      expect(await tasks.children(self)).toEqual([]);
      await tasks.stop(self);
      expect(node.stats().actors).toBe(before);
    });
  });
});
