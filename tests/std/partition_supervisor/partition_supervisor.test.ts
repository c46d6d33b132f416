/** Partition supervisors: look-ups, restarts, resizes. */
import { describe, expect, test } from "vitest";
import {
  atom,
  type Pid,
  reasons,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { DynamicSupervisor } from "../../../std/dynamic_supervisor/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import {
  PartitionSupervisor,
  type PartitionSupervisorOptions,
  type RunningPartitionSupervisor,
} from "../../../std/partition_supervisor/mod.ts";
import { Supervisor, SupervisorError } from "../../../std/supervisor/mod.ts";
import { lone, park } from "../../helpers/actors.ts";
import { failure, refusal } from "../outcomes.ts";
import { TestChildren } from "../test_children.ts";

const boom = atom("boom");

const Part = genServer({
  name: "Part",
  init: (_self, number: number) => number,
  calls: { number: ({ state }) => state },
});

async function withPartitions(
  options: Partial<PartitionSupervisorOptions>,
  body: (
    self: Self<unknown>,
    parts: RunningPartitionSupervisor,
  ) => Promise<void>,
): Promise<void> {
  const { node } = await lone();
  await node.run(async (self) => {
    self.trapExits = true;
    await body(
      self,
      await PartitionSupervisor.startLink(self, {
        child: (number) => Part.child(number),
        partitions: 4,
        ...options,
      }),
    );
  });
}

describe("partitions", () => {
  test("are started and listed by their numbers", async () => {
    await withPartitions({}, async (self, parts) => {
      expect(parts.partitions).toBe(4);
      const rows = await parts.whichChildren();
      expect(rows.map(({ id }) => id)).toEqual([3, 2, 1, 0]);
      for (const { id, pid } of rows) {
        expect(parts.lookup(id)).toBe(pid);
        expect(await Part.at(self, parts.via(id)).number()).toBe(id);
      }
      expect(await parts.countChildren())
        .toEqual({ specs: 4, active: 4, supervisors: 0, workers: 4 });
      await parts.stop();
      expect(() => parts.partitions).toThrow(UsageError);
      expect(self.whereis(parts.via(1))).toBeNull();
      expect(self.isActorAlive(rows[0]?.pid as Pid)).toBe(false);
    });
  });

  test("are chosen by an integer modulo their number, or else by a hash", async () => {
    await withPartitions({}, (_self, parts) => {
      for (const key of [0, 1, 2, 3, 4, 7, -1, -7, 2 ** 40]) {
        expect(parts.partitionOf(key)).toBe(Math.abs(key) % 4);
      }
      expect(parts.partitionOf(-(2n ** 70n) - 3n)).toBe(3);
      const seen = new Set<number>();
      for (let i = 0; i < 400; i++) {
        const key = tuple("user", i);
        const number = parts.partitionOf(key);
        expect(number).toBe(parts.partitionOf(tuple("user", i)));
        seen.add(number);
      }
      expect([...seen].sort()).toEqual([0, 1, 2, 3]);
      expect(parts.partitionOf(1.5)).toBeLessThan(4);
      expect(() => parts.partitionOf(() => {})).toThrow(TypeError);
      return Promise.resolve();
    });
  });

  test("are found by the name of their supervisor", async () => {
    await withPartitions({ name: "parts" }, async (self, parts) => {
      const via = PartitionSupervisor.via("parts", 6);
      expect(self.whereis(via)).toBe(parts.lookup(2));
      expect(await Part.at(self, via).number()).toBe(2);
      expect(PartitionSupervisor.at(self, "parts").lookup(6))
        .toBe(parts.lookup(2));
      const nobody = PartitionSupervisor.via("nobody", 1);
      expect(self.whereis(nobody)).toBeNull();
      expect(await refusal(Part.at(self, nobody).number()))
        .toBe(reasons.noproc);
      expect(() => PartitionSupervisor.at(self, "nobody").partitions)
        .toThrow(UsageError);
      // No actor can be started under it.
      expect(await failure(Part.start(self, 1, { name: nobody })))
        .toMatchObject({ name: "UsageError" });
    });
  });

  test("are restarted, and found at their new pids", async () => {
    const child = (number: number) => Part.child(number);
    for (const strategy of ["oneForOne", "oneForAll"] as const) {
      await withPartitions({ strategy, child }, async (self, parts) => {
        const before = [0, 1, 2, 3].map((key) => parts.lookup(key));
        self.sendExit(before[1] as Pid, boom);
        await parts.whichChildren();
        const after = [0, 1, 2, 3].map((key) => parts.lookup(key));
        const changed = after.map((pid, i) => pid !== before[i]);
        expect(changed).toEqual(
          strategy === "oneForAll"
            ? [true, true, true, true]
            : [false, true, false, false],
        );
        expect(await Part.at(self, parts.via(1)).number()).toBe(1);
      });
    }
  });

  test("may be dynamic supervisors, below another supervisor", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [
          PartitionSupervisor.child({
            name: "crowds",
            partitions: 2,
            child: () => DynamicSupervisor.child(),
          }),
          PartitionSupervisor.child({
            partitions: 1,
            child: () => ({ start: (me) => me.spawnLink(park) }),
          }),
        ],
      });
      const rows = await sup.whichChildren();
      expect(rows.map(({ id, type }) => [id, type])).toEqual([
        ["PartitionSupervisor", "supervisor"],
        ["crowds", "supervisor"],
      ]);
      const crowd = (key: string) =>
        DynamicSupervisor.at(self, PartitionSupervisor.via("crowds", key));
      const pid = await crowd("x").startChild(Part.child(1)) as Pid;
      expect((await crowd("x").whichChildren()).map((row) => row.pid))
        .toEqual([pid]);
    });
  });
});

