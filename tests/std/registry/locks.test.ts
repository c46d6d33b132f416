/** Locks of registries, and registries under random interleavings. */
import { describe, expect, test } from "vitest";
import {
  CallError,
  type Pid,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import { Registry } from "../../../std/registry/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { drain } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { inActor, kill, kinds } from "./kinds.ts";

/**
 * An actor that takes a lock, reports it, and holds it until it is told to
 * end.
 */
function holder(
  self: Self,
  registry: Registry<unknown, unknown, unknown>,
  key: unknown,
  name: string,
): Pid<unknown> {
  return self.spawn(async (me) => {
    await registry.lock(me, key, async () => {
      me.send(self.pid, name);
      const order = await me.receive();
      if (order === "throw") throw new Error(name);
    });
    me.send(self.pid, `${name} is done`);
  });
}

describe.each(kinds)(
  "locks with $keys keys, $partitions partitions",
  (kind) => {
    test("of one key are held one after the other, in order", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const names = ["a", "b", "c", "d"];
        const pids = names.map((name) => holder(self, registry, "key", name));
        for (const [i, name] of names.entries()) {
          expect(await self.receive()).toBe(name);
          // All other callers have asked by now.
          await registry.lock(self, "another key", () => {});
          expect(await drain(self)).toEqual([]);
          self.send(pids[i]!, "end");
          expect(await self.receive((m) => m === `${name} is done`))
            .toBe(`${name} is done`);
        }
      }));

    test("of different keys are held at the same time", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        registry.register(self, "entry", 1);
        for (const key of ["a", "b", "entry", 1, "1", [1]]) {
          holder(self, registry, key, "held");
          expect(await self.receive()).toBe("held");
        }
        // Two keys of the same content are one key.
        holder(self, registry, [1], "twice");
        await registry.lock(self, "another key", () => {});
        expect(await drain(self)).toEqual([]);
      }));

    test("are released when their holder throws or ends", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        for (const end of ["throw", "kill"]) {
          const first = holder(self, registry, "key", "first");
          expect(await self.receive()).toBe("first");
          const second = holder(self, registry, "key", "second");
          await registry.lock(self, "another key", () => {});
          if (end === "throw") self.send(first, "throw");
          else kill(self, first);
          expect(await self.receive()).toBe("second");
          self.send(second, "end");
          expect(await self.receive()).toBe("second is done");
        }
      }));

    test("skip callers that have ended while they waited", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const first = holder(self, registry, "key", "first");
        expect(await self.receive()).toBe("first");
        const waiting = [1, 2].map(() =>
          holder(self, registry, "key", "never")
        );
        await registry.lock(self, "another key", () => {});
        for (const pid of waiting) kill(self, pid);
        holder(self, registry, "key", "last");
        self.send(first, "end");
        expect(await self.receive()).toBe("first is done");
        expect(await self.receive()).toBe("last");
        expect(await drain(self)).toEqual([]);
      }));

    test("are waited for within a time limit", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const first = holder(self, registry, "key", "first");
        expect(await self.receive()).toBe("first");
        const limits = [
          { timeoutMs: 5 },
          { signal: AbortSignal.abort(new Error("aborted")) },
        ];
        let ran = false;
        const errors: unknown[] = [];
        for (const limit of limits) {
          await registry.lock(self, "key", () => ran = true, limit)
            .catch((error) => errors.push(error));
        }
        expect(errors).toEqual([
          expect.objectContaining({ name: "CallError", reason: "timeout" }),
          new Error("aborted"),
        ]);
        expect(errors[0]).toBeInstanceOf(CallError);
        // A request that was withdrawn does not hold up the next.
        self.send(first, "end");
        expect(await self.receive()).toBe("first is done");
        expect(await registry.lock(self, "key", () => "mine")).toBe("mine");
        expect(ran).toBe(false);
        expect(await drain(self)).toEqual([]);
      }));

    test("resolve or reject with the result of their body", () =>
      inActor(kind, async (self, make) => {
        const registry = await make();
        const error = new Error("no");
        expect(await registry.lock(self, "key", () => 1)).toBe(1);
        await expect(registry.lock(self, "key", () => Promise.reject(error)))
          .rejects.toBe(error);
        expect(await registry.lock(self, "key", async () => await 2)).toBe(2);
        expect(self.info()).toMatchObject({ monitors: [], aliases: 0 });
      }));
  },
);

describe("under every interleaving", () => {
  test("a unique key has one live holder, and the last one that asks gets it", async () => {
    await simulateSeeds({ count: 30 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        const registry = await Registry.start<string, number>(self, {
          keys: "unique",
          partitions: 1 + sim.below(3),
        });
        const won: Pid[] = [];
        const contender = (n: number) => async (me: Self) => {
          for (;;) {
            const { ok } = registry.register(me, "key", n);
            const living = registry.lookup("key")
              .filter(({ pid }) => me.isActorAlive(pid));
            expect(living).toHaveLength(1);
            if (ok) break;
            await sleep(me, 1 + sim.below(3));
          }
          won.push(me.pid);
          await sleep(me, sim.below(5));
          if (sim.below(2) === 0) kill(me, me.pid);
          registry.unregister(me, "key");
        };
        const refs = Array.from(
          { length: 6 },
          (_, n) => self.spawnMonitor(contender(n)).ref,
        );
        for (const ref of refs) {
          const { reason } = await self.receive(ref) as { reason: unknown };
          expect([reasons.normal, reasons.killed]).toContain(reason);
        }
        expect(new Set(won).size).toBe(6);
        // The cleanup after the last actor may not have run yet.
        await sleep(self, 1);
        while (registry.count() > 0) await sleep(self, 1);
        expect(registry.select()).toEqual([]);
      });
    });
  });

  test("a lock has one holder, and no caller waits for ever", async () => {
    await simulateSeeds({ count: 30 }, async (sim) => {
      const node = await sim.start("a@sim");
      await node.run(async (self) => {
        const registry = await Registry.start(self, { keys: "duplicate" });
        let held: Self | null = null;
        const contender = async (me: Self) => {
          const timeoutMs = sim.below(2) === 0 ? 60_000 : 1 + sim.below(10);
          await registry.lock(me, "key", async () => {
            // A holder that was ended does not release it itself.
            expect(held === null || !held.isAlive).toBe(true);
            held = me;
            await sleep(me, sim.below(4));
            held = null;
          }, { timeoutMs }).catch((error) => {
            expect(error).toMatchObject({ reason: "timeout" });
          });
        };
        const runs = Array.from(
          { length: 8 },
          () => self.spawnMonitor(contender),
        );
        for (const { pid } of runs) {
          await sleep(self, sim.below(3));
          if (sim.below(3) === 0) kill(self, pid);
        }
        for (const { ref } of runs) {
          const { reason } = await self.receive(ref) as { reason: unknown };
          expect([reasons.normal, reasons.killed]).toContain(reason);
        }
        expect(await registry.lock(self, "key", () => "free")).toBe("free");
      });
    });
  });
});
