/** Agents: functions, names, failures and termination. */
import { describe, expect, test } from "vitest";
import {
  atom,
  CallError,
  type Down,
  global,
  type Pid,
  reasons,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { Agent } from "../../../std/agent/mod.ts";
import type { StartError, StopError } from "../../../std/proc_lib/mod.ts";
import { Registry } from "../../../std/registry/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { failure } from "../outcomes.ts";

describe("an agent", () => {
  test("keeps a value that typed functions read and change", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const agent = await Agent.start(self, () => 1);
      const text: string = await agent.get((n) => `is ${n}`);
      expect(text).toBe("is 1");
      expect(await agent.update((n) => n + 1)).toBeUndefined();
      const before: number = await agent.getAndUpdate((n) => [n, n * 10]);
      expect(before).toBe(2);
      agent.cast((n) => n + 1);
      expect(await agent.get((n) => n)).toBe(21);
      // @ts-expect-error The value is a number.
      agent.cast(() => "text");
      expect(self.info()).toMatchObject({ mailboxLength: 0, monitors: [] });
    });
  });

  test("waits for asynchronous functions, one after the other", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const agent = await Agent.startLink(self, async () => {
        await Promise.resolve();
        return [0];
      });
      const add = (n: number) => async (list: number[]) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return [...list, n];
      };
      agent.cast(add(1));
      const second = agent.update(add(2));
      const third = agent.getAndUpdate(async (list) =>
        [list.length, await add(3)(list)] as const
      );
      expect(await Promise.all([second, third])).toEqual([undefined, 3]);
      expect(await agent.get((list) => Promise.resolve(list)))
        .toEqual([0, 1, 2, 3]);
    });
  });

  test("has names as servers have", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const registry = await Registry.startLink<string, null>(self, {
        keys: "unique",
      });
      const names = [
        "local",
        { via: global, name: "global" },
        registry.via("k", null),
      ];
      for (const name of names) {
        const { pid } = await Agent.startLink(self, () => 1, { name });
        const found = Agent.at<number>(self, name);
        expect(await found.get((n) => n)).toBe(1);
        expect(found.pid).toBe(pid);
        const taken = await failure(Agent.start(self, () => 2, { name }));
        expect((taken as StartError).reason)
          .toEqual(tuple(atom("already_started"), pid));
        await found.stop();
        expect(() => found.pid).toThrow(UsageError);
        const gone = await failure(found.get((n) => n));
        expect((gone as CallError).reason).toBe(reasons.noproc);
        const stopped = await failure(found.stop());
        expect((stopped as StopError).reason).toBe(reasons.noproc);
      }
    });
  });

  test("ends by a function that throws, and rejects the call", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self) => {
      const oops = new Error("oops");
      const fail = (): never => {
        throw oops;
      };
      const failLater = () => Promise.reject(oops);
      const uses: ((agent: Agent<number>) => Promise<unknown>)[] = [
        (agent) => agent.get(fail),
        (agent) => agent.update(fail),
        (agent) => agent.getAndUpdate(fail),
        (agent) => agent.get(failLater),
        (agent) => agent.update(failLater),
        (agent) => agent.getAndUpdate(failLater),
      ];
      for (const use of uses) {
        const agent = await Agent.start(self, () => 1);
        const error = await failure(use(agent));
        expect(error).toBeInstanceOf(CallError);
        expect((error as CallError).reason).toBe(oops);
        expect(self.isActorAlive(agent.pid as Pid)).toBe(false);
      }
      const agent = await Agent.start(self, () => 1);
      const ref = self.monitor(agent.pid as Pid);
      agent.cast(fail);
      expect(await self.receive(ref) as Down).toMatchObject({ reason: oops });
      const failed = await failure(Agent.start(self, fail));
      expect((failed as StartError).reason).toBe(oops);
    });
  });

  test("rejects a call after its time limit, and drops the late reply", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const agent = await Agent.startLink(self, () => 1);
      let release = () => {};
      const gate = new Promise<void>((resolve) => release = resolve);
      const hasty = agent.with({ timeoutMs: 1 });
      const late = await failure(hasty.update(async () => {
        await gate;
        return 2;
      }));
      expect((late as CallError).reason).toBe("timeout");
      release();
      expect(await agent.get((n) => n)).toBe(2);
      expect(self.info()?.mailboxLength).toBe(0);
    });
  });

  test("ends when it is stopped, with the given reason", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self) => {
      for (const reason of [undefined, reasons.shutdown, atom("odd")]) {
        const agent = await Agent.start(self, () => 1);
        const ref = self.monitor(agent.pid as Pid);
        await agent.stop(reason);
        expect(await self.receive(ref) as Down)
          .toMatchObject({ reason: reason ?? reasons.normal });
      }
    });
  });

  test("takes no functions from another node", async () => {
    const cluster = await testCluster(["a@test", "b@test"]);
    const pid = await cluster.node("a@test").run(async (self) =>
      (await Agent.start(self, () => 1, { name: "agent" })).pid
    );
    await cluster.node("b@test").run(async (self) => {
      for (const target of [pid, { name: "agent", node: "a@test" }]) {
        const agent = Agent.at<number>(self, target);
        const error = await failure(agent.get((n) => n));
        expect(error).toBeInstanceOf(UsageError);
        expect(String(error)).toContain("functions cannot go to another");
        expect(() => agent.cast((n) => n)).toThrow(UsageError);
      }
    });
    await cluster.stop();
  });

  test("works on nodes that freeze or copy messages", async () => {
    for (const options of [{ strict: true }, { isolate: "copy" }] as const) {
      const { node } = await lone(options);
      await node.run(async (self) => {
        const agent = await Agent.startLink(self, () => 1);
        await agent.update((n) => n + 1);
        expect(await agent.get((n) => n)).toBe(2);
      });
    }
  });
});

test("under random schedules no update of an agent is lost", async () => {
  await simulateSeeds({ count: 40 }, async (sim) => {
    const node = await sim.start("a@sim");
    await node.run(async (self) => {
      const agent = await Agent.start(self, () => 0, { name: "agent" });
      const workers = Array.from(
        { length: 5 },
        () =>
          self.spawnMonitor(async (me) => {
            const mine = Agent.at<number>(me, "agent");
            for (let i = 0; i < 4; i++) {
              const way = sim.below(3);
              if (way === 0) mine.cast((n) => n + 1);
              else if (way === 1) await mine.update((n) => n + 1);
              else await mine.getAndUpdate((n) => [n, n + 1]);
              await sleep(me, sim.below(2));
            }
          }).ref,
      );
      for (const ref of workers) await self.receive(ref);
      expect(await agent.get((n) => n)).toBe(20);
    });
  });
});
