/** Links between actors of one node. */
import { describe, expect, test } from "vitest";
import type { Actor } from "../../../runtime/core/actor/actor.ts";
import {
  Down,
  Exit,
  handler,
  type Pid,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import {
  coreOf,
  drain,
  exitOnDemand,
  lone,
  obedient,
  type Order,
  park,
  poll,
} from "../../helpers/actors.ts";

/** Pids that an actor is linked to, from the node's own tables. */
function linksOf(self: Self, pid: Pid): Pid[] {
  const { owner } = self as unknown as Actor;
  return [...owner.localActor(pid)?.links?.keys() ?? []];
}

describe("a link", () => {
  test("is on both sides, for either maker and any number of calls", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const other = self.spawn(obedient);
      self.link(other);
      self.link(other);
      self.send(other, (me: Self) => {
        me.link(self.pid);
        me.send(self.pid, "linked");
      });
      expect(await self.receive()).toBe("linked");
      expect(linksOf(self, self.pid)).toEqual([other]);
      expect(linksOf(self, other)).toEqual([self.pid]);
      self.trapExits = true;
      self.sendExit(other, "once");
      expect(await drain(self)).toEqual([new Exit(other, "once")]);
      expect(linksOf(self, self.pid)).toEqual([]);
    });
  });

  test("passes on a crash with its reason, both ways", async () => {
    const { node } = await lone();
    const error = new Error("contagious");
    await node.run(async (self) => {
      for (const crashing of ["parent", "child"]) {
        const watch: Pid[] = [];
        const parent = self.spawn(async (me: Self<string>) => {
          const child = me.spawnLink(async (it: Self<string>) => {
            await it.receive("crash" as never);
          });
          self.send(self.pid, child);
          await me.receive();
          if (crashing === "parent") throw error;
          me.sendExit(child, error);
          await me.receive();
        });
        const child = await self.receive() as Pid;
        watch.push(parent, child);
        const refs = watch.map((pid) => self.monitor(pid));
        self.send(parent, "go");
        const downs = [await self.receive(), await self.receive()] as Down[];
        for (const [i, ref] of refs.entries()) {
          const down = downs.find((one) => one.ref === ref);
          expect(down?.target).toBe(watch[i]);
          expect(down?.reason).toBe(error);
        }
      }
    });
  });

  test("lets a normal end pass without harm", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const ends = [
        () => {},
        (me: Self) => me.exit(reasons.normal),
        async () => {},
        handler((me: Self) => me.exit(reasons.normal), (s: null) => s),
      ];
      for (const end of ends) {
        const pid = self.spawnLink(end);
        const ref = self.monitor(pid);
        expect(await self.receive())
          .toEqual(new Down(ref, pid, reasons.normal));
        expect(linksOf(self, self.pid)).toEqual([]);
      }
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("tells one who traps exits, normal ends as well", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      for (const reason of [reasons.normal, reasons.kill, "x", { a: 1 }]) {
        const pid = self.spawnLink(exitOnDemand);
        self.send(pid, reason);
        expect(await self.receive()).toEqual(new Exit(pid, reason));
      }
    });
  });

  test("ends at unlink by either side, and can be made again", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const other = self.spawn(obedient);
      const inOther = async (order: Order) => {
        self.send(other, (me: Self) => {
          order(me);
          me.send(self.pid, "done");
        });
        expect(await self.receive()).toBe("done");
      };
      self.link(other);
      self.unlink(other);
      self.unlink(other);
      expect(linksOf(self, other)).toEqual([]);
      self.link(other);
      await inOther((me) => me.unlink(self.pid));
      expect(linksOf(self, self.pid)).toEqual([]);
      self.sendExit(other, "harmless");
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("that was taken back has no effect any more", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      const pid = self.spawnLink(park);
      self.unlink(pid);
      const ref = self.monitor(pid);
      self.sendExit(pid, "x");
      expect(await drain(self)).toEqual([new Down(ref, pid, "x")]);
    });
  });

  test("whose Exit has arrived leaves it there at unlink", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      const pid = self.spawnLink(park);
      self.sendExit(pid, "x");
      self.unlink(pid);
      expect(await drain(self)).toEqual([new Exit(pid, "x")]);
    });
  });

  test("that may have broken is done with by unlink and a look", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      for (const first of ["the end", "unlink"]) {
        const pid = self.spawnLink(park);
        const other = self.spawnLink(park);
        self.sendExit(other, "kept");
        if (first === "the end") self.sendExit(pid, "x");
        self.unlink(pid);
        const seen = await self.receive(
          (m): m is Exit => m instanceof Exit && m.from === pid,
          { timeoutMs: 0 },
        );
        expect(seen).toEqual(
          first === "the end" ? new Exit(pid, "x") : undefined,
        );
        self.sendExit(pid, "x");
        expect(await drain(self)).toEqual([new Exit(other, "kept")]);
      }
    });
  });

  test("to oneself is none", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.link(self.pid);
      expect(linksOf(self, self.pid)).toEqual([]);
      self.unlink(self.pid);
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("to an ended actor is an exit signal noproc", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid: dead } = self.spawnMonitor(() => {});
      await self.receive();
      const { pid, ref } = self.spawnMonitor((me) => {
        me.link(dead);
        me.send(self.pid, "not reached");
      });
      expect(await self.receive()).toEqual(new Down(ref, pid, reasons.noproc));
      self.trapExits = true;
      self.link(dead);
      expect(await drain(self)).toEqual([new Exit(dead, reasons.noproc)]);
      expect(linksOf(self, self.pid)).toEqual([]);
    });
  });

  test("made in spawnLink leaves no gap", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      self.trapExits = true;
      for (let i = 0; i < 20; i++) {
        const pid = self.spawnLink(() => {
          throw new Error("at once");
        });
        expect(await self.receive()).toMatchObject({ type: "EXIT", from: pid });
      }
    });
  });
});

