/** Timers of actors: where they go, when they end, and who may end them. */
import { describe, expect, test } from "vitest";
import {
  handler,
  Pid,
  reasons,
  Ref,
  type Self,
  Timeout,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, forwarder, lone, park, poll } from "../../helpers/actors.ts";
import { two } from "../../helpers/clusters.ts";
import { fakeNode } from "../../helpers/fake_host.ts";
import type { LocalActor } from "../../../runtime/core/actor/local_actor.ts";

/** An actor of a node in virtual time, and the messages that it got. */
function listener(name?: string): ReturnType<typeof fakeNode> & {
  actor: LocalActor;
  got: unknown[];
} {
  const { host, node } = fakeNode();
  const got: unknown[] = [];
  const actor = node.spawnActor(
    handler(null, (state: null, message: unknown) => {
      got.push(message);
      return state;
    }),
    name === undefined ? {} : { name },
    null,
  );
  host.settle();
  return { host, node, actor, got };
}

describe("sendAfter", () => {
  test("sends when it is time and not before", () => {
    const { host, actor, got } = listener();
    actor.sendAfter(100, actor.pid, "later");
    actor.sendAfter(50, actor.pid, "sooner");
    actor.sendAfter(0, actor.pid, "now");
    host.settle();
    expect(got).toEqual([]);
    const seen: [number, unknown][] = [];
    for (let ms = 0; ms <= 200; ms++) {
      host.advance(1);
      host.settle();
      for (const message of got.splice(0)) seen.push([host.time, message]);
    }
    expect(seen).toEqual([[1, "now"], [50, "sooner"], [100, "later"]]);
  });

  test("finds who has the name when it is time", () => {
    const { host, node, actor, got } = listener("listener");
    const sender = node.spawnActor(park, {}, null);
    sender.sendAfter(10, "listener", "registered all the time");
    sender.sendAfter(20, "moved", "registered later");
    sender.sendAfter(30, "moved", "by name");
    sender.sendAfter(30, { name: "moved", node: node.name }, "by node");
    host.advance(10);
    actor.unregister("listener");
    actor.register("moved");
    host.advance(100);
    host.settle();
    expect(got).toEqual([
      "registered all the time",
      "registered later",
      "by name",
      "by node",
    ]);
    expect(host.records).toEqual([]);
  });

  test("to a name or an alias that no actor has has no effect", () => {
    const { host, node, actor, got } = listener();
    const alias = actor.alias();
    actor.sendAfter(1, "nobody", "to no name");
    actor.sendAfter(1, { name: "nobody", node: node.name }, "to no name");
    actor.sendAfter(1, alias, "to an alias");
    actor.sendAfter(1, actor.pid, "to a live actor");
    expect(actor.unalias(alias)).toBe(true);
    expect(node.actorTimers.size).toBe(4);
    host.advance(1);
    host.settle();
    expect(got).toEqual(["to a live actor"]);
    expect(node.actorTimers.size).toBe(0);
    expect(host.records).toEqual([]);
  });

  test("to a pid is nothing when the actor has ended before", () => {
    const { host, node, actor } = listener();
    const dead = node.spawnActor(park, {}, null);
    actor.sendExit(dead.pid, reasons.kill);
    const ref = actor.sendAfter(1, dead.pid, "to an ended actor");
    expect(node.timers.size).toBe(0);
    expect(node.actorTimers.size).toBe(0);
    expect(actor.readTimer(ref)).toBeNull();
    expect(actor.cancelTimer(ref)).toBeNull();
    expect(() => actor.sendAfter(-1, dead.pid, 1)).toThrow(UsageError);
    host.advance(1);
    host.settle();
    expect(host.records).toEqual([]);
  });

  test("to a pid ends with that actor", () => {
    const { host, node, actor, got } = listener();
    const receiver = node.spawnActor(park, {}, null);
    const ref = actor.sendAfter(10, receiver.pid, "to an ended actor");
    receiver.startTimer(10, "to itself");
    actor.sendAfter(20, actor.pid, "to a live actor");
    expect(receiver.timers?.length).toBe(2);
    expect(actor.info(receiver.pid)?.timers).toBe(2);
    actor.sendExit(receiver.pid, reasons.kill);
    expect(receiver.timers).toBeNull();
    expect(node.timers.size).toBe(1);
    expect(node.actorTimers.size).toBe(1);
    expect(actor.cancelTimer(ref)).toBeNull();
    host.advance(20);
    host.settle();
    expect(got).toEqual(["to a live actor"]);
    // Nothing is left that could keep a program alive.
    expect(host.timers.size).toBe(0);
    expect(host.records).toEqual([]);
  });

  test("outlives the actor that set it", () => {
    const { host, node, actor, got } = listener("listener");
    const setter = node.spawnActor(park, {}, null);
    setter.sendAfter(10, actor.pid, "to a pid");
    setter.sendAfter(20, "listener", "to a name");
    setter.sendAfter(30, actor.alias(), "to an alias");
    actor.sendExit(setter.pid, reasons.kill);
    expect(setter.isAlive).toBe(false);
    expect(node.timers.size).toBe(3);
    host.advance(30);
    host.settle();
    expect(got).toEqual(["to a pid", "to a name", "to an alias"]);
    expect(node.actorTimers.size).toBe(0);
  });

  test("that cannot send names its owner, also an ended one", () => {
    const { host, node, actor } = listener();
    const setter = node.spawnActor(park, { label: "setter" }, null);
    node.remote.send = () => {
      throw new Error("no way");
    };
    const far = new Pid<unknown>("b@fake", 1, 0, 1, null);
    const printed = `${setter.pid}`;
    setter.sendAfter(1, far, "while it lives");
    setter.sendAfter(2, far, "after its end");
    host.advance(1);
    actor.sendExit(setter.pid, reasons.kill);
    host.advance(1);
    expect(host.records.map(({ message }) => message)).toEqual([
      `a timer of ${printed} (setter) could not send its message`,
      `a timer of ${printed} could not send its message`,
    ]);
  });

  test("to a name goes on when its holder ends", () => {
    const { host, node, actor } = listener("first");
    const got: unknown[] = [];
    actor.sendAfter(10, "first", "the holder");
    actor.sendExit(actor.pid, reasons.kill);
    node.spawnActor(
      handler(null, (state: null, message: unknown) => {
        got.push(message);
        return state;
      }),
      { name: "first" },
      null,
    );
    host.advance(10);
    host.settle();
    expect(got).toEqual(["the holder"]);
  });
});

