/** Supervisors: starts, restarts and requests. */
import { describe, expect, test } from "vitest";
import { atom, type Pid, reasons, sys, tuple } from "../../../runtime/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import { StartError } from "../../../std/proc_lib/mod.ts";
import {
  actorStart,
  type ChildSpec,
  Supervisor,
  SupervisorError,
} from "../../../std/supervisor/mod.ts";
import { lone, park } from "../../helpers/actors.ts";
import { reportsOf, withSupervisor } from "./world.ts";
import { endOf, failure, refusal } from "../outcomes.ts";
import { TestChildren } from "../test_children.ts";

const boom = atom("boom");
const nope = atom("nope");
const { normal, shutdown } = reasons;
const orderly = [normal, shutdown, tuple(shutdown, 1)];

describe("a supervisor's start", () => {
  test("starts children in order, and its end shuts them down in reverse", async () => {
    await withSupervisor({}, async (self, sup, { testChildren }) => {
      expect(testChildren.take()).toBe("+a +b +c");
      expect(await endOf(self, sup.pid, () => sup.stop())).toBe(normal);
      expect(testChildren.take()).toBe("-c -b -a");
    });
  });

  test("waits for each child before the next one", async () => {
    const { node } = await lone();
    const testChildren = new TestChildren();
    testChildren.delays.set("a", 15);
    await node.run(async (self) => {
      await Supervisor.startLink(self, { children: testChildren.specs("ab") });
      expect(testChildren.take()).toBe("+a +b");
    });
  });

  test("that fails at one child ends those before it, the last one first", async () => {
    const { node, records } = await lone();
    const testChildren = new TestChildren();
    testChildren.refuse("c", 1);
    await node.run(async (self) => {
      self.trapExits = true;
      const error = await failure(
        Supervisor.startLink(self, {
          children: testChildren.specs("abcd"),
          name: "sup",
        }),
      );
      expect(error).toBeInstanceOf(StartError);
      expect((error as StartError).reason).toEqual(
        tuple(shutdown, tuple(atom("failed_to_start_child"), "c", nope)),
      );
      expect(testChildren.take()).toBe("+a +b !c -b -a");
      expect(self.whereis("sup")).toBeNull();
      expect(reportsOf(records, "start_error")).toHaveLength(1);
    });
  });

  test("fails if a child's start throws, times out or returns no pid", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      const error = new Error("as asked");
      const Throwing = genServer({
        init: (): null => {
          throw error;
        },
      });
      const Hanging = genServer({ init: () => new Promise<null>(() => {}) });
      const starts: readonly [ChildSpec["start"], unknown][] = [
        [() => {
          throw error;
        }, error],
        [() => Promise.reject(boom), boom],
        [(me) => Throwing.startLink(me), error],
        [(me) => Hanging.startLink(me, undefined, { timeoutMs: 1 }), "timeout"],
        [
          () => undefined as never,
          expect.objectContaining({ name: "UsageError" }),
        ],
        [
          async (me) => (await me.spawnOn("x@nowhere", "y")).pid,
          reasons.noconnection,
        ],
      ];
      for (const [start, reason] of starts) {
        const children = [{ id: 1, start }];
        expect(await refusal(Supervisor.startLink(self, { children })))
          .toMatchObject({
            items: [
              shutdown,
              { items: [atom("failed_to_start_child"), 1, reason] },
            ],
          });
      }
    });
  });

  test("keeps a child whose start returned ignore, unless it is temporary", async () => {
    const ignoring = (testChildren: TestChildren) => {
      testChildren.startResults.set("a", ["ignore"]);
      testChildren.startResults.set("b", ["ignore"]);
      return [
        testChildren.spec("a"),
        testChildren.spec("b", { restart: "temporary" }),
        testChildren.spec("c"),
      ];
    };
    await withSupervisor(
      { specs: ignoring },
      async (_self, sup, { testChildren }) => {
        const rows = await sup.whichChildren();
        expect(rows.map(({ id, pid }) => [id, pid]))
          .toEqual([["c", testChildren.pid("c")], ["a", null]]);
        expect(await sup.restartChild("a")).toBe(testChildren.pid("a"));
      },
    );
  });

  test("is refused under a name that another actor has", async () => {
    await withSupervisor({ name: "sup" }, async (self, sup) => {
      expect(
        await refusal(Supervisor.start(self, { children: [], name: "sup" })),
      ).toEqual(tuple(atom("already_started"), sup.pid));
      expect(Supervisor.at(self, "sup").pid).toBe(sup.pid);
    });
  });

  test("takes bare actors and other supervisors as children", async () => {
    const { node } = await lone();
    const testChildren = new TestChildren();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [
          { id: "parked", start: actorStart(park, { name: "parked" }) },
          Supervisor.child({
            children: testChildren.specs("a"),
            name: "inner",
          }),
          Supervisor.child({ children: [] }),
        ],
      });
      const rows = await sup.whichChildren();
      expect(rows.map(({ id, type }) => [id, type])).toEqual([
        ["Supervisor", "supervisor"],
        ["inner", "supervisor"],
        ["parked", "worker"],
      ]);
      expect(self.whereis("parked")).toBe(rows[2]?.pid);
      expect(await sup.countChildren())
        .toEqual({ specs: 3, active: 3, supervisors: 2, workers: 1 });
      const before = self.whereis("parked");
      self.sendExit(before as Pid, boom);
      await sup.whichChildren();
      expect(self.whereis("parked")).not.toBe(before);
      await sup.stop();
      expect(testChildren.take()).toBe("+a -a");
      expect(self.whereis("parked")).toBeNull();
    });
  });

  test("works where messages are copied or frozen", async () => {
    for (const options of [{ isolate: "copy" }, { strict: true }] as const) {
      const { node } = await lone(options);
      const testChildren = new TestChildren();
      await node.run(async (self) => {
        const sup = await Supervisor.startLink(self, {
          children: testChildren.specs("a"),
        });
        expect(await sup.startChild(testChildren.spec("b"))).toBe(
          testChildren.pid("b"),
        );
        await testChildren.endChild(self, "b", boom);
        expect((await sup.whichChildren())[0]?.pid).toBe(testChildren.pid("b"));
        expect((await sup.getChildSpec("b")).start).toBeTypeOf("function");
        await sup.stop();
        expect(testChildren.take()).toBe("+a +b -b +b -b -a");
      });
    }
  });
});

