/** Monitors between actors of one node: exactly one Down each. */
import { describe, expect, test } from "vitest";
import type { Actor } from "../../../runtime/core/actor/actor.ts";
import {
  Down,
  handler,
  type Pid,
  reasons,
  Ref,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  drain,
  exitOnDemand,
  isDown,
  lone,
  obedient,
  park,
  poll,
} from "../../helpers/actors.ts";

/** How many watch an actor, from the node's own tables. */
function watchersOf(self: Self, pid: Pid): number {
  const { owner } = self as unknown as Actor;
  return owner.localActor(pid)?.watchers?.size ?? 0;
}

describe("a monitor", () => {
  test("tells the reason of any end, once", async () => {
    const { node } = await lone();
    const error = new Error("crash");
    await node.run(async (self) => {
      const ends: [(me: Self) => void | Promise<void>, unknown][] = [
        [() => {}, reasons.normal],
        [async () => {}, reasons.normal],
        [(me) => me.exit("x"), "x"],
        [async (me) => {
          await Promise.resolve();
          me.exit({ deep: [1] });
        }, { deep: [1] }],
        [() => {
          throw error;
        }, error],
        [() => Promise.reject(error), error],
        [(me) => me.sendExit(me.pid, reasons.kill), reasons.killed],
        [(me) => me.exit(reasons.kill), reasons.kill],
      ];
      for (const [end, reason] of ends) {
        const { pid, ref } = self.spawnMonitor(end);
        const down = await self.receive() as Down;
        expect(down).toEqual(new Down(ref, pid, reason));
        expect(down.reason).toBe(down.reason);
        expect(await poll(self)).toBeUndefined();
      }
    });
  });

  test("is one of many on the same target, each with its own Down", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const pid = self.spawn(exitOnDemand);
      const refs = Array.from({ length: 10 }, () => self.monitor(pid));
      expect(watchersOf(self, pid)).toBe(10);
      for (const taken of [2, 5, 5]) self.demonitor(refs[taken]!);
      expect(watchersOf(self, pid)).toBe(8);
      self.send(pid, "x");
      const downs = [await self.receive()];
      downs.push(...await drain(self));
      expect(downs).toHaveLength(8);
      const left = refs.filter((_, i) => i !== 2 && i !== 5);
      expect(new Set(downs.map((down) => (down as Down).ref)))
        .toEqual(new Set(left));
    });
  });

  test("of many watchers tells each", async () => {
    const { node } = await lone();
    const count = 500;
    await node.run(async (self) => {
      const target = self.spawn(exitOnDemand);
      for (let i = 0; i < count; i++) {
        self.spawn(async (me) => {
          const ref = me.monitor(target);
          me.send(self.pid, "watching");
          const down = await me.receive() as Down;
          me.send(self.pid, down.ref === ref ? down.reason : "wrong ref");
          expect(await poll(me)).toBeUndefined();
        });
      }
      for (let i = 0; i < count; i++) {
        expect(await self.receive()).toBe("watching");
      }
      self.send(target, "gone");
      for (let i = 0; i < count; i++) expect(await self.receive()).toBe("gone");
    });
    expect(node.stats().crashes).toBe(0);
  });

  test("by name names name and node", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const target of ["watched", { name: "watched", node: self.node }]) {
        self.spawn(exitOnDemand, { name: "watched" });
        const ref = self.monitor(target);
        self.send("watched", "x");
        expect(await self.receive()).toEqual(
          new Down(ref, { name: "watched", node: self.node }, "x"),
        );
      }
    });
  });

  test("without a target fires at once with noproc", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid: dead } = self.spawnMonitor(() => {});
      await self.receive();
      const shown = { name: "nobody", node: self.node };
      for (const target of [dead, "nobody", shown]) {
        const ref = self.monitor(target);
        const name = target === dead ? dead : shown;
        expect(await poll(self)).toEqual(new Down(ref, name, reasons.noproc));
      }
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("of another node fires when a lone node cannot reach it", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const target = { name: "x", node: "b@nowhere" };
      const ref = self.monitor(target);
      expect(await self.receive())
        .toEqual(new Down(ref, target, reasons.noconnection));
      // Within the call it would come before the caller knows the ref.
      const taken = self.monitor(target);
      expect(self.demonitor(taken)).toBe(true);
      self.send(self.pid, "later");
      expect(await self.receive()).toBe("later");
    });
  });

  test("of oneself never harms", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor((me) => {
        me.monitor(me.pid);
        expect(me.demonitor(me.monitor(me.pid))).toBe(true);
      });
      expect(await self.receive()).toEqual(new Down(ref, pid, reasons.normal));
    });
  });

  test("goes with the watcher", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const target = self.spawn(park);
      const { pid: watcher } = self.spawnMonitor(async (me: Self) => {
        for (let i = 0; i < 5; i++) me.monitor(target);
        me.send(self.pid, "watching");
        await me.receive();
      });
      expect(await self.receive()).toBe("watching");
      expect(watchersOf(self, target)).toBe(5);
      self.sendExit(watcher, reasons.kill);
      expect(watchersOf(self, target)).toBe(0);
    });
  });

  test("and one the other way both tell when both end at once", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const [a, b] = [self.spawn(obedient), self.spawn(obedient)];
      for (const [one, other] of [[a, b], [b, a]] as const) {
        self.send(one, (me: Self) => {
          me.monitor(other);
          me.link(other);
          me.send(self.pid, "set");
        });
        await self.receive();
      }
      const refs = [self.monitor(a), self.monitor(b)];
      self.sendExit(a, "both");
      const downs = await drain(self) as Down[];
      expect(downs.map((down) => [down.ref, down.reason]))
        .toEqual(refs.map((ref) => [ref, "both"]));
    });
  });
});

