/** Supervisors of partitions: look-ups, restarts, other sizes. */
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
import { failure, Nursery, refusal } from "../nursery.ts";

const boom = atom("boom");

const Part = genServer({
  name: "Part",
  init: (_self, number: number) => number,
  calls: { number: ({ state }) => state },
});

async function withParts(
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
  test("are started and told of by their numbers", async () => {
    await withParts({}, async (self, parts) => {
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

  test("are those of integers modulo their number, else of a hash", async () => {
    await withParts({}, (_self, parts) => {
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
    await withParts({ name: "parts" }, async (self, parts) => {
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
      // It is no name that something could be started under.
      expect(await failure(Part.start(self, 1, { name: nobody })))
        .toMatchObject({ name: "UsageError" });
    });
  });

  test("are restarted, and found where they are then", async () => {
    const child = (number: number) => Part.child(number);
    for (const strategy of ["oneForOne", "oneForAll"] as const) {
      await withParts({ strategy, child }, async (self, parts) => {
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

  test("may be supervisors of many, below another supervisor", async () => {
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
  test("goes down and up again, and keys with it", async () => {
    const nursery = new Nursery();
    const child = (number: number) => nursery.spec(String(number));
    await withParts({ child }, async (_self, parts) => {
      expect(nursery.take()).toBe("+0 +1 +2 +3");
      expect(await parts.resize(2)).toBe(4);
      expect(nursery.take()).toBe("-3 -2");
      expect(parts.partitions).toBe(2);
      expect(parts.lookup(3)).toBe(nursery.pid("1"));
      expect(await parts.countChildren()).toMatchObject({ active: 2 });
      expect(await parts.resize(2)).toBe(2);
      expect(await parts.resize(3)).toBe(2);
      expect(nursery.take()).toBe("+2");
      expect(await parts.resize(4)).toBe(3);
      expect(parts.lookup(3)).toBe(nursery.pid("3"));
    });
  });

  test("may be none, and then no key has one", async () => {
    await withParts({ name: "parts" }, async (self, parts) => {
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
    await withParts({}, async (_self, parts) => {
      const error = await failure(parts.resize(size as number));
      expect(error).toBeInstanceOf(SupervisorError);
      expect((error as SupervisorError).reason).toBe(atom("badarg"));
      expect(parts.partitions).toBe(4);
    });
  });

  test("stays when a partition cannot be started", async () => {
    const nursery = new Nursery();
    const child = (number: number) => nursery.spec(String(number));
    await withParts({ child }, async (_self, parts) => {
      await parts.resize(1);
      nursery.refuse("3", 1);
      nursery.take();
      expect(await refusal(parts.resize(4))).toBe(atom("nope"));
      expect(nursery.take()).toBe("+1 +2 !3 -2 -1");
      expect([parts.partitions, await parts.resize(4)]).toEqual([1, 1]);
    });
  });

  test("is changed once at a time, and look-ups never miss", async () => {
    const nursery = new Nursery();
    for (const id of "0123") nursery.lastWords.set(id, 2);
    const child = (number: number) => nursery.spec(String(number));
    await withParts({ child }, async (self, parts) => {
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
