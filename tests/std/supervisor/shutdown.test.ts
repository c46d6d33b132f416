/** Supervisors: shutdown of children, significant children, other nodes. */
import { describe, expect, test } from "vitest";
import {
  atom,
  EncodeError,
  Exit,
  type LogRecord,
  type Pid,
  Pid as PidClass,
  reasons,
  type Self,
  Shared,
  tuple,
} from "../../../runtime/mod.ts";
import {
  actorStart,
  type AutoShutdown,
  type ChildSpec,
  Supervisor,
  type SupervisorOptions,
} from "../../../std/supervisor/mod.ts";
import { testCluster } from "../../../std/testing/mod.ts";
import { lone, park } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { endOf, failure } from "../outcomes.ts";
import { TestChildren } from "../test_children.ts";

const boom = atom("boom");
const { normal, shutdown, killed } = reasons;

/** An actor that traps exits and calls a function for each. */
const reactingToExits = (answer: (self: Self, exit: Exit) => void) =>
  actorStart(async (self: Self) => {
    for (;;) {
      const message = await self.receive();
      if (message instanceof Exit) answer(self, message);
    }
  }, { trapExits: true });

const deaf = reactingToExits(() => {});

function errorsOf(records: readonly LogRecord[]): readonly unknown[] {
  return records.filter(({ fields }) => fields?.["report"] === "shutdown_error")
    .map(({ fields }) => [fields?.["id"], fields?.["reason"]]);
}

describe("a child is shut down", () => {
  const inTime: readonly [string, ChildSpec, unknown[]][] = [
    ["in time", { id: 1, start: actorStart(park) }, []],
    [
      "after its time limit, by a kill",
      { id: 1, start: deaf, shutdown: 5 },
      [["1", "killed"]],
    ],
    ["without any time", { id: 1, start: deaf, shutdown: 0 }, [[
      "1",
      "killed",
    ]]],
    ["by a kill", { id: 1, start: deaf, shutdown: "brutalKill" }, []],
    [
      "with a reason of its own",
      { id: 1, start: reactingToExits((self) => self.exit(boom)) },
      [["1", "boom"]],
    ],
    [
      "with normal, which is reported for a permanent child",
      { id: 1, start: reactingToExits((self) => self.exit(normal)) },
      [["1", "normal"]],
    ],
    [
      "with normal, which is not reported for a transient child",
      {
        id: 1,
        restart: "transient",
        start: reactingToExits((self) => self.exit(normal)),
      },
      [],
    ],
    [
      "with {shutdown, _}, which is not reported for a temporary child",
      {
        id: 1,
        restart: "temporary",
        start: reactingToExits((self) => self.exit(tuple(shutdown, 1))),
      },
      [],
    ],
    [
      "after it has removed its link",
      {
        id: 1,
        start: (self) => {
          const pid = self.spawnLink(park);
          self.unlink(pid);
          return pid;
        },
      },
      [],
    ],
  ];
  test.each(inTime)("%s", async (_title, spec, errors) => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, { children: [spec] });
      const [child] = await sup.whichChildren();
      const pid = child?.pid as Pid;
      await sup.terminateChild(1);
      expect(self.isActorAlive(pid)).toBe(false);
      await sup.stop();
      expect(errorsOf(records)).toEqual(errors);
    });
  });

  test("without a time limit for Infinity", async () => {
    const { node, records } = await lone();
    const testChildren = new TestChildren();
    testChildren.terminateDelays.set("a", 30);
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: testChildren.specs("a", { shutdown: Infinity }),
      });
      await sup.stop();
      expect(testChildren.take()).toBe("+a -a");
      expect(errorsOf(records)).toEqual([]);
    });
  });

  test("although it has crashed before, and the reason is reported", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      let crash: () => void = () => {};
      const crashing = actorStart(async (me: Self) => {
        crash = () => self.sendExit(me.pid, boom);
        await park(me);
      });
      const stopper = reactingToExits((me) => {
        crash();
        me.exit(shutdown);
      });
      const sup = await Supervisor.startLink(self, {
        children: [{ id: 1, start: crashing }, { id: 2, start: stopper }],
      });
      await sup.stop();
      expect(errorsOf(records)).toEqual([["1", "boom"]]);
    });
  });

  test("but not the children of a supervisor that was given too little time", async () => {
    const { node } = await lone();
    const testChildren = new TestChildren();
    const pids: Pid[] = [];
    const kept =
      (start: ChildSpec["start"]): ChildSpec["start"] => async (self) => {
        const pid = await start(self) as Pid;
        pids.push(pid);
        return pid;
      };
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [Supervisor.child({
          children: [
            { id: 1, start: kept(deaf), shutdown: Infinity },
            { id: 2, start: kept(actorStart(park)) },
            testChildren.spec("c"),
          ],
        }, { shutdown: 10 })],
      });
      await sup.stop();
      // It was waiting for the child that ignores exits, which lives on.
      expect(pids.map((pid) => self.isActorAlive(pid))).toEqual([true, false]);
      expect(testChildren.take()).toBe("+c -c");
      self.sendExit(pids[0] as Pid, reasons.kill);
    });
  });

  test("by the kill of its supervisor, unless it traps exits", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      const sup = await Supervisor.startLink(self, {
        children: [
          { id: 1, start: actorStart(park) },
          { id: 2, start: deaf },
        ],
      });
      const [second, first] = (await sup.whichChildren())
        .map(({ pid }) => pid as Pid);
      self.sendExit(sup.pid as Pid, reasons.kill);
      expect(self.isActorAlive(first as Pid)).toBe(false);
      expect(self.isActorAlive(second as Pid)).toBe(true);
      self.sendExit(second as Pid, reasons.kill);
    });
  });

  test("when the supervisor's parent ends, and when the parent shuts it down", async () => {
    for (const reason of [shutdown, boom, killed]) {
      const { node } = await lone();
      const testChildren = new TestChildren();
      await node.run(async (self) => {
        let pid: Pid | null = null;
        const parent = self.spawn(async (other) => {
          const sup = await Supervisor.startLink(other, {
            children: testChildren.specs("ab"),
          });
          pid = sup.pid as Pid;
          await park(other as Self);
        });
        await waitFor(() => pid !== null, { what: "the supervisor" });
        expect(
          await endOf(
            self,
            pid as unknown as Pid,
            () => self.sendExit(parent, reason),
          ),
        ).toBe(reason);
        expect(testChildren.take()).toBe("+a +b -b -a");
      });
    }
  });
});

