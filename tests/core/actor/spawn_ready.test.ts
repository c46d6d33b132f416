/** Handler actors whose first state is made in the spawn. */
import { describe, expect, test } from "vitest";
import {
  asyncHandler,
  atom,
  Exit,
  type Handler,
  handler,
  type Pid,
  type Self,
  stop,
  UsageError,
} from "../../../runtime/mod.ts";
import { simulate } from "../../../std/testing/mod.ts";
import { crashReports, lone, poll } from "../../helpers/actors.ts";

const boom = atom("boom");

describe("spawnReady", () => {
  test("returns when the first state is made, and messages come after", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const log: unknown[] = [];
      const { pid, hasEnded } = self.spawnReady(
        handler((me: Self<string>) => {
          log.push("init", me.info()?.name);
          me.send(me.pid, "own");
          return 0;
        }, (n, word) => {
          log.push(word);
          if (word === "last") self.send(self.pid, log);
          return n + 1;
        }),
        { name: "ready" },
      );
      expect([hasEnded, ...log]).toEqual([false, "init", "ready"]);
      self.send(pid, "last");
      expect(await self.receive()).toEqual(["init", "ready", "own", "last"]);
      expect(self.info(pid as Pid)?.parent).toBe(self.pid);
    });
  });

  test("tells of an end in making it, over a link as well", async () => {
    const { node, records } = await lone();
    await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const ends = [
        () => {
          throw boom;
        },
        (me: Self) => me.exit(boom),
        () => stop(boom),
      ];
      for (const init of ends) {
        for (const link of [true, false]) {
          const behaviour = handler<unknown, unknown>(init, (state) => state);
          const { pid, hasEnded, reason } = self.spawnReady(behaviour, {
            link,
            name: "gone",
          });
          expect([hasEnded, reason]).toEqual([true, boom]);
          expect(self.isActorAlive(pid as Pid)).toBe(false);
          expect(self.whereis("gone")).toBeNull();
          const exit = link ? new Exit(pid as Pid, boom) : undefined;
          expect(await poll(self)).toEqual(exit);
        }
      }
    });
    expect(crashReports(records)).toHaveLength(2);
  });

  test("ends a spawner that is linked and does not trap exits", async () => {
    const { node } = await lone();
    let wasAlive = true;
    const parent = node.spawn((self: Self) => {
      const init = () => {
        throw boom;
      };
      self.spawnReady(handler(init, (state) => state), { link: true });
      wasAlive = self.isAlive;
    });
    await node.run(async (self: Self<unknown>) => {
      const ref = self.monitor(parent as Pid);
      await self.receive(ref);
    });
    expect(wasAlive).toBe(false);
  });

  test("lets an init that waits go on by itself", async () => {
    for (const seed of [1, 2, 3]) {
      await simulate({ seed }, async (sim) => {
        const node = await sim.start("a@sim");
        await node.run(async (self: Self<unknown>) => {
          const log: unknown[] = [];
          const { pid, hasEnded } = self.spawnReady(
            asyncHandler(async (me: Self<unknown>) => {
              log.push("begins");
              await me.receive("first");
              log.push("goes on");
              return 0;
            }, (n: number, message) => {
              self.send(self.pid, message);
              return n;
            }),
          );
          expect([hasEnded, ...log]).toEqual([false, "begins"]);
          self.send(pid, "second");
          self.send(pid, { type: "first" });
          expect(await self.receive()).toBe("second");
          expect(log).toEqual(["begins", "goes on"]);
        });
      });
    }
  });

  test("nests to any depth", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { pid: home } = self;
      const nest = (left: number): Handler<unknown> =>
        handler((me) => {
          if (left > 0) me.spawnReady(nest(left - 1), { link: true });
          else me.send(home, "here");
          return left;
        }, (state) => state);
      const { hasEnded } = self.spawnReady(nest(5_000), { link: true });
      expect(hasEnded).toBe(false);
      expect(await self.receive()).toBe("here");
    });
  });

  test("is for handlers only, and for live starters", async () => {
    const { node } = await lone();
    await node.run((self: Self<unknown>) => {
      expect(() => self.spawnReady((() => {}) as never)).toThrow(UsageError);
      const { pid } = self.spawnReady(handler(0, (n) => n), { name: "a" });
      expect(() => self.spawnReady(handler(0, (n) => n), { name: "a" }))
        .toThrow(UsageError);
      expect(self.whereis("a")).toBe(pid);
    });
  });
});