describe("a child that ends", () => {
  const cases = [
    ["permanent", [...orderly, boom], []],
    ["transient", [boom], orderly],
    ["temporary", [], [...orderly, boom]],
  ] as const;
  test.each(cases)("%s, is restarted by its restart rule", async (...row) => {
    const [restart, restarting, ending] = row;
    const options = { maxRestarts: 10, children: [] };
    await withSupervisor(
      options,
      async (self, sup, { testChildren, records }) => {
        for (const reason of [...restarting, ...ending]) {
          const before = await sup.startChild(
            testChildren.spec("x", { restart }),
          );
          await testChildren.endChild(self, "x", reason);
          const [child] = await sup.whichChildren();
          if (restarting.includes(reason as never)) {
            expect(child?.pid).toBe(testChildren.pid("x"));
            expect(child?.pid).not.toBe(before);
            await sup.terminateChild("x");
          } else if (restart === "temporary") {
            expect(child).toBeUndefined();
          } else {
            expect(child).toMatchObject({ id: "x", pid: null });
          }
          if (restart !== "temporary") await sup.deleteChild("x");
        }
        const isReported = restart === "permanent" ? 4 : 1;
        expect(reportsOf(records, "child_terminated")).toHaveLength(isReported);
      },
    );
  });

  test("too often ends the supervisor, with reason shutdown", async () => {
    const world = { maxRestarts: 2 };
    await withSupervisor(
      world,
      async (self, sup, { testChildren, records }) => {
        const shown = String(sup.pid);
        const reason = await endOf(self, sup.pid, async () => {
          for (let i = 0; i < 3; i++) {
            await sup.countChildren();
            await testChildren.endChild(self, "b", boom);
          }
        });
        expect(reason).toBe(shutdown);
        expect(testChildren.take())
          .toBe("+a +b +c -b +b -b +b -b -c -a");
        expect(reportsOf(records, "shutdown")).toMatchObject([{
          level: "error",
          fields: {
            supervisor: shown,
            id: expect.stringContaining("b"),
            reason: expect.stringContaining("reached_max_restart_intensity"),
            restart: "permanent",
          },
        }]);
      },
    );
  });

  test("ends the supervisor at once if no restart is allowed", async () => {
    await withSupervisor(
      { maxRestarts: 0 },
      async (self, sup, { testChildren }) => {
        const reason = await endOf(
          self,
          sup.pid,
          () => testChildren.endChild(self, "a", normal),
        );
        expect(reason).toBe(shutdown);
        expect(testChildren.take()).toBe("+a +b +c -a -c -b");
      },
    );
  });

  test("too often ends the supervisor, which the one above restarts", async () => {
    const { node } = await lone();
    const testChildren = new TestChildren();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [Supervisor.child({
          maxRestarts: 0,
          children: testChildren.specs("ab"),
        })],
      });
      await testChildren.endChild(self, "b", boom);
      const first = (await sup.whichChildren())[0]?.pid as Pid;
      await endOf(self, first, () => {});
      await sup.whichChildren();
      expect(testChildren.take()).toBe("+a +b -b -a +a +b");
    });
  });

  test("is reported with its id, pid, rule and reason", async () => {
    await withSupervisor({}, async (self, sup, { testChildren, records }) => {
      const shown = String(testChildren.pid("a"));
      testChildren.refuse("a", 1);
      await testChildren.endChild(self, "a", boom);
      await sup.whichChildren();
      expect(reportsOf(records, "child_terminated")).toMatchObject([{
        level: "error",
        fields: {
          supervisor: String(sup.pid),
          child: shown,
          reason: expect.stringContaining("boom"),
          restart: "permanent",
        },
      }]);
      expect(reportsOf(records, "start_error")).toMatchObject([{
        level: "error",
        fields: { reason: expect.stringContaining("nope") },
      }]);
      const progress = reportsOf(records, "progress");
      expect(progress.map(({ level }) => level))
        .toEqual(new Array(progress.length).fill("debug"));
      expect(progress[0]?.fields).toMatchObject({ child: shown });
      expect(progress.length).toBeGreaterThanOrEqual(3);
    });
  });
});

