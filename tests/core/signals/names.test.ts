/** Registered names and the other options of a spawn. */
import { describe, expect, test } from "vitest";
import {
  Down,
  handler,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, holdingsOf, lone, park, poll } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

describe("spawn", () => {
  test("refuses a name that is taken and spawns nothing", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    const before = core.actorCount;
    const first = node.spawn(park, { name: "taken" });
    let ran = false;
    const spawn = () =>
      node.spawn(() => {
        ran = true;
      }, { name: "taken" });
    expect(spawn).toThrow(UsageError);
    expect(spawn).toThrow('"taken"');
    await node.run(async (self) => {
      expect(() => self.spawnLink(park, { name: "taken" })).toThrow(UsageError);
      expect(() => self.spawnMonitor(park, { name: "taken" }))
        .toThrow(UsageError);
      expect(core.actorCount).toBe(before + 2);
      expect(await poll(self)).toBeUndefined();
    });
    expect(ran).toBe(false);
    expect(node.whereis("taken")).toBe(first);
    // What was refused has used up no pid: the next spawn takes a freed one.
    const freed = node.spawn(() => {});
    await waitFor(() => freed.target === null, { what: "its end" });
    expect(spawn).toThrow(UsageError);
    const next = node.spawn(park);
    expect([next.id, next.serial]).toEqual([freed.id, freed.serial + 1]);
  });

  test("refuses names that are none", async () => {
    const { node } = await lone();
    const before = holdingsOf(await coreOf(node));
    for (const name of ["", "undefined", 7 as unknown as string]) {
      expect(() => node.spawn(park, { name })).toThrow(UsageError);
    }
    expect(holdingsOf(await coreOf(node))).toEqual(before);
  });

  test("never gives a pid twice", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    const before = core.actorCount;
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const pids = Array.from({ length: 50 }, () => node.spawn(() => {}));
      for (const pid of pids) {
        seen.add(`${pid.id}.${pid.serial}`);
        expect(core.actorById(pid.id, pid.serial)?.pid).toBe(pid);
      }
      await waitFor(() => core.actorCount === before, { what: "all to end" });
      for (const pid of pids) {
        expect(core.actorById(pid.id, pid.serial)).toBeNull();
      }
    }
    expect(seen.size).toBe(1_000);
  });

  test("takes trapExits before the actor runs", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor(async (me: Self) => {
        self.send(self.pid, await me.receive());
        me.exit("served");
      }, { trapExits: true });
      // It has not run yet and traps already.
      self.sendExit(pid, "early");
      expect(await self.receive()).toMatchObject({
        type: "EXIT",
        from: self.pid,
        reason: "early",
      });
      expect(await self.receive()).toEqual(new Down(ref, pid, "served"));
    });
  });

  test("of an actor that is killed at once never runs it", async () => {
    const { node } = await lone();
    let ran = false;
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor(() => {
        ran = true;
      });
      self.sendExit(pid, reasons.kill);
      expect(await self.receive()).toEqual(new Down(ref, pid, reasons.killed));
    });
    expect(ran).toBe(false);
  });

  test("takes functions that are not async", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor((me) => {
        me.send(self.pid, "ran");
      });
      expect(await self.receive()).toBe("ran");
      expect(await self.receive()).toEqual(new Down(ref, pid, reasons.normal));
      const thrower = self.spawnMonitor((me) => me.exit("sync"));
      expect(await self.receive())
        .toEqual(new Down(thrower.ref, thrower.pid, "sync"));
    });
  });
});

describe("register", () => {
  test("binds a name to a pid and back", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      expect(self.whereis("me")).toBeNull();
      self.register("me");
      expect(self.whereis("me")).toBe(self.pid);
      self.send("me", "by name");
      expect(await self.receive()).toBe("by name");
      self.send({ name: "me", node: self.node }, "by name and node");
      expect(await self.receive()).toBe("by name and node");
      self.unregister("me");
      expect(self.whereis("me")).toBeNull();
      expect(() => self.send("me", "gone")).toThrow(UsageError);
      self.register("again");
      expect(node.whereis("again")).toBe(self.pid);
    });
    expect(node.whereis("again")).toBeNull();
  });

  test("refuses with nothing changed", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      const other = self.spawn(park, { name: "other" });
      const { pid: dead } = self.spawnMonitor(() => {});
      await self.receive();
      self.register("mine");
      const before = holdingsOf(core);
      expect(before.names).toEqual(expect.arrayContaining(["mine", "other"]));
      const refused: [string, Pid | undefined][] = [
        ["other", undefined],
        ["mine", undefined],
        ["second", undefined],
        ["second", other],
        ["fresh", dead],
        ["", undefined],
        ["undefined", undefined],
      ];
      for (const [name, pid] of refused) {
        expect(() => self.register(name, pid), `${name} ${pid}`)
          .toThrow(UsageError);
      }
      expect(() => self.unregister("nobody")).toThrow(UsageError);
      expect(holdingsOf(core)).toEqual(before);
      expect(self.whereis("other")).toBe(other);
    });
  });

  test("takes another local actor", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const other = self.spawn(async (me) => {
        self.send(self.pid, await me.receive());
      });
      self.register("other", other);
      self.send("other", "hello");
      expect(await self.receive()).toBe("hello");
    });
  });
});

describe("a name", () => {
  test("is free again before any other actor is notified of the exit", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      for (let i = 0; i < 50; i++) {
        const pid = self.spawnLink(park, { name: "child" });
        const ref = self.monitor(pid);
        self.sendExit(pid, reasons.kill);
        for (const _ of ["Exit", "Down"]) {
          const told = await self.receive();
          expect(self.whereis("child")).toBeNull();
          if (told instanceof Down) expect(told.ref).toBe(ref);
        }
      }
    });
  });

  test("can be given to the successor when Down is seen", async () => {
    const { node } = await lone();
    const starts: Pid[] = [];
    await node.run(async (self) => {
      for (let i = 0; i < 50; i++) {
        const { pid, ref } = self.spawnMonitor(
          async (me) => {
            await me.receive();
            throw me.exit("again");
          },
          { name: "restarted" },
        );
        starts.push(pid);
        self.send("restarted", "end");
        expect(await self.receive()).toEqual(new Down(ref, pid, "again"));
      }
    });
    expect(new Set(starts.map(String)).size).toBe(50);
  });

  test("of an actor that runs to its end is free when run resolves", async () => {
    const { node } = await lone();
    for (let i = 0; i < 10; i++) {
      expect(
        await node.run((self) => self.whereis("runner"), {
          name: "runner",
        }),
      ).not.toBeNull();
    }
    await expect(
      node.run((self) => self.exit("early"), { name: "runner" }),
    ).rejects.toThrow("early");
    expect(await node.run(() => 1, { name: "runner" })).toBe(1);
  });

  test("that moved on means its new holder", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const make = (tag: string) =>
        self.spawn(handler(null, (state: null) => {
          self.send(self.pid, tag);
          return state;
        }));
      const [a, b] = [make("a"), make("b")];
      self.register("it", a);
      const ref = self.monitor("it");
      self.unregister("it");
      self.register("it", b);
      self.send("it", 1);
      expect(await self.receive()).toBe("b");
      // The monitor stays with the actor that had the name when it was set.
      self.sendExit(b, reasons.kill);
      self.send(a, 1);
      expect(await self.receive()).toBe("a");
      self.sendExit(a, reasons.kill);
      expect(await self.receive()).toEqual(
        new Down(ref, { name: "it", node: self.node }, reasons.killed),
      );
    });
  });
});
