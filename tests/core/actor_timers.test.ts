/** Timers of actors: whose they are, where they go, and when they end. */
import { describe, expect, test } from "vitest";
import {
  handler,
  reasons,
  type Self,
  Timeout,
  UsageError,
} from "../../runtime/mod.ts";
import { coreOf, forwarder, lone, park, poll } from "../helpers/actors.ts";
import { fakeNode } from "../helpers/fake_host.ts";
import type { LocalActor } from "../../runtime/core/local_actor.ts";

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

  test("to nobody is reported or lost, and harms nobody", () => {
    const { host, node, actor, got } = listener();
    const dead = node.spawnActor(park, {}, null);
    actor.sendExit(dead.pid, reasons.kill);
    actor.sendAfter(1, dead.pid, "to the dead");
    actor.sendAfter(1, "nobody", "to no name");
    actor.sendAfter(1, { name: "nobody", node: node.name }, "to no name");
    actor.sendAfter(1, actor.pid, "to the living");
    host.advance(1);
    host.settle();
    expect(got).toEqual(["to the living"]);
    expect(actor.isAlive).toBe(true);
    expect(host.records.map((record) => record.message)).toEqual([
      expect.stringContaining("could not send its message"),
    ]);
  });

  test("goes with its owner", () => {
    const { host, node, actor, got } = listener();
    const owner = node.spawnActor(park, {}, null);
    owner.sendAfter(10, actor.pid, "from the dead");
    owner.startTimer(10, "to itself");
    expect(node.timers.size).toBe(2);
    actor.sendExit(owner.pid, reasons.kill);
    expect(node.timers.size).toBe(0);
    host.settle();
    // Nothing is left that could keep a program alive.
    expect(host.timers.size).toBe(0);
    host.advance(100);
    host.settle();
    expect(got).toEqual([]);
  });

  test("goes on when its destination ends", () => {
    const { host, node, actor } = listener("first");
    const owner = node.spawnActor(park, {}, null);
    const got: unknown[] = [];
    owner.sendAfter(10, "first", "whoever it is");
    owner.sendExit(actor.pid, reasons.kill);
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
    expect(got).toEqual(["whoever it is"]);
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
    expect(actor.timers?.size).toBe(0);
    expect(actor.cancelTimer(b)).toBeNull();
    expect(actor.readTimer(b)).toBeNull();
    expect(actor.cancelTimer(actor.makeRef())).toBeNull();
    host.settle();
    expect(got).toEqual(["b"]);
  });

  test("know only one's own timers", () => {
    const { node, actor } = listener();
    const other = node.spawnActor(park, {}, null);
    const ref = actor.startTimer(10, "mine");
    expect(other.cancelTimer(ref)).toBeNull();
    expect(other.readTimer(ref)).toBeNull();
    expect(actor.cancelTimer(ref)).toBe(10);
  });
});

describe("on a real clock", () => {
  test("timers come, in order, and bad delays do not", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const delay of [-1, Number.NaN, Infinity]) {
        expect(() => self.sendAfter(delay, self.pid, 1)).toThrow(UsageError);
        expect(() => self.startTimer(delay, 1)).toThrow(UsageError);
      }
      // All by the same way: a relay would need a turn of its own.
      self.sendAfter(20, self.pid, "third");
      const ref = self.startTimer(10, "second");
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
