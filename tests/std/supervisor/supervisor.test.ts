/** Supervisors: starts, restarts, and what they are asked. */
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
import { reportsOf, withFamily } from "../families.ts";
import { endOf, failure, Nursery, refusal } from "../nursery.ts";

const boom = atom("boom");
const nope = atom("nope");
const { normal, shutdown } = reasons;
const orderly = [normal, shutdown, tuple(shutdown, 1)];

describe("a supervisor's start", () => {
  test("takes children in order, and its end the other way round", async () => {
    await withFamily({}, async (self, sup, { nursery }) => {
      expect(nursery.take()).toBe("+a +b +c");
      expect(await endOf(self, sup.pid, () => sup.stop())).toBe(normal);
      expect(nursery.take()).toBe("-c -b -a");
    });
  });

  test("waits for each child before the next", async () => {
    const { node } = await lone();
    const nursery = new Nursery();
    nursery.delays.set("a", 15);
    await node.run(async (self) => {
      await Supervisor.startLink(self, { children: nursery.specs("ab") });
      expect(nursery.take()).toBe("+a +b");
    });
  });

  test("that fails at one child ends those before it, last one first", async () => {
    const { node, records } = await lone();
    const nursery = new Nursery();
    nursery.refuse("c", 1);
    await node.run(async (self) => {
      self.trapExits = true;
      const error = await failure(
        Supervisor.startLink(self, {
          children: nursery.specs("abcd"),
          name: "sup",
        }),
      );
      expect(error).toBeInstanceOf(StartError);
      expect((error as StartError).reason).toEqual(
        tuple(shutdown, tuple(atom("failed_to_start_child"), "c", nope)),
      );
      expect(nursery.take()).toBe("+a +b !c -b -a");
      expect(self.whereis("sup")).toBeNull();
      expect(reportsOf(records, "start_error")).toHaveLength(1);
    });
  });

  test("takes what throws, times out or returns nonsense for a failure", async () => {
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

  test("keeps a child that had nothing to start, unless temporary", async () => {
    const ignoring = (nursery: Nursery) => {
      nursery.fates.set("a", ["ignore"]);
      nursery.fates.set("b", ["ignore"]);
      return [
        nursery.spec("a"),
        nursery.spec("b", { restart: "temporary" }),
        nursery.spec("c"),
      ];
    };
    await withFamily({ specs: ignoring }, async (_self, sup, { nursery }) => {
      const rows = await sup.whichChildren();
      expect(rows.map(({ id, pid }) => [id, pid]))
        .toEqual([["c", nursery.pid("c")], ["a", null]]);
      expect(await sup.restartChild("a")).toBe(nursery.pid("a"));
    });
  });

  test("is refused under a name that has a holder", async () => {
    await withFamily({ name: "sup" }, async (self, sup) => {
      expect(
        await refusal(Supervisor.start(self, { children: [], name: "sup" })),
      ).toEqual(tuple(atom("already_started"), sup.pid));
      expect(Supervisor.at(self, "sup").pid).toBe(sup.pid);
    });
  });

  test("makes children of bare actors and of other supervisors", async () => {
    const { node } = await lone();
    const nursery = new Nursery();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [
          { id: "parked", start: actorStart(park, { name: "parked" }) },
          Supervisor.child({ children: nursery.specs("a"), name: "inner" }),
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
      expect(nursery.take()).toBe("+a -a");
      expect(self.whereis("parked")).toBeNull();
    });
  });

  test("works where messages are copied or frozen", async () => {
    for (const options of [{ isolate: "copy" }, { strict: true }] as const) {
      const { node } = await lone(options);
      const nursery = new Nursery();
      await node.run(async (self) => {
        const sup = await Supervisor.startLink(self, {
          children: nursery.specs("a"),
        });
        expect(await sup.startChild(nursery.spec("b"))).toBe(nursery.pid("b"));
        await nursery.finish(self, "b", boom);
        expect((await sup.whichChildren())[0]?.pid).toBe(nursery.pid("b"));
        expect((await sup.getChildSpec("b")).start).toBeTypeOf("function");
        await sup.stop();
        expect(nursery.take()).toBe("+a +b -b +b -b -a");
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
  test.each(cases)("%s, is restarted as the rule says", async (...row) => {
    const [restart, restarting, ending] = row;
    const options = { maxRestarts: 10, children: [] };
    await withFamily(options, async (self, sup, { nursery, records }) => {
      for (const reason of [...restarting, ...ending]) {
        const before = await sup.startChild(nursery.spec("x", { restart }));
        await nursery.finish(self, "x", reason);
        const [child] = await sup.whichChildren();
        if (restarting.includes(reason as never)) {
          expect(child?.pid).toBe(nursery.pid("x"));
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
    });
  });

  test("too often ends the supervisor, with reason shutdown", async () => {
    const world = { maxRestarts: 2 };
    await withFamily(world, async (self, sup, { nursery, records }) => {
      const shown = String(sup.pid);
      const reason = await endOf(self, sup.pid, async () => {
        for (let i = 0; i < 3; i++) {
          await sup.countChildren();
          await nursery.finish(self, "b", boom);
        }
      });
      expect(reason).toBe(shutdown);
      expect(nursery.take())
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
    });
  });

  test("ends the supervisor at once where no restart is allowed", async () => {
    await withFamily({ maxRestarts: 0 }, async (self, sup, { nursery }) => {
      const reason = await endOf(
        self,
        sup.pid,
        () => nursery.finish(self, "a", normal),
      );
      expect(reason).toBe(shutdown);
      expect(nursery.take()).toBe("+a +b +c -a -c -b");
    });
  });

  test("escalates to the supervisor above, which starts all anew", async () => {
    const { node } = await lone();
    const nursery = new Nursery();
    await node.run(async (self) => {
      const sup = await Supervisor.startLink(self, {
        children: [Supervisor.child({
          maxRestarts: 0,
          children: nursery.specs("ab"),
        })],
      });
      await nursery.finish(self, "b", boom);
      const first = (await sup.whichChildren())[0]?.pid as Pid;
      await endOf(self, first, () => {});
      await sup.whichChildren();
      expect(nursery.take()).toBe("+a +b -b -a +a +b");
    });
  });

  test("is reported with what is known of it", async () => {
    await withFamily({}, async (self, sup, { nursery, records }) => {
      const shown = String(nursery.pid("a"));
      nursery.refuse("a", 1);
      await nursery.finish(self, "a", boom);
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

describe("a supervisor is asked", () => {
  test("to start, end, start again and forget a child", async () => {
    await withFamily({ ids: "a" }, async (_self, sup, { nursery }) => {
      const { notFound, running, present } = {
        notFound: atom("not_found"),
        running: atom("running"),
        present: atom("already_present"),
      };
      const spec = nursery.spec("b", { restart: "transient" });
      const pid = await sup.startChild(spec);
      expect(pid).toBe(nursery.pid("b"));
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
      expect(await sup.restartChild("b")).toBe(nursery.pid("b"));
      await sup.terminateChild("b");
      nursery.refuse("b", 1);
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
      expect(nursery.take()).toBe("+a +b -b +b -b !b");
    });
  });

  test("to start a child that cannot be, or has nothing to start", async () => {
    await withFamily({ ids: "" }, async (_self, sup, { nursery }) => {
      nursery.refuse("a", 1);
      expect(await refusal(sup.startChild(nursery.spec("a")))).toBe(nope);
      expect(await sup.whichChildren()).toEqual([]);
      for (const restart of ["permanent", "temporary"] as const) {
        nursery.fates.set("a", ["ignore"]);
        expect(await sup.startChild(nursery.spec("a", { restart }))).toBeNull();
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
    await withFamily({ ids: "" }, async (_self, sup, { nursery }) => {
      const ids = [1, "1", atom("1"), tuple("a", 1), [1, 2], null];
      for (const id of ids) await sup.startChild({ ...nursery.spec("a"), id });
      const rows = await sup.whichChildren();
      expect(rows.map(({ id }) => id)).toEqual(ids.toReversed());
      await sup.terminateChild(tuple("a", 1));
      expect((await sup.countChildren()).active).toBe(5);
    });
  });

  test("what it does not know, and goes on", async () => {
    await withFamily({}, async (self, sup, { records }) => {
      const answer = await self.call(sup.pid, atom("odd"));
      expect(answer)
        .toEqual(tuple(atom("error"), tuple(atom("bad_call"), atom("odd"))));
      self.cast(sup.pid, atom("odd"));
      self.send(sup.pid as Pid<string>, "odd");
      // An exit signal of somebody it does not know.
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

  test("between the tries of a restart, to end, and to end the child", async () => {
    const options = { maxRestarts: Infinity, ids: "ab" };
    await withFamily(options, async (self, sup, { nursery }) => {
      nursery.refuse("a", 1_000_000);
      await nursery.finish(self, "a", boom);
      const rows = await sup.whichChildren();
      expect(rows.map(({ pid }) => pid))
        .toEqual([nursery.pid("b"), "restarting"]);
      expect(await sup.countChildren())
        .toEqual({ specs: 2, active: 1, supervisors: 0, workers: 2 });
      const restarting = atom("restarting");
      expect(await refusal(sup.restartChild("a"))).toBe(restarting);
      expect(await refusal(sup.deleteChild("a"))).toBe(restarting);
      expect(await refusal(sup.startChild(nursery.spec("a"))))
        .toBe(atom("already_present"));
      await sup.terminateChild("a");
      expect((await sup.whichChildren())[1]?.pid).toBeNull();
      const tries = nursery.events.length;
      await sup.countChildren();
      expect(nursery.events.length).toBe(tries);
      nursery.fates.clear();
      await sup.restartChild("a");
      nursery.refuse("a", 1_000_000);
      await nursery.finish(self, "a", boom);
      expect(
        await endOf(self, sup.pid, () => {
          self.sendExit(sup.pid as Pid, shutdown);
        }),
      ).toBe(shutdown);
      expect(nursery.events.at(-1)).toBe("-b");
    });
  });
});