describe("demonitor", () => {
  test("ends a monitor for good", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const pid = self.spawn(park);
      const ref = self.monitor(pid);
      expect(self.demonitor(ref)).toBe(true);
      expect(self.demonitor(ref)).toBe(false);
      expect(watchersOf(self, pid)).toBe(0);
      self.sendExit(pid, "x");
      expect(await poll(self)).toBeUndefined();
    });
  });

  test("says that a Down has come, and leaves it unless it is to flush", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const pid = self.spawn(park);
      const refs = Array.from({ length: 4 }, () => self.monitor(pid));
      self.send(self.pid, "before");
      self.sendExit(pid, "x");
      self.send(self.pid, "after");
      expect(self.demonitor(refs[0]!)).toBe(false);
      expect(self.demonitor(refs[1]!, { flush: true })).toBe(false);
      expect(self.demonitor(refs[2]!, { flush: false })).toBe(false);
      expect(self.demonitor(refs[1]!, { flush: true })).toBe(false);
      expect(await drain(self)).toEqual([
        "before",
        new Down(refs[0]!, pid, "x"),
        new Down(refs[2]!, pid, "x"),
        new Down(refs[3]!, pid, "x"),
        "after",
      ]);
    });
  });

  test("with flush takes a Down from in front of a waiting pattern", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const pid = self.spawn(park);
      const ref = self.monitor(pid);
      self.sendExit(pid, "x");
      self.send(self.pid, "skipped");
      const pending = self.receive((m): m is string => m === "wanted");
      expect(self.demonitor(ref, { flush: true })).toBe(false);
      self.send(self.pid, "wanted");
      expect(await pending).toBe("wanted");
      expect(await drain(self)).toEqual(["skipped"]);
    });
  });

  test("agrees with what arrives, in any race", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (let i = 0; i < 200; i++) {
        const pid = self.spawn(async (me) => {
          if (i % 2 === 0) await me.receive();
        });
        const ref = self.monitor(pid);
        if (i % 2 === 0) self.send(pid, "end");
        for (let turn = 0; turn < i % 5; turn++) {
          self.send(self.pid, "turn");
          await self.receive((m) => m === "turn");
        }
        const wasActive = self.demonitor(ref);
        // No later signal adds anything.
        self.sendExit(pid, reasons.kill);
        const rest = await drain(self);
        expect(rest.length).toBe(wasActive ? 0 : 1);
        if (!wasActive) expect((rest[0] as Down).ref).toBe(ref);
      }
    });
  });

  test("refuses what is no ref of this node", async () => {
    const { node } = await lone();
    await node.run((self) => {
      const foreign = new Ref("b@elsewhere", 1, [1]);
      const former = new Ref(self.node, 1, [1]);
      const bad = [undefined, null, 7, "ref", {}, self.pid, foreign, former];
      for (const ref of bad) {
        expect(() => self.demonitor(ref as Ref), String(ref))
          .toThrow(UsageError);
      }
      expect(self.demonitor(self.makeRef(), { flush: true })).toBe(false);
    });
  });

  test("of another actor's monitor changes nothing", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      const { pid, ref } = self.spawnMonitor(exitOnDemand);
      self.spawn((thief) => {
        thief.send(self.pid, thief.demonitor(ref, { flush: true }));
      });
      expect(await self.receive()).toBe(false);
      self.send(pid, "x");
      expect(await self.receive()).toEqual(new Down(ref, pid, "x"));
    });
  });
});

describe("spawnMonitor", () => {
  test("misses no end, however early", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (let i = 0; i < 20; i++) {
        const { pid, ref } = self.spawnMonitor(
          handler(() => {
            throw "at once";
          }, (state: null) => state),
        );
        expect(await self.receive(isDown))
          .toEqual(new Down(ref, pid, "at once"));
      }
    });
  });
});
