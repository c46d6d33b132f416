/** Supervisors: how children are ended, significant ones, other nodes. */
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
import { endOf, failure, Nursery } from "../nursery.ts";

const boom = atom("boom");
const { normal, shutdown, killed } = reasons;

/** Traps exits and answers each with something of its own. */
const answering = (answer: (self: Self, exit: Exit) => void) =>
  actorStart(async (self: Self) => {
    for (;;) {
      const message = await self.receive();
      if (message instanceof Exit) answer(self, message);
    }
  }, { trapExits: true });

const deaf = answering(() => {});

function errorsOf(records: readonly LogRecord[]): readonly unknown[] {
  return records.filter(({ fields }) => fields?.["report"] === "shutdown_error")
    .map(({ fields }) => [fields?.["id"], fields?.["reason"]]);
}

describe("a child is ended", () => {
  const inTime: readonly [string, ChildSpec, unknown[]][] = [
    ["in time", { id: 1, start: actorStart(park) }, []],
    [
      "after its time",
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
      { id: 1, start: answering((self) => self.exit(boom)) },
      [["1", "boom"]],
    ],
    [
      "with normal, as a permanent one should not",
      { id: 1, start: answering((self) => self.exit(normal)) },
      [["1", "normal"]],
    ],
    [
      "with normal, as a transient one may",
      {
        id: 1,
        restart: "transient",
        start: answering((self) => self.exit(normal)),
      },
      [],
    ],
    [
      "with shutdown and more, as a temporary one may",
      {
        id: 1,
        restart: "temporary",
        start: answering((self) => self.exit(tuple(shutdown, 1))),
      },
      [],
    ],
    [
      "after having taken back its link",
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

  test("and is waited for without a limit where it is told so", async () => {
    const { node, records } = await lone();
    const nursery = new Nursery();
    nursery.lastWords.set("a", 30);
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: nursery.specs("a", { shutdown: Infinity }),
      });
      await sup.stop();
      expect(nursery.take()).toBe("+a -a");
      expect(errorsOf(records)).toEqual([]);
    });
  });

  test("although it has crashed unnoticed, and the reason is reported", async () => {
    const { node, records } = await lone();
    await node.run(async (self) => {
      let crash: () => void = () => {};
      const crashing = actorStart(async (me: Self) => {
        crash = () => self.sendExit(me.pid, boom);
        await park(me);
      });
      const stopper = answering((me) => {
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

  test("and not those below a supervisor that had too little time", async () => {
    const { node } = await lone();
    const nursery = new Nursery();
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
            nursery.spec("c"),
          ],
        }, { shutdown: 10 })],
      });
      await sup.stop();
      // It was waiting for the one that ignores all exits, which is an orphan.
      expect(pids.map((pid) => self.isActorAlive(pid))).toEqual([true, false]);
      expect(nursery.take()).toBe("+c -c");
      self.sendExit(pids[0] as Pid, reasons.kill);
    });
  });

  test("with a supervisor that is killed, unless it traps exits", async () => {
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

  test("when the parent of the supervisor ends, and when it says so", async () => {
    for (const reason of [shutdown, boom, killed]) {
      const { node } = await lone();
      const nursery = new Nursery();
      await node.run(async (self) => {
        let pid: Pid | null = null;
        const parent = self.spawn(async (other) => {
          const sup = await Supervisor.startLink(other, {
            children: nursery.specs("ab"),
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
        expect(nursery.take()).toBe("+a +b -b -a");
      });
    }
  });
});

describe("significant children", () => {
  async function ends(
    autoShutdown: AutoShutdown,
    act: (
      self: Self<unknown>,
      nursery: Nursery,
      sup: Supervisor,
    ) => Promise<unknown>,
    options: Partial<SupervisorOptions> = {},
  ): Promise<boolean> {
    const { node } = await lone();
    const nursery = new Nursery();
    const significant = autoShutdown !== "never";
    return await node.run(async (self) => {
      self.trapExits = true;
      const sup = await Supervisor.startLink(self, {
        autoShutdown,
        children: [
          nursery.spec("a", { restart: "transient", significant }),
          nursery.spec("b", { restart: "temporary", significant }),
          nursery.spec("c", { restart: "temporary" }),
          nursery.spec("d"),
        ],
        ...options,
      });
      const ref = self.monitor(sup.pid as Pid);
      await act(self, nursery, sup);
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
    async (self: Self<unknown>, nursery: Nursery) => {
      for (const id of ids) await nursery.finish(self, id, reason);
    };

  test("end the supervisor, any or all of them, as it says", async () => {
    expect(await ends("never", finish("abc"))).toBe(false);
    expect(await ends("anySignificant", finish("c"))).toBe(false);
    expect(await ends("anySignificant", finish("a"))).toBe(true);
    expect(await ends("anySignificant", finish("b", boom))).toBe(true);
    expect(await ends("allSignificant", finish("a"))).toBe(false);
    expect(await ends("allSignificant", finish("bc"))).toBe(false);
    expect(await ends("allSignificant", finish("ba"))).toBe(true);
    expect(await ends("allSignificant", finish("ab", shutdown))).toBe(true);
  });

  test("do not end it when they are restarted or were told to end", async () => {
    expect(await ends("anySignificant", finish("a", boom))).toBe(false);
    expect(
      await ends("anySignificant", async (_self, _nursery, sup) => {
        await sup.terminateChild("a");
        await sup.terminateChild("b");
      }),
    ).toBe(false);
    expect(
      await ends("allSignificant", async (self, nursery, sup) => {
        await sup.terminateChild("a");
        await nursery.finish(self, "b", boom);
      }),
    ).toBe(true);
  });

  test("do not end it as bystanders of a restart", async () => {
    const options = { strategy: "oneForAll" } as const;
    const act = finish("d", boom);
    expect(await ends("anySignificant", act, options)).toBe(false);
    expect(await ends("allSignificant", act, options)).toBe(false);
  });

  test("that wait for a restart count as alive", async () => {
    const options = { maxRestarts: Infinity };
    expect(
      await ends("allSignificant", async (self, nursery) => {
        nursery.refuse("a", 1_000_000);
        await nursery.finish(self, "a", boom);
        await nursery.finish(self, "b", boom);
      }, options),
    ).toBe(false);
  });

  test("end the supervisor above as its significant child", async () => {
    const { node } = await lone();
    const nursery = new Nursery();
    await node.run(async (self) => {
      self.trapExits = true;
      const significant = true;
      const sup = await Supervisor.startLink(self, {
        autoShutdown: "anySignificant",
        children: [
          nursery.spec("a"),
          Supervisor.child({
            autoShutdown: "anySignificant",
            children: [
              nursery.spec("b", { restart: "transient", significant }),
            ],
          }, { restart: "transient", significant }),
        ],
      });
      const act = () => nursery.finish(self, "b", normal);
      expect(await endOf(self, sup.pid, act)).toBe(shutdown);
      expect(nursery.take()).toBe("+a +b -b -a");
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
        // Until the connection is there again, starts may fail.
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
        // In one thread the first number tells whether it lives on over there.
        child: expect.stringMatching(
          new RegExp(`^#PID<\\d+\\.${first.id}\\.${first.serial}>$`),
        ),
      });
    });
  });

  test("is not restarted where the rule says so", async () => {
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

  test("is asked for from there as from here", async () => {
    await using cluster = await testCluster(["a@test", "b@test"]);
    const nursery = new Nursery();
    const [a, b] = cluster.nodes;
    const name = "sup";
    const options = { name, children: nursery.specs("ab") };
    await a?.run((self) => Supervisor.start(self, options));
    await b?.run(async (self) => {
      const sup = Supervisor.at(self, { name, node: "a@test" });
      expect(sup.pid).toBeNull();
      expect((await sup.whichChildren()).map(({ id }) => id))
        .toEqual(["b", "a"]);
      await sup.terminateChild("a");
      expect(await sup.restartChild("a")).toBe(nursery.pid("a"));
      expect(await sup.getChildSpec("a")).toMatchObject({
        id: "a",
        restart: "permanent",
        shutdown: 5_000,
        type: "worker",
        significant: false,
      });
      expect(await failure(sup.startChild(nursery.spec("c"))))
        .toMatchObject({ name: "UsageError" });
      expect(() => self.send({ name, node: "a@test" }, new Shared(1)))
        .toThrow(EncodeError);
      await sup.stop();
      expect(nursery.take()).toBe("+a +b -a +a -b -a");
    });
  });
});
