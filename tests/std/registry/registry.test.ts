/** Behaviour that registries of every kind share. */
import { describe, expect, onTestFinished, test } from "vitest";
import {
  atom,
  float,
  type Pid,
  reasons,
  type Self,
  start,
  type StartOptions,
  tuple,
  UsageError,
} from "../../../runtime/mod.ts";
import { stop } from "../../../std/proc_lib/mod.ts";
import { Registry, type RegistryEvent } from "../../../std/registry/mod.ts";
import {
  coreOf,
  drain,
  holdingsOf,
  lone,
  obedient,
} from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { ask, inActor, kill, kinds, linksOf, valuesOf } from "./kinds.ts";

describe.each(kinds)("$keys keys, $partitions partitions", (kind) => {
  test("starts that many partitions, and its end leaves no actor", async () => {
    const { node } = await lone();
    const core = await coreOf(node);
    await node.run(async (self) => {
      const before = holdingsOf(core);
      const registry = await Registry.start(self, kind);
      expect(registry.partitions).toBe(kind.partitions);
      expect(registry.kind).toBe(kind.keys);
      expect(holdingsOf(core).actors)
        .toBe(before.actors + 1 + kind.partitions);
      await stop(self, registry.pid);
      await waitFor(() => holdingsOf(core).actors === before.actors, {
        what: "the end of all partitions",
      });
      expect(holdingsOf(core)).toEqual(before);
    });
  });

  test("registers actors and finds them", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      expect(registry.lookup("hello")).toEqual([]);
      expect(registry.count()).toBe(0);
      const registered = registry.register(self, "hello", "value");
      expect(registered).toMatchObject({ ok: true });
      expect(registry.lookup("hello"))
        .toEqual([{ pid: self.pid, value: "value" }]);
      const other = self.spawn(obedient);
      await ask(self, other, (me) => registry.register(me, "world", 2));
      expect(registry.keys(self.pid)).toEqual(["hello"]);
      expect(registry.keys(other)).toEqual(["world"]);
      expect(registry.values("hello", self.pid)).toEqual(["value"]);
      expect(registry.values("hello", other)).toEqual([]);
      expect(registry.values("world", other)).toEqual([2]);
      expect(registry.count()).toBe(2);
    }));

  test("counts and selects over all keys", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      expect(registry.select()).toEqual([]);
      for (let i = 0; i < 20; i++) registry.register(self, `key ${i}`, i);
      expect(registry.count()).toBe(20);
      expect(registry.select().map(({ value }) => value).toSorted())
        .toEqual(Array.from({ length: 20 }, (_, i) => i).toSorted());
      const late = (entry: { value: unknown }) => entry.value as number >= 18;
      expect(registry.select(late)).toHaveLength(2);
      expect(registry.select(late)).toContainEqual(
        { key: "key 19", pid: self.pid, value: 19 },
      );
      expect(registry.countSelect(late)).toBe(2);
    }));

  test("matches values", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      registry.register(self, "hello", { n: 1 });
      const above = (least: number) => (value: unknown) =>
        (value as { n: number }).n > least;
      expect(registry.match("hello", above(0)))
        .toEqual([{ pid: self.pid, value: { n: 1 } }]);
      expect(registry.match("hello", above(1))).toEqual([]);
      expect(registry.match("world", above(0))).toEqual([]);
      expect(registry.countMatch("hello", above(0))).toBe(1);
      expect(registry.countMatch("hello", above(1))).toBe(0);
    }));

  test("removes entries", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      registry.unregister(self, "nothing");
      registry.register(self, "hello", 1);
      registry.register(self, "world", 2);
      registry.unregister(self, "hello");
      expect(registry.keys(self.pid)).toEqual(["world"]);
      expect(registry.lookup("hello")).toEqual([]);
      const other = self.spawn(obedient);
      await ask(self, other, (me) => registry.unregister(me, "world"));
      expect(registry.lookup("world")).toHaveLength(1);
      expect(registry.unregisterMatch(self, "world", (value) => value === 1))
        .toBe(0);
      expect(registry.unregisterMatch(self, "world", (value) => value === 2))
        .toBe(1);
      expect(registry.count()).toBe(0);
    }));

  test("compares keys of any kind strictly", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const unlike = [
        [1, float(1), "1", [1], tuple(1), true, atom("1"), { 1: 1 }],
        [0, -0, -1, "", [], {}, null, undefined, false, tuple()],
        [atom("_"), atom("$1"), "_", "__proto__", "constructor"],
        [self.pid, registry.pid, self.makeRef(), self.makeRef()],
        [{ a: 1 }, { a: 2 }, { a: 1, b: 2 }, { b: 1 }, [["a", 1]]],
        [[1, [2, 3]], [[1, 2], 3], ["1,2", 3], [1, 2, 3], "1,2,3"],
        [new Uint8Array([1, 2]), new Uint8Array([255])],
      ].flat();
      for (const key of unlike) registry.register(self, key, key);
      expect(registry.count()).toBe(unlike.length);
      for (const key of unlike) {
        expect(valuesOf(registry.lookup(key))).toEqual([key]);
      }
      const like: [unknown, unknown][] = [
        [{ a: 1, b: 2 }, { b: 2, a: 1 }],
        [[1, [2, 3]], [1, [2, 3]]],
        [tuple(1), tuple(1)],
        [1, 1n],
        ["1", new Uint8Array([49])],
        [{}, new Map()],
        [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
      ];
      for (const [entered, asked] of like) {
        expect(valuesOf(registry.lookup(asked))).toEqual([entered]);
      }
      const before = registry.count();
      const attempt = () => registry.register(self, new Date(0), 1);
      expect(attempt).toThrow(TypeError);
      expect(registry.count()).toBe(before);
    }));

  test("links with the first key and unlinks with the last", () =>
    inActor(kind, async (self, make) => {
      const registry = await make({ partitions: 1 });
      const first = registry.register(self, "a", 1);
      expect(first).toEqual({ ok: true, owner: linksOf(self)[0] });
      registry.register(self, "b", 1);
      expect(linksOf(self)).toHaveLength(1);
      registry.unregister(self, "a");
      expect(linksOf(self)).toHaveLength(1);
      registry.unregister(self, "b");
      expect(linksOf(self)).toHaveLength(0);
      registry.unregister(self, "b");
      expect(registry.register(self, "c", 1)).toEqual(first);
    }));

  test("forgets actors that end, for any reason", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const ends: ((me: Self) => void)[] = [
        (me) => me.exit(reasons.normal),
        (me) => me.exit("crash"),
        (me) => kill(me, me.pid),
      ];
      for (const [i, end] of ends.entries()) {
        const pid = self.spawn(obedient);
        await ask(self, pid, (me) => {
          for (let n = 0; n < 10; n++) registry.register(me, [i, n], n);
        });
        expect(registry.count()).toBe(10);
        self.send(pid, end);
        await waitFor(() => registry.count() === 0, { what: "the cleanup" });
        expect(registry.keys(pid)).toEqual([]);
        expect(registry.select()).toEqual([]);
      }
    }));

  test("ignores exit signals of live registrants", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      registry.register(self, "hello", 1);
      for (const pid of linksOf(self)) self.sendExit(pid, "what?");
      await registry.lock(self, "any", () => {});
      expect(registry.lookup("hello")).toHaveLength(1);
    }));

  test("notifies its listeners", () =>
    inActor(kind, async (self, make) => {
      const name = `registry of ${kind.keys}`;
      const listeners = ["absent", self.pid as Pid<unknown>];
      const registry = await make({ name, listeners });
      const told = async () => await drain(self) as RegistryEvent[];
      const { pid } = self;
      registry.register(self, "hello", 1);
      const registered = {
        type: "register",
        registry: name,
        key: "hello",
        pid,
        value: 1,
      };
      expect(await told()).toEqual([registered]);
      if (kind.keys === "unique") registry.register(self, "hello", 2);
      registry.unregisterMatch(self, "hello", () => false);
      registry.unregister(self, "other");
      expect(await told()).toEqual([]);
      registry.unregister(self, "hello");
      expect(await told()).toEqual([
        { type: "unregister", registry: name, key: "hello", pid },
      ]);
      const other = self.spawn(obedient);
      await ask(self, other, (me) => registry.register(me, "hello", 1));
      expect(await told()).toEqual([{ ...registered, pid: other }]);
      kill(self, other);
      await waitFor(() => registry.count() === 0, { what: "the cleanup" });
      expect(await told()).toEqual([]);
    }));

  test("keeps metadata", () =>
    inActor(kind, async (_, make) => {
      const registry = await make({ meta: [[atom("a"), 1], ["b", 2]] });
      expect([atom("a"), "b", "c"].map((key) => registry.meta(key)))
        .toEqual([1, 2, undefined]);
      registry.putMeta(tuple("c", 1), 3);
      registry.putMeta("b", 4);
      registry.deleteMeta(atom("a"));
      expect([atom("a"), "b", tuple("c", 1)].map((key) => registry.meta(key)))
        .toEqual([undefined, 4, 3]);
      expect(registry.count()).toBe(0);
    }));

  test("refuses every call after its end", () =>
    inActor(kind, async (self, make) => {
      const registry = await make({ name: "ended" });
      await stop(self, registry.pid);
      const uses: (() => unknown)[] = [
        () => registry.register(self, 1, 1),
        () => registry.unregister(self, 1),
        () => registry.lookup(1),
        () => registry.match(1, () => true),
        () => registry.select(),
        () => registry.count(),
        () => registry.keys(self.pid),
        () => registry.values(1, self.pid),
        () => registry.dispatch(1, () => {}),
        () => registry.meta(1),
        () => registry.putMeta(1, 1),
        () => registry.deleteMeta(1),
        () => registry.pid,
      ];
      for (const use of uses) {
        expect(use).toThrow(UsageError);
        expect(use).toThrow("expected the registry ended to run");
      }
      await expect(registry.lock(self, 1, () => 1)).rejects.toThrow(
        UsageError,
      );
      await expect(registry.dispatchParallel(self, 1, () => {}))
        .rejects.toThrow(UsageError);
    }));

  test("its registrants end when it ends", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const { pid, ref } = self.spawnMonitor(obedient);
      await ask(self, pid, (me) => registry.register(me, "hello", 1));
      await stop(self, registry.pid, { reason: "no more" });
      expect(await self.receive(ref)).toMatchObject({ reason: "no more" });
    }));

  test("works on nodes that freeze or copy messages", async () => {
    for (const option of [{ strict: true }, { isolate: "copy" }] as const) {
      const node = await start(option satisfies StartOptions);
      onTestFinished(() => node.stop());
      await node.run(async (self) => {
        const registry = await Registry.start<string, number[]>(self, kind);
        registry.register(self, "hello", [1]);
        expect(valuesOf(registry.lookup("hello"))).toEqual([[1]]);
        expect(await registry.lock(self, "a", () => "held")).toBe("held");
      });
    }
  });
});