describe("the number of partitions", () => {
  test("goes down and up again, and keys are spread anew", async () => {
    const testChildren = new TestChildren();
    const child = (number: number) => testChildren.spec(String(number));
    await withPartitions({ child }, async (_self, parts) => {
      expect(testChildren.take()).toBe("+0 +1 +2 +3");
      expect(await parts.resize(2)).toBe(4);
      expect(testChildren.take()).toBe("-3 -2");
      expect(parts.partitions).toBe(2);
      expect(parts.lookup(3)).toBe(testChildren.pid("1"));
      expect(await parts.countChildren()).toMatchObject({ active: 2 });
      expect(await parts.resize(2)).toBe(2);
      expect(await parts.resize(3)).toBe(2);
      expect(testChildren.take()).toBe("+2");
      expect(await parts.resize(4)).toBe(3);
      expect(parts.lookup(3)).toBe(testChildren.pid("3"));
    });
  });

  test("may be 0, and then no key has a partition", async () => {
    await withPartitions({ name: "parts" }, async (self, parts) => {
      expect(await parts.resize(0)).toBe(4);
      expect(() => parts.lookup(1)).toThrow(/resize first/);
      expect(() => parts.partitionOf("x")).toThrow(UsageError);
      expect(await refusal(Part.at(self, parts.via(1)).number()))
        .toBe(reasons.noproc);
      expect(self.whereis(PartitionSupervisor.via("parts", 1))).toBeNull();
      expect(await parts.resize(1)).toBe(0);
      expect(await Part.at(self, parts.via(7)).number()).toBe(0);
    });
  });

  test.each([5, -1, 1.5, "x"])("cannot be %o", async (size) => {
    await withPartitions({}, async (_self, parts) => {
      const error = await failure(parts.resize(size as number));
      expect(error).toBeInstanceOf(SupervisorError);
      expect((error as SupervisorError).reason).toBe(atom("badarg"));
      expect(parts.partitions).toBe(4);
    });
  });

  test("stays the same when a partition cannot be started", async () => {
    const testChildren = new TestChildren();
    const child = (number: number) => testChildren.spec(String(number));
    await withPartitions({ child }, async (_self, parts) => {
      await parts.resize(1);
      testChildren.refuse("3", 1);
      testChildren.take();
      expect(await refusal(parts.resize(4))).toBe(atom("nope"));
      expect(testChildren.take()).toBe("+1 +2 !3 -2 -1");
      expect([parts.partitions, await parts.resize(4)]).toEqual([1, 1]);
    });
  });

  test("is changed by one resize at a time, and look-ups never miss", async () => {
    const testChildren = new TestChildren();
    for (const id of "0123") testChildren.terminateDelays.set(id, 2);
    const child = (number: number) => testChildren.spec(String(number));
    await withPartitions({ child }, async (self, parts) => {
      let isDone = false;
      const resizing = Promise.all(
        [1, 4, 2, 3].map((size) => parts.resize(size)),
      ).finally(() => isDone = true);
      while (!isDone) {
        for (let key = 0; key < 8; key++) {
          const pid = parts.lookup(key) as Pid;
          expect(self.isActorAlive(pid)).toBe(true);
        }
        await self.receive("nothing", { timeoutMs: 1 });
      }
      expect(await resizing).toEqual([4, 1, 4, 2]);
      expect(parts.partitions).toBe(3);
    });
  });
});

test.each([
  { partitions: 0 },
  { partitions: undefined },
  { partitions: 1.5 },
  { child: undefined },
  { child: () => 1 },
  { child: () => ({ start: 1 }) },
  { autoShutdown: "anySignificant" },
  { strategy: "all" },
])("options that make no sense are refused: %o", async (options) => {
  const { node } = await lone();
  await node.run(async (self) => {
    const start = PartitionSupervisor.startLink(self, {
      child: (number) => Part.child(number),
      partitions: 2,
      ...options,
    } as PartitionSupervisorOptions);
    expect(await failure(start)).toBeInstanceOf(UsageError);
  });
});
