/** Dynamic supervisors: starts, restarts, limits, and shutdown at once. */
import { describe, expect, test } from "vitest";
import {
  atom,
  CallError,
  Exit,
  type LogRecord,
  type Pid,
  reasons,
  type Self,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  type DynamicChildSpec,
  DynamicSupervisor,
  type DynamicSupervisorOptions,
  type RunningDynamicSupervisor,
  SupervisorError,
} from "../../../std/dynamic_supervisor/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import { actorStart, Supervisor } from "../../../std/supervisor/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { lone, park } from "../../helpers/actors.ts";
import { endOf, failure, refusal } from "../outcomes.ts";
import { TestChildren } from "../test_children.ts";

const boom = atom("boom");
const { normal, shutdown, kill } = reasons;
const orderly = [normal, shutdown, tuple(shutdown, 1)];

const deaf = actorStart(async (self: Self) => {
  for (;;) await self.receive();
}, { trapExits: true });

type World = {
  readonly testChildren: TestChildren;
  readonly records: readonly LogRecord[];
};

async function withSupervisor(
  options: DynamicSupervisorOptions,
  body: (
    self: Self<unknown>,
    sup: RunningDynamicSupervisor,
    world: World,
  ) => Promise<void>,
): Promise<void> {
  const { node, records } = await lone();
  await node.run(async (self) => {
    self.trapExits = true;
    const sup = await DynamicSupervisor.startLink(self, options);
    await body(self, sup, { testChildren: new TestChildren(), records });
  });
}

const pidsOf = async (sup: DynamicSupervisor) =>
  (await sup.whichChildren()).map(({ pid }) => pid);

