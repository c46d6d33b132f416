/**
 * An exit signal that has arrived cannot be undone by what its receiver would
 * have done next. In Erlang it may be pending for a while; here it acts at
 * once, and the code of the ended actor goes on to its next `await` at most.
 */
import { describe, expect, test } from "vitest";
import {
  Down,
  KilledError,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { drain, isDown, lone } from "../../helpers/actors.ts";
import { inside, puppet, roundTrip, two } from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";

/** What the receiver does while the signal is there; returns what it got. */
type Deed = {
  readonly what: string;
  readonly act: (me: Self, linked: Pid) => unknown;
  readonly comesTo: unknown;
};

const refused = expect.any(UsageError);

const deeds: readonly Deed[] = [
  { what: "unlink", act: (me, to) => me.unlink(to), comesTo: refused },
  {
    what: "trap exits",
    act: (me) => {
      me.trapExits = true;
    },
    comesTo: undefined,
  },
  {
    what: "receive",
    act: (me) => me.receive(),
    comesTo: expect.any(KilledError),
  },
  {
    what: "poll",
    act: (me) => me.receive({ timeoutMs: 0 }),
    comesTo: expect.any(KilledError),
  },
  {
    what: "exit with a reason of its own",
    act: (me) => me.exit("my own choice"),
    comesTo: expect.objectContaining({ reason: "my own choice" }),
  },
  { what: "ask whether it lives", act: (me) => me.isAlive, comesTo: false },
  {
    what: "ask whether its pid lives",
    act: (me) => me.isActorAlive(me.pid),
    comesTo: false,
  },
  { what: "look at itself", act: (me) => me.info(), comesTo: null },
  {
    what: "change its group leader",
    act: (me, to) => me.setGroupLeader(me.pid, to),
    comesTo: refused,
  },
  { what: "monitor", act: (me, to) => me.monitor(to), comesTo: refused },
];

describe("an exit signal that has come is not escaped by", () => {
  for (const { what, act, comesTo } of deeds) {
    for (const how of ["a broken link", "an exit signal"]) {
      test(`${what}: ${how}`, async () => {
        const { node } = await lone();
        await node.run(async (self: Self<unknown>) => {
          const linked = self.spawn(async (me: Self) => {
            await me.receive();
            me.exit("pending");
          });
          const gate = Promise.withResolvers<void>();
          const outcome = Promise.withResolvers<unknown>();
          const { pid, ref } = self.spawnMonitor(async (me: Self) => {
            me.link(linked);
            me.send(self.pid, "ready");
            await gate.promise;
            try {
              outcome.resolve(await act(me, linked));
            } catch (error) {
              outcome.resolve(error);
              throw error;
            }
          });
          expect(await self.receive()).toBe("ready");
          if (how === "a broken link") {
            const gone = self.monitor(linked);
            self.send(linked as Pid<unknown>, "end");
            await self.receive(gone);
          } else {
            self.sendExit(pid, "pending");
          }
          // What others see, before any of its code has gone on.
          expect(self.isActorAlive(pid)).toBe(false);
          expect(self.info(pid)).toBeNull();
          gate.resolve();
          expect(await outcome.promise).toEqual(comesTo);
          expect(await self.receive(ref))
            .toEqual(new Down(ref, pid, "pending"));
          expect(await drain(self)).toEqual([]);
        });
      });
    }
  }

  test("unlink at the other end of a connection", async () => {
    const { a, b } = await two();
    const watch = puppet(a);
    for (const saves of [true, false]) {
      const [here, there] = [puppet(a), puppet(b)];
      const ref = await inside(watch, (self) => self.monitor(here.pid));
      await inside(here, (self) => self.link(there.pid));
      await roundTrip(a, b);
      if (saves) await inside(here, (self) => self.unlink(there.pid));
      void inside(there, (self) => self.exit("pending")).catch(() => {});
      await roundTrip(a, b);
      if (saves) {
        expect(a.isAlive(here.pid)).toBe(true);
        expect(await inside(watch, (self) => self.demonitor(ref))).toBe(true);
      } else {
        expect(a.isAlive(here.pid)).toBe(false);
        expect(await inside(watch, (self) => self.receive(isDown)))
          .toEqual(new Down(ref, here.pid, "pending"));
      }
    }
  });
});

describe("an end of one's own", () => {
  test("before the signal keeps its reason, for each later signal", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (const signal of ["late", reasons.kill]) {
        const { pid, ref } = self.spawnMonitor(async (me: Self) => {
          await me.receive();
          me.exit("my own choice");
        });
        const other = self.monitor(pid);
        self.send(pid as Pid<unknown>, "go");
        expect(await self.receive(ref))
          .toEqual(new Down(ref, pid, "my own choice"));
        self.sendExit(pid, signal);
        expect(await drain(self))
          .toEqual([new Down(other, pid, "my own choice")]);
      }
    });
  });

  test("and a signal on its way: one of them counts, and once", async () => {
    const seen = new Set<unknown>();
    await simulateSeeds({ count: 40 }, async (sim) => {
      const a = await sim.start("a@sim", { global: false });
      await sim.start("b@sim", {
        global: false,
        exports: {
          mortal: () => async (me: Self) => {
            await me.receive({ timeoutMs: 3 });
            me.exit("my own choice");
          },
        },
      });
      const downs = a.run(async (self: Self<unknown>) => {
        const { pid, ref } = await self.spawnOn("b@sim", "mortal", [], {
          monitor: true,
        });
        self.sendExit(pid, "from afar");
        const down = await self.receive(ref!) as Down;
        await self.receive({ timeoutMs: 1_000 });
        return [down.reason, ...await drain(self)];
      });
      const [reason, ...more] = await downs;
      seen.add(reason);
      expect(more).toEqual([]);
    });
    expect([...seen].map(String).toSorted())
      .toEqual(["from afar", "my own choice"]);
  });
});