describe("startTimer", () => {
  test("sends a Timeout with its ref", () => {
    const { host, actor, got } = listener();
    const one = actor.startTimer(10, "one");
    const two = actor.startTimer(5, { two: 2 });
    host.advance(10);
    host.settle();
    expect(got).toEqual([
      new Timeout(two, { two: 2 }),
      new Timeout(one, "one"),
    ]);
    expect(got[0]).toMatchObject({ type: "timeout" });
  });
});

describe("cancelTimer and readTimer", () => {
  test("tell what is left, and null when there is nothing", () => {
    const { host, actor, got } = listener();
    const a = actor.startTimer(100, "a");
    const b = actor.sendAfter(100, actor.pid, "b");
    host.advance(30);
    expect([actor.readTimer(a), actor.readTimer(b)]).toEqual([70, 70]);
    expect(actor.cancelTimer(a)).toBe(70);
    expect(actor.cancelTimer(a)).toBeNull();
    expect(actor.readTimer(a)).toBeNull();
    host.advance(70);
    expect(actor.timers?.length).toBe(0);
    expect(actor.cancelTimer(b)).toBeNull();
    expect(actor.readTimer(b)).toBeNull();
    expect(actor.cancelTimer(actor.makeRef())).toBeNull();
    host.settle();
    expect(got).toEqual(["b"]);
  });

  test("know the timers of all actors on the node", () => {
    const { host, node, actor, got } = listener("listener");
    const other = node.spawnActor(park, {}, null);
    const setter = node.spawnActor(park, {}, null);
    const refs = [
      actor.startTimer(10, "its own"),
      setter.sendAfter(10, actor.pid, "to a pid"),
      setter.sendAfter(10, "listener", "to a name"),
    ];
    actor.sendExit(setter.pid, reasons.kill);
    host.advance(4);
    expect(refs.map((ref) => other.readTimer(ref))).toEqual([6, 6, 6]);
    expect(refs.map((ref) => other.cancelTimer(ref))).toEqual([6, 6, 6]);
    expect(refs.map((ref) => actor.cancelTimer(ref))).toEqual([
      null,
      null,
      null,
    ]);
    expect(actor.timers?.length).toBe(0);
    expect(node.timers.size).toBe(0);
    host.advance(10);
    host.settle();
    expect(got).toEqual([]);
  });

  test("an actor that has ended cancels nothing", () => {
    const { node, actor } = listener();
    const setter = node.spawnActor(park, {}, null);
    const ref = setter.sendAfter(10, actor.pid, "mine");
    actor.sendExit(setter.pid, reasons.kill);
    expect(setter.cancelTimer(ref)).toBeNull();
    expect(setter.readTimer(ref)).toBe(10);
    expect(actor.cancelTimer(ref)).toBe(10);
  });

  test("a node that stops drops them all", () => {
    const { host, node, actor } = listener();
    actor.sendAfter(10, actor.pid, "to a pid");
    const ref = actor.sendAfter(10, "somebody", "to a name");
    expect(node.actorTimers.size).toBe(2);
    node.stop();
    expect([node.timers.size, node.actorTimers.size]).toEqual([0, 0]);
    expect(actor.readTimer(ref)).toBeNull();
    host.settle();
    expect(host.timers.size).toBe(0);
  });
});