describe("a dynamic supervisor", () => {
  test("starts children, lists them and ends them", async () => {
    await withSupervisor(
      { name: "crowd" },
      async (self, sup, { testChildren }) => {
        expect(await sup.whichChildren()).toEqual([]);
        const a = await sup.startChild(testChildren.spec("a")) as Pid;
        const b = await sup.startChild({
          ...Supervisor.child({ children: [] }),
        }) as Pid;
        expect(a).toBe(testChildren.pid("a"));
        expect(await sup.whichChildren()).toEqual([
          { pid: a, type: "worker", modules: [] },
          { pid: b, type: "supervisor", modules: [] },
        ]);
        expect(await sup.countChildren())
          .toEqual({ specs: 2, active: 2, supervisors: 1, workers: 1 });
        await sup.terminateChild(a);
        expect(self.isActorAlive(a)).toBe(false);
        for (const pid of [a, self.pid as Pid]) {
          const error = await failure(sup.terminateChild(pid));
          expect(error).toBeInstanceOf(SupervisorError);
          expect((error as SupervisorError).reason).toBe(atom("not_found"));
        }
        expect(await pidsOf(DynamicSupervisor.at(self, "crowd"))).toEqual([b]);
        expect(await endOf(self, sup.pid, () => sup.stop())).toBe(normal);
        expect(self.isActorAlive(b)).toBe(false);
        expect(testChildren.take()).toBe("+a -a");
      },
    );
  });

  test("refuses children that are not valid or cannot start", async () => {
    await withSupervisor({}, async (_self, sup, { testChildren }) => {
      const error = new Error("as asked");
      const starts: readonly [DynamicChildSpec["start"], unknown][] = [
        [(): null => {
          throw error;
        }, error],
        [() => Promise.reject(boom), boom],
        [(me): null => me.exit(boom), boom],
        [() => 1 as never, expect.objectContaining({ name: "UsageError" })],
      ];
      for (const [start, reason] of starts) {
        const refused = await failure(sup.startChild({ start }));
        expect((refused as SupervisorError).reason).toEqual(reason);
      }
      testChildren.refuse("a", 1);
      expect(await refusal(sup.startChild(testChildren.spec("a"))))
        .toBe(atom("nope"));
      testChildren.startResults.set("a", ["ignore"]);
      expect(await sup.startChild(testChildren.spec("a"))).toBeNull();
      expect(await sup.startChild({ start: () => null })).toBeNull();
      expect(await sup.whichChildren()).toEqual([]);
    });
  });

  const start = () => null;
  test.each([
    { start: 1 },
    { start, restart: "often" },
    { start, shutdown: -1 },
    { start, type: "boss" },
    { start, restart: "transient", significant: true },
    null,
  ])("refuses what makes no sense: %o", async (spec) => {
    await withSupervisor({}, async (_self, sup) => {
      expect(await failure(sup.startChild(spec as never)))
        .toBeInstanceOf(UsageError);
    });
  });

  test.each([
    { maxChildren: -1 },
    { maxRestarts: "x" },
    { withinMs: 0 },
    { extraArguments: 1 },
    { strategy: "oneForAll" },
    { autoShutdown: "anySignificant" },
  ])("refuses options that make no sense: %o", async (options) => {
    const { node } = await lone();
    await node.run(async (self) => {
      const start = DynamicSupervisor.startLink(self, options as never);
      expect(await failure(start)).toBeInstanceOf(UsageError);
    });
  });

  test("has a name that one supervisor can have, and a child specification", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [
          DynamicSupervisor.child({ name: "crowd" }),
          DynamicSupervisor.child(),
        ],
      });
      const rows = await sup.whichChildren();
      expect(rows.map(({ id, type }) => [id, type])).toEqual([
        ["DynamicSupervisor", "supervisor"],
        ["crowd", "supervisor"],
      ]);
      const taken = DynamicSupervisor.start(self, { name: "crowd" });
      expect(await refusal(taken))
        .toEqual(tuple(atom("already_started"), rows[1]?.pid));
    });
  });

  test("has a limit, which counts children that wait for a restart", async () => {
    const options = { maxChildren: 2, maxRestarts: Infinity };
    await withSupervisor(options, async (self, sup, { testChildren }) => {
      const max = atom("max_children");
      await sup.startChild(testChildren.spec("a"));
      const b = await sup.startChild(testChildren.spec("b")) as Pid;
      expect(await refusal(sup.startChild(testChildren.spec("c")))).toBe(max);
      testChildren.refuse("b", 1_000_000);
      await testChildren.endChild(self, "b", boom);
      expect(await pidsOf(sup)).toEqual([testChildren.pid("a"), "restarting"]);
      expect(await sup.countChildren())
        .toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 });
      expect(await refusal(sup.startChild(testChildren.spec("c")))).toBe(max);
      await sup.terminateChild(b);
      expect(await sup.startChild(testChildren.spec("c"))).toBe(
        testChildren.pid("c"),
      );
    });
    await withSupervisor(
      { maxChildren: 0 },
      async (_self, sup, { testChildren }) => {
        expect(await refusal(sup.startChild(testChildren.spec("a"))))
          .toBe(atom("max_children"));
      },
    );
  });

  test("gives each start its extra arguments, at restarts too", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const given: unknown[] = [];
      const sup = await DynamicSupervisor.startLink(self, {
        extraArguments: ["x", 1] as const,
      });
      const pid = await sup.startChild({
        start: (me, word: "x", number: 1) => {
          given.push([word, number]);
          return me.spawnLink(park);
        },
      }) as Pid;
      self.sendExit(pid, boom);
      await sup.whichChildren();
      expect(given).toEqual([["x", 1], ["x", 1]]);
    });
  });

  test("starts a child whose start is asynchronous", async () => {
    await withSupervisor({}, async (_self, sup) => {
      const Quick = genServer({ init: (_s, n: number) => n });
      const Slow = genServer({
        init: async (_s, n: number) => {
          await Promise.resolve();
          return n;
        },
      });
      const pids = await Promise.all(
        [Quick, Slow, Quick, Slow].map((kind) => sup.startChild(kind.child(1))),
      );
      expect(await pidsOf(sup)).toEqual(pids);
    });
  });

  test("takes requests from another node, and has children there", async () => {
    await using cluster = await testCluster(["a@test", "b@test"], {
      exports: { park: () => park },
    });
    const [a, b] = cluster.nodes;
    const far = await a?.run(async (self) => {
      const sup = await DynamicSupervisor.start(self, {
        name: "crowd",
        // Starts may fail until the nodes are connected again.
        maxRestarts: Infinity,
      });
      return await sup.startChild({
        start: async (me) =>
          (await me.spawnOn("b@test", "park", [], { link: true })).pid,
      }) as Pid;
    }) as Pid;
    await b?.run(async (self) => {
      const sup = DynamicSupervisor.at(self, { name: "crowd", node: "a@test" });
      expect(await pidsOf(sup)).toEqual([far]);
      const ref = self.monitor(far);
      cluster.cutAll();
      await self.receive(ref);
      let pid: unknown = far;
      while (pid === far || !(pid instanceof Object)) [pid] = await pidsOf(sup);
      await sup.terminateChild(pid as Pid);
      expect(await sup.countChildren()).toMatchObject({ specs: 0 });
    });
  });
});