describe("significant children", () => {
  async function ends(
    autoShutdown: AutoShutdown,
    act: (
      self: Self<unknown>,
      testChildren: TestChildren,
      sup: Supervisor,
    ) => Promise<unknown>,
    options: Partial<SupervisorOptions> = {},
  ): Promise<boolean> {
    const { node } = await lone();
    const testChildren = new TestChildren();
    const significant = autoShutdown !== "never";
    return await node.run(async (self) => {
      self.trapExits = true;
      const sup = await Supervisor.startLink(self, {
        autoShutdown,
        children: [
          testChildren.spec("a", { restart: "transient", significant }),
          testChildren.spec("b", { restart: "temporary", significant }),
          testChildren.spec("c", { restart: "temporary" }),
          testChildren.spec("d"),
        ],
        ...options,
      });
      const ref = self.monitor(sup.pid as Pid);
      await act(self, testChildren, sup);
      await sup.countChildren().catch(() => {});
      const down = await self.receive(ref, { timeoutMs: 0 });
      if (down !== undefined) {
        expect(down).toMatchObject({ reason: shutdown });
        return true;
      }
      await sup.stop();
      return false;
    });
  }

  const finish =
    (ids: string, reason: unknown = normal) =>
    async (self: Self<unknown>, testChildren: TestChildren) => {
      for (const id of ids) await testChildren.endChild(self, id, reason);
    };

  test("end the supervisor, one or all of them, by autoShutdown", async () => {
    expect(await ends("never", finish("abc"))).toBe(false);
    expect(await ends("anySignificant", finish("c"))).toBe(false);
    expect(await ends("anySignificant", finish("a"))).toBe(true);
    expect(await ends("anySignificant", finish("b", boom))).toBe(true);
    expect(await ends("allSignificant", finish("a"))).toBe(false);
    expect(await ends("allSignificant", finish("bc"))).toBe(false);
    expect(await ends("allSignificant", finish("ba"))).toBe(true);
    expect(await ends("allSignificant", finish("ab", shutdown))).toBe(true);
  });

  test("do not end it when they are restarted or terminated", async () => {
    expect(await ends("anySignificant", finish("a", boom))).toBe(false);
    expect(
      await ends("anySignificant", async (_self, _testChildren, sup) => {
        await sup.terminateChild("a");
        await sup.terminateChild("b");
      }),
    ).toBe(false);
    expect(
      await ends("allSignificant", async (self, testChildren, sup) => {
        await sup.terminateChild("a");
        await testChildren.endChild(self, "b", boom);
      }),
    ).toBe(true);
  });

  test("do not end it when the restart of a sibling ends them", async () => {
    const options = { strategy: "oneForAll" } as const;
    const act = finish("d", boom);
    expect(await ends("anySignificant", act, options)).toBe(false);
    expect(await ends("allSignificant", act, options)).toBe(false);
  });

  test("that wait for a restart count as alive", async () => {
    const options = { maxRestarts: Infinity };
    expect(
      await ends("allSignificant", async (self, testChildren) => {
        testChildren.refuse("a", 1_000_000);
        await testChildren.endChild(self, "a", boom);
        await testChildren.endChild(self, "b", boom);
      }, options),
    ).toBe(false);
  });

  test("end the supervisor above as its significant child", async () => {
    const { node } = await lone();
    const testChildren = new TestChildren();
    await node.run(async (self) => {
      self.trapExits = true;
      const significant = true;
      const sup = await Supervisor.startLink(self, {
        autoShutdown: "anySignificant",
        children: [
          testChildren.spec("a"),
          Supervisor.child({
            autoShutdown: "anySignificant",
            children: [
              testChildren.spec("b", { restart: "transient", significant }),
            ],
          }, { restart: "transient", significant }),
        ],
      });
      const act = () => testChildren.endChild(self, "b", normal);
      expect(await endOf(self, sup.pid, act)).toBe(shutdown);
      expect(testChildren.take()).toBe("+a +b -b -a");
    });
  });
});

