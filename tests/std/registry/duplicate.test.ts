/** Registries with duplicate keys. */
import { describe, expect, test } from "vitest";
import { type Pid, type Self, UsageError } from "../../../runtime/mod.ts";
import type { Entry } from "../../../std/registry/mod.ts";
import { drain, obedient } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { ask, duplicates, inActor, kill, linksOf, valuesOf } from "./kinds.ts";

describe.each(duplicates)(
  "duplicate keys, $partitions by $partitionBy",
  (kind) => {
    test("belong to any number of actors, also several times", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const other = self.spawn(obedient);
        for (const value of [1, 2, 2]) registry.register(self, "hello", value);
        await ask(self, other, (me) => registry.register(me, "hello", 3));
        expect(valuesOf(registry.lookup("hello")).toSorted())
          .toEqual([1, 2, 2, 3]);
        expect(registry.keys(self.pid)).toEqual(["hello", "hello", "hello"]);
        expect(registry.values("hello", self.pid)).toEqual([1, 2, 2]);
        expect(registry.count()).toBe(4);
        expect(registry.countMatch("hello", (value) => value === 2)).toBe(2);
        registry.unregister(self, "hello");
        expect(registry.lookup("hello")).toEqual([{ pid: other, value: 3 }]);
      }));

    test("are removed by a test on their values", () =>
      inActor(kind, async (self, make) => {
        const events: Pid<unknown>[] = [self.pid];
        const registry = await make({ listeners: events });
        for (const value of [1, 2, 2, 3]) {
          registry.register(self, "hello", value);
        }
        await drain(self);
        const links = linksOf(self);
        expect(registry.unregisterMatch(self, "hello", (value) => value === 2))
          .toBe(2);
        expect(registry.values("hello", self.pid)).toEqual([1, 3]);
        expect(registry.keys(self.pid)).toEqual(["hello", "hello"]);
        expect([linksOf(self), await drain(self)]).toEqual([links, []]);
        expect(registry.unregisterMatch(self, "hello", () => true)).toBe(2);
        expect(linksOf(self)).toHaveLength(0);
        expect(await drain(self)).toMatchObject([{ type: "unregister" }]);
      }));

    test("dispatch to all, by partition, in sequence or at the same time", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        for (let n = 0; n < 24; n++) {
          const pid = self.spawn(obedient);
          await ask(self, pid, (me) => registry.register(me, "hello", n));
          await ask(self, pid, (me) => registry.register(me, `other ${n}`, n));
        }
        const groups = kind.partitionBy === "key" ? 1 : kind.partitions;
        const all = Array.from({ length: 24 }, (_, n) => n);
        const seen: (readonly Entry<unknown>[])[] = [];
        const numbers = () =>
          seen.splice(0).flat().map(({ value }) => value as number)
            .toSorted((a, b) => a - b);
        registry.dispatch("hello", (entries) => void seen.push(entries));
        expect(seen).toHaveLength(groups);
        expect(numbers()).toEqual(all);
        let running = 0;
        let most = 0;
        await registry.dispatchParallel(self, "hello", async (entries) => {
          most = Math.max(most, ++running);
          await Promise.resolve();
          await Promise.resolve();
          seen.push(entries);
          running--;
        });
        expect([seen.length, running]).toEqual([groups, 0]);
        expect(most).toBeGreaterThan(groups > 1 ? 1 : 0);
        expect(numbers()).toEqual(all);
        expect(await drain(self)).toEqual([]);
      }));

    test("dispatch throws the error of its body", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const error = new Error("bad entry");
        const fail = () => {
          throw error;
        };
        registry.register(self, "hello", 1);
        expect(() => registry.dispatch("hello", fail)).toThrow(error);
        await expect(registry.dispatchParallel(self, "hello", fail))
          .rejects.toBe(error);
        const controller = new AbortController();
        const { signal } = controller;
        const before = self.info()?.monitors.length;
        const forever = registry.dispatchParallel(self, "hello", () => {
          controller.abort(error);
          return new Promise(() => {});
        }, { signal });
        await expect(forever).rejects.toBe(error);
        expect(self.info()?.monitors.length).toBe(before);
        await expect(
          registry.dispatchParallel(self, "hello", fail, { signal }),
        ).rejects.toBe(error);
      }));

    test("are removed when their partition crashes, and the others stay", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const citizens: Pid<unknown>[] = [];
        for (let n = 0; n < 16; n++) {
          const pid = self.spawn(obedient);
          citizens.push(pid);
          await ask(self, pid, (me) => registry.register(me, `key ${n}`, n));
        }
        const ownerOf = (pid: Pid<unknown>) => self.info(pid)?.links[0];
        const lost = ownerOf(citizens[0]!)!;
        const expected = citizens.filter((pid) => ownerOf(pid) !== lost);
        kill(self, lost);
        expect(citizens.filter((pid) => self.isActorAlive(pid)))
          .toEqual(expected);
        // Its entries are not found any more, already before its restart.
        const found = () => registry.select().map(({ pid }) => pid);
        expect(found().toSorted()).toEqual(expected.toSorted());
        const begin = (me: Self, n: number): boolean => {
          try {
            return registry.register(me, `key ${n}`, "new").ok;
          } catch {
            return false;
          }
        };
        for (let n = 0; n < 16; n++) {
          await waitFor(
            () => ask(self, self.spawn(obedient), (me) => begin(me, n)),
            { what: "the restart" },
          );
        }
        expect(registry.count()).toBe(expected.length + 16);
      }));

    test("have no single owner, so some methods are refused", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        registry.register(self, "hello", 1);
        const uses: [string, () => unknown][] = [
          ["via", () => registry.via("hello", 1)],
          ["whereis", () => registry.whereis("hello")],
          ["whereis", () => registry.send(self, "hello", 1)],
          ["updateValue", () => registry.updateValue(self, "hello", () => 2)],
        ];
        for (const [what, use] of uses) {
          expect(use).toThrow(UsageError);
          expect(use).toThrow(
            `expected ${what} to be called on a registry with`,
          );
        }
      }));
  },
);
