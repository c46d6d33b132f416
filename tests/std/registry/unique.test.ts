/** Registries with unique keys. */
import { describe, expect, test } from "vitest";
import {
  Exit,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { startLink } from "../../../std/proc_lib/mod.ts";
import { obedient, park } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { ask, inActor, kill, linksOf, uniques, valuesOf } from "./kinds.ts";

describe.each(uniques)("unique keys, $partitions partitions", (kind) => {
  test("belong to one actor, and a refused registration changes nothing", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      registry.register(self, "hello", "mine");
      const refused = { ok: false, holder: self.pid };
      expect(registry.register(self, "hello", "again")).toEqual(refused);
      const other = self.spawn(obedient);
      await ask(self, other, (me) => {
        expect(registry.register(me, "hello", "theirs")).toEqual(refused);
        expect(linksOf(me)).toEqual([]);
      });
      expect(valuesOf(registry.lookup("hello"))).toEqual(["mine"]);
      expect([registry.count(), registry.keys(other)]).toEqual([1, []]);
      expect(registry.keys(self.pid)).toEqual(["hello"]);
      registry.unregister(self, "hello");
      await ask(self, other, (me) => registry.register(me, "hello", "theirs"));
      expect(valuesOf(registry.lookup("hello"))).toEqual(["theirs"]);
    }));

  test("of an actor that has ended can be registered before the cleanup", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const former = self.spawn(obedient);
      await ask(self, former, (me) => {
        for (let n = 0; n < 10; n++) registry.register(me, n, "former");
      });
      kill(self, former);
      // No partition has had a turn yet.
      expect(registry.lookup(3)).toEqual([]);
      expect(registry.whereis(3)).toBeNull();
      for (let n = 0; n < 5; n++) {
        expect(registry.register(self, n, "new")).toMatchObject({ ok: true });
      }
      // The late cleanups do not remove the new entries. A partition grants a
      // lock after its cleanup, and some of these keys are in each partition.
      for (let key = 0; key < 50; key++) {
        await registry.lock(self, key, () => {});
      }
      expect(registry.count()).toBe(5);
      expect(registry.keys(self.pid).toSorted()).toEqual([0, 1, 2, 3, 4]);
      expect(registry.lookup(3)).toEqual([{ pid: self.pid, value: "new" }]);
      expect(registry.lookup(7)).toEqual([]);
    }));

  test("have values that their owner can change", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const increase = (value: unknown) => value as number + 1;
      registry.register(self, "hello", 1);
      expect(registry.updateValue(self, "hello", increase))
        .toEqual({ newValue: 2, oldValue: 1 });
      expect(registry.values("hello", self.pid)).toEqual([2]);
      expect(registry.updateValue(self, "world", increase)).toBeNull();
      const other = self.spawn(obedient);
      await ask(self, other, (me) => {
        expect(registry.updateValue(me, "hello", increase)).toBeNull();
      });
      expect(() =>
        registry.updateValue(self, "hello", () => {
          throw new Error("no");
        })
      ).toThrow("no");
      expect(registry.values("hello", self.pid)).toEqual([2]);
    }));

  test("dispatch to their single actor", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const seen: unknown[] = [];
      const body = (entries: unknown) => void seen.push(entries);
      registry.dispatch("hello", body);
      await registry.dispatchParallel(self, "hello", body);
      expect(seen).toEqual([]);
      registry.register(self, "hello", 1);
      registry.dispatch("hello", body);
      await registry.dispatchParallel(self, "hello", body);
      const entries = [{ pid: self.pid, value: 1 }];
      expect(seen).toEqual([entries, entries]);
    }));

  test("are names: registered, found, sent to and unregistered", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      const via = registry.via("server", "value");
      expect(via.whereis()).toBeNull();
      expect(() => via.send(self, "lost")).toThrow(UsageError);
      const make2 = () =>
        startLink(self, ({ initAck, initFail }) => async (me: Self) => {
          if (!via.register(me)) initFail("already started", reasons.normal);
          initAck();
          me.send(self.pid, await me.receive());
          via.unregister(me);
          await park(me);
        });
      const { pid } = await make2();
      expect(via.whereis()).toBe(pid);
      expect(registry.lookup("server")).toEqual([{ pid, value: "value" }]);
      await expect(make2()).rejects.toThrow("already started");
      via.send(self, "hello");
      expect(await self.receive()).toBe("hello");
      await waitFor(() => via.whereis() === null, { what: "the name's end" });
      expect(self.isActorAlive(pid)).toBe(true);
    }));

  test("are all removed when any partition crashes", () =>
    inActor(kind, async (self, make) => {
      const registry = await make();
      self.trapExits = true;
      const citizens: Pid<unknown>[] = [];
      for (let n = 0; n < 10; n++) {
        citizens.push(self.spawn(obedient));
        await ask(self, citizens[n]!, (me) => registry.register(me, n, n));
      }
      registry.register(self, "mine", 1);
      const [owner] = linksOf(self);
      kill(self, owner!);
      expect(await self.receive("EXIT"))
        .toEqual(new Exit(owner!, reasons.killed));
      expect(registry.keys(self.pid)).toEqual([]);
      await waitFor(() => !citizens.some((pid) => self.isActorAlive(pid)), {
        what: "the end of all that did not trap exits",
      });
      await waitFor(() => registry.register(self, "mine", 2).ok, {
        what: "the restart",
      });
      expect(registry.select())
        .toEqual([{ key: "mine", pid: self.pid, value: 2 }]);
    }));
});
