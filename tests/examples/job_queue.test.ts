/**
 * The job queue: as its program is run, and in the simulator, where nodes crash
 * at any moment of any schedule.
 */
import { describe, expect, test } from "vitest";
import {
  JobQueue,
  type Outcome,
  type QueueOptions,
} from "../../examples/job_queue/queue.ts";
import { workerOf } from "../../examples/job_queue/worker.ts";
import type { Pid, RunningNode } from "../../runtime/mod.ts";
import { sleep } from "../../std/timer/mod.ts";
import { freePort } from "../helpers/ports.ts";
import { currentRuntime, spawnRuntime } from "../helpers/processes.ts";
import { simulateSeeds } from "../helpers/simulate.ts";

const JOBS = 12;
const options: QueueOptions = { worker: "work", backoffMs: 5 };

/** A job that takes a while and fails as often as it is told. */
const work = workerOf(async (input, attempts, self) => {
  const { n, failures } = input as { n: number; failures: number };
  await sleep(self, n % 4);
  if (attempts <= failures) throw new Error(`${n} fails`);
  return n * n;
});

async function submitAll(
  node: RunningNode,
  queue: Pid<never>,
  failures: (n: number) => number,
): Promise<readonly Outcome[]> {
  return await node.run((self) => {
    const client = JobQueue.at(self, queue, { timeoutMs: Infinity });
    return Promise.all(
      Array.from(
        { length: JOBS },
        (_, n) => client.submit({ n, failures: failures(n) }),
      ),
    ) as Promise<Outcome[]>;
  });
}

describe("the job queue in the simulator", () => {
  test("does each job, also when nodes crash and are restarted", async () => {
    await simulateSeeds({ count: 40 }, async (sim) => {
      const queueNode = await sim.start("queue@sim");
      const names = ["one@sim", "two@sim"];
      const launch = async (name: string) => {
        const node = await sim.start(name, { exports: { work } });
        await node.connect(queueNode.name);
      };
      for (const name of names) await launch(name);
      const { pid } = await queueNode.run((self) =>
        // Not only failures count as attempts: lost workers do as well.
        JobQueue.start(self, { ...options, attemptsMax: 10 })
      );
      const outcomes = submitAll(queueNode, pid, (n) => n % 3);
      for (const name of names) {
        await sim.advance(4);
        sim.crash(name);
        await sim.advance(1);
        await launch(name);
      }
      expect((await outcomes).map((outcome) => outcome.ok && outcome.value))
        .toEqual(Array.from({ length: JOBS }, (_, n) => n * n));
      const stats = await queueNode.run((self) =>
        JobQueue.at(self, pid).stats()
      );
      expect(stats.unfinished).toBe(0);
    });
  });

  test("gives up on a job that always fails, and reports the attempts", async () => {
    await simulateSeeds({ count: 10 }, async (sim) => {
      const node = await sim.start("queue@sim");
      const one = await sim.start("one@sim", { exports: { work } });
      await one.connect(node.name);
      const { pid } = await node.run((self) => JobQueue.start(self, options));
      const outcomes = await submitAll(node, pid, (n) => n === 5 ? 99 : 0);
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(JOBS - 1);
      expect(outcomes[5])
        .toEqual({ ok: false, reason: "5 fails", attempts: 3 });
    });
  });

  test("refuses jobs above its limit", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const node = await sim.start("queue@sim");
      await node.run(async (self) => {
        const queue = await JobQueue.start(self, { ...options, jobsMax: 1 });
        const first = queue.with({ timeoutMs: 10 }).submit(1).catch(() => null);
        expect(await queue.submit(2))
          .toMatchObject({ ok: false, reason: "the queue is full" });
        expect(await first).toBeNull();
      });
    });
  });
});

test("survives the kill of a worker process", async () => {
  const child = spawnRuntime(
    currentRuntime(),
    "examples/job_queue/main.ts",
    [],
    { env: { ERL_EPMD_PORT: String(await freePort()) } },
  );
  const { code } = await child.waitForExit(30_000);
  expect(code, child.stderr.join("\n")).toBe(0);
  expect(child.stdout).toEqual([
    "20 of 60 jobs are done: killing a process",
    expect.stringMatching(/^60 of 60 results are right; \d+ jobs took more/),
  ]);
});