describe("timers to another node", () => {
  test("depend on neither end, and only their own node knows them", async () => {
    const { a, b } = await two();
    const core = await coreOf(a);
    const before = core.actorTimers.size;
    const there = b.spawn(async (self: Self<Ref>) => {
      const main = { name: "main", node: "a@test" };
      self.send(main, await self.receive());
      self.send(main, await self.receive());
      const ref = await self.receive();
      self.send(main, { left: self.cancelTimer(ref), ref });
      self.exit(await self.receive());
    }, { name: "there" }) as Pid<unknown>;
    await a.run(async (self: Self<unknown>) => {
      self.register("main");
      const down = self.monitor(there);
      const setter = self.spawnMonitor((me: Self) => {
        me.sendAfter(1, there, "by pid");
        me.sendAfter(2, { name: "there", node: "b@test" }, "by name");
        self.send(self.pid, me.sendAfter(60_000, there, "never"));
      });
      const ref = await self.receive((message) => message instanceof Ref);
      await self.receive(setter.ref);
      expect(await self.receive()).toBe("by pid");
      expect(await self.receive()).toBe("by name");
      self.send(there, ref);
      expect(await self.receive()).toEqual({ left: null, ref });
      self.send(there, "enough");
      expect(await self.receive(down)).toMatchObject({ reason: "enough" });
      expect(core.actorTimers.size).toBe(before + 1);
      expect(self.cancelTimer(ref)).toBeGreaterThan(0);
      expect(core.actorTimers.size).toBe(before);
    });
  });
});

describe("on a real clock", () => {
  test("timers come, in order, and bad delays do not", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const bad of [-1, Number.NaN, Infinity, "5", null]) {
        const delay = bad as number;
        expect(() => self.sendAfter(delay, self.pid, 1)).toThrow(UsageError);
        expect(() => self.startTimer(delay, 1)).toThrow(UsageError);
      }
      // All by the same way: a relay would need a turn of its own. A busy machine
      // may stop this thread between two lines for tens of milliseconds.
      self.sendAfter(300, self.pid, "third");
      const ref = self.startTimer(150, "second");
      self.sendAfter(0, self.pid, "first");
      expect(await self.receive()).toBe("first");
      expect(await self.receive()).toEqual(new Timeout(ref, "second"));
      expect(await self.receive()).toBe("third");
      self.sendAfter(1, self.spawn(forwarder(self.pid)), "by a relay");
      expect(await self.receive()).toBe("by a relay");
      expect(await poll(self)).toBeUndefined();
    });
    expect((await coreOf(node)).timers.size).toBe(0);
  });

  test("100,000 come, none of them early", async () => {
    const { node } = await lone();
    const count = 100_000;
    await node.run(async (self: Self<number>) => {
      const start = performance.now();
      for (let i = 0; i < count; i++) {
        self.sendAfter(i % 50, self.pid, i % 50);
      }
      let early = 0;
      for (let i = 0; i < count; i++) {
        const delay = await self.receive();
        if (performance.now() - start < delay) early++;
      }
      expect(early).toBe(0);
    });
  });
});