describe("a child on another node", () => {
  test("is started, ended, and restarted when its node is lost", async () => {
    await using cluster = await testCluster(["a@test", "b@test"], {
      exports: { park: () => park },
    });
    await cluster.node("a@test").run(async (self) => {
      const start: ChildSpec["start"] = async (me) =>
        (await me.spawnOn("b@test", "park", [], { link: true })).pid;
      const sup = await Supervisor.startLink(self, {
        // Starts may fail until the nodes are connected again.
        maxRestarts: Infinity,
        children: [{ id: "far", start }],
      });
      const pid = async (): Promise<Pid> => {
        for (;;) {
          const [child] = await sup.whichChildren();
          if (child?.pid instanceof PidClass) return child.pid as Pid;
        }
      };
      const first = await pid();
      expect(first.node).toBe("b@test");
      expect((await sup.countChildren()).active).toBe(1);
      const ref = self.monitor(first);
      cluster.cutAll();
      expect(await self.receive(ref))
        .toMatchObject({ reason: reasons.noconnection });
      const second = await pid();
      expect(second.node).toBe("b@test");
      expect(second).not.toBe(first);
      const again = self.monitor(second);
      await sup.stop();
      expect(await self.receive(again)).toMatchObject({ reason: shutdown });
      expect(
        cluster.records.find(({ fields }) =>
          fields?.["report"] === "child_terminated"
        )?.fields,
      ).toMatchObject({
        reason: "noconnection",
        // In one thread the first number tells whether the far actor lives on.
        child: expect.stringMatching(
          new RegExp(`^#PID<\\d+\\.${first.id}\\.${first.serial}>$`),
        ),
      });
    });
  });

  test("is not restarted if `restart` says so", async () => {
    await using cluster = await testCluster(["a@test", "b@test"], {
      exports: { park: () => park },
    });
    await cluster.node("a@test").run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [{
          id: "far",
          restart: "temporary",
          start: async (me) =>
            (await me.spawnOn("b@test", "park", [], { link: true })).pid,
        }],
      });
      const [child] = await sup.whichChildren();
      const ref = self.monitor(child?.pid as Pid);
      cluster.cutAll();
      await self.receive(ref);
      expect(await sup.whichChildren()).toEqual([]);
    });
  });

  test("is listed for a caller there as for a caller here", async () => {
    await using cluster = await testCluster(["a@test", "b@test"]);
    const testChildren = new TestChildren();
    const [a, b] = cluster.nodes;
    const name = "sup";
    const options = { name, children: testChildren.specs("ab") };
    await a?.run((self) => Supervisor.start(self, options));
    await b?.run(async (self) => {
      const sup = Supervisor.at(self, { name, node: "a@test" });
      expect(sup.pid).toBeNull();
      expect((await sup.whichChildren()).map(({ id }) => id))
        .toEqual(["b", "a"]);
      await sup.terminateChild("a");
      expect(await sup.restartChild("a")).toBe(testChildren.pid("a"));
      expect(await sup.getChildSpec("a")).toMatchObject({
        id: "a",
        restart: "permanent",
        shutdown: 5_000,
        type: "worker",
        significant: false,
      });
      expect(await failure(sup.startChild(testChildren.spec("c"))))
        .toMatchObject({ name: "UsageError" });
      expect(() => self.send({ name, node: "a@test" }, new Shared(1)))
        .toThrow(EncodeError);
      await sup.stop();
      expect(testChildren.take()).toBe("+a +b -a +a -b -a");
    });
  });
});