describe("many links", () => {
  test("in a chain of 100,000 break without a stack overflow", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    const count = 100_000;
    await node.run(async (self) => {
      const before = core.actorCount;
      let last: Pid | null = null;
      for (let i = 0; i < count; i++) {
        const to: Pid | null = last;
        last = self.spawn(handler((me: Self) => {
          if (to !== null) me.link(to);
          if (i === count - 1) me.send(self.pid, "complete");
          return null;
        }, (state: null) => state));
      }
      expect(await self.receive()).toBe("complete");
      expect(core.actorCount).toBe(before + count);
      const ref = self.monitor(last!);
      self.sendExit(last!, "timber");
      expect(core.actorCount).toBe(before);
      expect(await self.receive()).toEqual(new Down(ref, last!, "timber"));
    });
  });

  test("in a chain pass on killed, in a chain without a kill the reason", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const length of [1, 2, 9, 10]) {
        for (
          const [sent, seen] of [[reasons.kill, reasons.killed], ["x", "x"]]
        ) {
          const chain: Pid[] = [];
          for (let i = 0; i < length; i++) {
            const to = chain.at(-1);
            chain.push(self.spawn(async (me) => {
              if (to !== undefined) me.link(to);
              me.send(self.pid, "linked");
              await me.receive();
            }));
            expect(await self.receive()).toBe("linked");
          }
          const refs = chain.map((pid) => self.monitor(pid));
          self.sendExit(chain[0]!, sent);
          const downs = await drain(self) as Down[];
          expect(downs.map((down) => down.reason))
            .toEqual(new Array(length).fill(seen));
          expect(new Set(downs.map((down) => down.ref))).toEqual(new Set(refs));
        }
      }
    });
  });

  test("to one actor are one Exit each", async () => {
    const { node } = await lone();
    const count = 1_000;
    await node.run(async (self) => {
      self.trapExits = true;
      const children = Array.from(
        { length: count },
        () => self.spawnLink(park),
      );
      for (const child of children) self.sendExit(child, "x");
      expect(await drain(self))
        .toEqual(children.map((child) => new Exit(child, "x")));
    });
  });

  test("in a ring all break, and those outside live", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const outside = self.spawn(park);
      const ring = Array.from({ length: 50 }, () => self.spawn(obedient));
      for (const [i, pid] of ring.entries()) {
        const next = ring[(i + 1) % ring.length]!;
        self.send(pid, (me: Self) => {
          me.link(next);
          me.send(self.pid, i);
        });
      }
      for (const _ of ring) await self.receive();
      const refs = ring.map((pid) => self.monitor(pid));
      const survivor = self.monitor(outside);
      self.sendExit(ring[25]!, "burst");
      const downs = await drain(self) as Down[];
      expect(downs).toHaveLength(ring.length);
      expect(new Set(downs.map((down) => down.ref))).toEqual(new Set(refs));
      expect(downs.every((down) => down.reason === "burst")).toBe(true);
      expect(self.demonitor(survivor)).toBe(true);
    });
  });
});