describe("a child of a dynamic supervisor that ends", () => {
  test.each(
    [
      ["permanent", [...orderly, boom], []],
      ["transient", [boom], orderly],
      ["temporary", [], [...orderly, boom]],
    ] as const,
  )("%s, is restarted as the rule says", async (...row) => {
    const [restart, restarting, ending] = row;
    await withSupervisor({ maxRestarts: 10 }, async (self, sup, world) => {
      const { testChildren } = world;
      for (const reason of [...restarting, ...ending]) {
        const before = await sup.startChild(
          testChildren.spec("x", { restart }),
        );
        await testChildren.endChild(self, "x", reason);
        const pids = await pidsOf(sup);
        if (!restarting.includes(reason as never)) {
          expect(pids).toEqual([]);
          continue;
        }
        expect(pids).toEqual([testChildren.pid("x")]);
        expect(pids).not.toEqual([before]);
        await sup.terminateChild(testChildren.pid("x"));
      }
    });
  });

  test("is retried when its restart fails, and removed if it starts nothing", async () => {
    const options = { maxRestarts: 10 };
    await withSupervisor(
      options,
      async (self, sup, { testChildren, records }) => {
        await sup.startChild(testChildren.spec("a"));
        testChildren.refuse("a", 2);
        await testChildren.endChild(self, "a", boom);
        while ((await sup.countChildren()).active < 1);
        expect(await pidsOf(sup)).toEqual([testChildren.pid("a")]);
        expect(testChildren.take()).toBe("+a -a !a !a +a");
        testChildren.startResults.set("a", ["ignore"]);
        await sup.terminateChild(testChildren.pid("a"));
        await sup.startChild(testChildren.spec("b"));
        testChildren.startResults.set("b", ["ignore"]);
        await testChildren.endChild(self, "b", boom);
        expect(await pidsOf(sup)).not.toContain(testChildren.pid("b"));
        const kinds = records.map(({ fields }) => fields?.["report"]);
        expect(kinds.filter((kind) => kind === "start_error")).toHaveLength(2);
      },
    );
  });

  test("too often, or is retried too often, ends the supervisor", async () => {
    for (const failing of [0, 10]) {
      await withSupervisor(
        { maxRestarts: 2 },
        async (self, sup, { testChildren }) => {
          await sup.startChild(testChildren.spec("a"));
          await sup.startChild(testChildren.spec("b"));
          testChildren.take();
          testChildren.refuse("a", failing);
          const reason = await endOf(self, sup.pid, async () => {
            await testChildren.endChild(self, "a", boom);
            for (let i = 0; failing === 0 && i < 2; i++) {
              await sup.countChildren();
              await testChildren.endChild(self, "a", boom);
            }
          });
          expect(reason).toBe(shutdown);
          expect(testChildren.take())
            .toBe(failing === 0 ? "-a +a -a +a -a -b" : "-a !a !a -b");
        },
      );
    }
  });

  test("and is retried forever does not keep the supervisor from replies and its end", async () => {
    await withSupervisor(
      { maxRestarts: Infinity },
      async (self, sup, world) => {
        const { testChildren } = world;
        await sup.startChild(testChildren.spec("a"));
        testChildren.refuse("a", 1_000_000);
        await testChildren.endChild(self, "a", boom);
        expect(await pidsOf(sup)).toEqual(["restarting"]);
        expect(await sup.startChild(testChildren.spec("b"))).toBe(
          testChildren.pid("b"),
        );
        await sup.terminateChild(testChildren.pid("a"));
        expect(await pidsOf(sup)).toEqual([testChildren.pid("b")]);
        testChildren.refuse("b", 1_000_000);
        await testChildren.endChild(self, "b", boom);
        const order = () => self.sendExit(sup.pid as Pid, shutdown);
        expect(await endOf(self, sup.pid, order)).toBe(shutdown);
      },
    );
  });
});