describe("a supervisor takes requests", () => {
  test("to start, end, restart and delete a child", async () => {
    await withSupervisor({ ids: "a" }, async (_self, sup, { testChildren }) => {
      const { notFound, running, present } = {
        notFound: atom("not_found"),
        running: atom("running"),
        present: atom("already_present"),
      };
      const spec = testChildren.spec("b", { restart: "transient" });
      const pid = await sup.startChild(spec);
      expect(pid).toBe(testChildren.pid("b"));
      const again = await failure(sup.startChild(spec));
      expect(again).toBeInstanceOf(SupervisorError);
      expect((again as SupervisorError).reason)
        .toEqual(tuple(atom("already_started"), pid));
      expect(await refusal(sup.restartChild("b"))).toBe(running);
      expect(await refusal(sup.deleteChild("b"))).toBe(running);
      expect(await sup.getChildSpec("b")).toBe(spec);
      expect(await sup.countChildren())
        .toEqual({ specs: 2, active: 2, supervisors: 0, workers: 2 });
      await sup.terminateChild("b");
      await sup.terminateChild("b");
      expect(await sup.countChildren())
        .toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 });
      expect(await refusal(sup.startChild(spec))).toBe(present);
      expect(await sup.restartChild("b")).toBe(testChildren.pid("b"));
      await sup.terminateChild("b");
      testChildren.refuse("b", 1);
      expect(await refusal(sup.restartChild("b"))).toBe(nope);
      await sup.deleteChild("b");
      for (
        const asked of [
          sup.terminateChild("b"),
          sup.deleteChild("b"),
          sup.restartChild("b"),
          sup.getChildSpec("b"),
        ]
      ) expect(await refusal(asked)).toBe(notFound);
      expect(testChildren.take()).toBe("+a +b -b +b -b !b");
    });
  });

  test("to start a child that fails, or that starts nothing", async () => {
    await withSupervisor({ ids: "" }, async (_self, sup, { testChildren }) => {
      testChildren.refuse("a", 1);
      expect(await refusal(sup.startChild(testChildren.spec("a")))).toBe(nope);
      expect(await sup.whichChildren()).toEqual([]);
      for (const restart of ["permanent", "temporary"] as const) {
        testChildren.startResults.set("a", ["ignore"]);
        expect(await sup.startChild(testChildren.spec("a", { restart })))
          .toBeNull();
        const rows = await sup.whichChildren();
        if (restart === "temporary") {
          expect(rows).toEqual([]);
          continue;
        }
        expect(rows).toMatchObject([{ id: "a", pid: null }]);
        await sup.deleteChild("a");
      }
    });
  });

  test("for children with ids of any kind", async () => {
    await withSupervisor({ ids: "" }, async (_self, sup, { testChildren }) => {
      const ids = [1, "1", atom("1"), tuple("a", 1), [1, 2], null];
      for (const id of ids) {
        await sup.startChild({ ...testChildren.spec("a"), id });
      }
      const rows = await sup.whichChildren();
      expect(rows.map(({ id }) => id)).toEqual(ids.toReversed());
      await sup.terminateChild(tuple("a", 1));
      expect((await sup.countChildren()).active).toBe(5);
    });
  });

  test("that it does not know, and goes on", async () => {
    await withSupervisor({}, async (self, sup, { records }) => {
      const answer = await self.call(sup.pid, atom("odd"));
      expect(answer)
        .toEqual(tuple(atom("error"), tuple(atom("bad_call"), atom("odd"))));
      self.cast(sup.pid, atom("odd"));
      self.send(sup.pid as Pid<string>, "odd");
      // An exit signal of an actor that is no child.
      self.spawn((other) => other.sendExit(sup.pid as Pid, boom));
      await self.receive("nothing", { timeoutMs: 1 });
      expect((await sup.countChildren()).active).toBe(3);
      const warnings = records.filter(({ level }) => level === "warning");
      expect(warnings).toHaveLength(3);
      expect(await sys.getState(self, sup.pid)).toBeDefined();
      expect(String(JSON.stringify(await sys.getStatus(self, sup.pid))))
        .toContain("Supervisor");
    });
  });

  test("between attempts of a restart, to end, and to end the child", async () => {
    const options = { maxRestarts: Infinity, ids: "ab" };
    await withSupervisor(options, async (self, sup, { testChildren }) => {
      testChildren.refuse("a", 1_000_000);
      await testChildren.endChild(self, "a", boom);
      const rows = await sup.whichChildren();
      expect(rows.map(({ pid }) => pid))
        .toEqual([testChildren.pid("b"), "restarting"]);
      expect(await sup.countChildren())
        .toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 });
      const restarting = atom("restarting");
      expect(await refusal(sup.restartChild("a"))).toBe(restarting);
      expect(await refusal(sup.deleteChild("a"))).toBe(restarting);
      expect(await refusal(sup.startChild(testChildren.spec("a"))))
        .toBe(atom("already_present"));
      await sup.terminateChild("a");
      expect((await sup.whichChildren())[1]?.pid).toBeNull();
      const tries = testChildren.events.length;
      await sup.countChildren();
      expect(testChildren.events.length).toBe(tries);
      testChildren.startResults.clear();
      await sup.restartChild("a");
      testChildren.refuse("a", 1_000_000);
      await testChildren.endChild(self, "a", boom);
      expect(
        await endOf(self, sup.pid, () => {
          self.sendExit(sup.pid as Pid, shutdown);
        }),
      ).toBe(shutdown);
      expect(testChildren.events.at(-1)).toBe("-b");
    });
  });
});