describe("the end of a dynamic supervisor", () => {
  test("takes as long as the slowest child, and not the sum", async () => {
    await withSupervisor({}, async (self, sup, { testChildren, records }) => {
      self.unlink(sup.pid as Pid);
      testChildren.terminateDelays.set("slow", 50);
      for (let i = 0; i < 30; i++) {
        await sup.startChild({ start: actorStart(park) });
        await sup.startChild({ start: deaf, shutdown: 20 + i % 3 * 20 });
        await sup.startChild({ start: deaf, shutdown: "brutalKill" });
      }
      await sup.startChild(testChildren.spec("slow", { shutdown: Infinity }));
      const before = performance.now();
      await sup.stop();
      const tookMs = performance.now() - before;
      expect(tookMs).toBeGreaterThan(55);
      // The sum would be 1,250.
      expect(tookMs).toBeLessThan(600);
      expect(testChildren.take()).toBe("+slow -slow");
      const errors = records.filter(({ fields }) =>
        fields?.["report"] === "shutdown_error"
      );
      expect(errors.map(({ fields }) => fields?.["reason"]))
        .toEqual(new Array(30).fill("killed"));
    });
  });

  test("shuts thousands of children down, with different limits", async () => {
    const { node } = await lone({ log: () => {} });
    await node.run(async (self) => {
      const sup = await DynamicSupervisor.start(self);
      const pids: Pid[] = [];
      for (let i = 0; i < 3_000; i++) {
        const start = i % 100 === 0 ? deaf : actorStart(park);
        const shutdown = i % 2 === 0 ? 20 : 40;
        pids.push(await sup.startChild({ start, shutdown }) as Pid);
      }
      const before = performance.now();
      await sup.stop();
      // Thirty of them ignore exits and have 20 ms each.
      expect(performance.now() - before).toBeLessThan(600);
      expect(pids.filter((pid) => self.isActorAlive(pid))).toEqual([]);
    });
  });

  test("reports children that did not end as expected", async () => {
    await withSupervisor({}, async (_self, sup, { records }) => {
      const ending = (reason: unknown) =>
        actorStart(async (me: Self) => {
          for (;;) {
            if (await me.receive() instanceof Exit) me.exit(reason);
          }
        }, { trapExits: true });
      await sup.startChild({ id: "odd", start: ending(boom) });
      await sup.startChild({ start: ending(normal), restart: "temporary" });
      await sup.startChild({ id: "one", start: ending(boom) });
      const [, , third] = await pidsOf(sup);
      await sup.terminateChild(third as Pid);
      await sup.stop();
      const errors = records.filter(({ fields }) =>
        fields?.["report"] === "shutdown_error"
      );
      expect(errors.map(({ fields }) => [fields?.["id"], fields?.["reason"]]))
        .toEqual([['"one"', "boom"], ['"odd"', "boom"]]);
    });
  });

  test("rejects calls that come meanwhile", async () => {
    await withSupervisor({}, async (self, sup) => {
      await sup.startChild({ start: deaf, shutdown: 10 });
      self.unlink(sup.pid as Pid);
      const stopped = sup.stop();
      const asked = await failure(sup.whichChildren());
      await stopped;
      expect(asked).toBeInstanceOf(CallError);
      expect((asked as CallError).reason).toBe(normal);
    });
  });

  test("by a kill ends children that do not trap exits", async () => {
    await withSupervisor({}, async (self, sup) => {
      const a = await sup.startChild({ start: actorStart(park) }) as Pid;
      const b = await sup.startChild({ start: deaf }) as Pid;
      self.sendExit(sup.pid as Pid, kill);
      expect([a, b].map((pid) => self.isActorAlive(pid)))
        .toEqual([false, true]);
      self.sendExit(b, kill);
    });
  });
});
