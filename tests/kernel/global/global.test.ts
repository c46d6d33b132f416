/** `global` among Hornbeam nodes: names and locks. */

import { describe, expect, it } from "vitest";
import {
  atom,
  global,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  tuple,
} from "../../../runtime/mod.ts";
import type { Node } from "../../../runtime/core/node/node.ts";
import type { GlobalNames } from "../../../runtime/kernel/global/local_names.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import {
  gone,
  nodes,
  owner,
  owners,
  park,
  register,
  spawnKnown,
} from "./cluster.ts";

describe("names", () => {
  it("are the same everywhere, and go with their owners", async () => {
    await simulateSeeds({ count: 4 }, async (sim) => {
      const all = await nodes(sim);
      const [a, b, c, d] = all;
      const name = tuple(atom("db"), 1);
      const [first, second] = [spawnKnown(a), spawnKnown(b)];
      expect(await register(a, name, first)).toBe(true);
      expect(owners(all, name)).toEqual(all.map(() => a.name));
      for (const node of all) {
        expect(await register(node, name, second)).toBe(false);
        expect(global.registeredNames(node)).toEqual([name]);
      }
      // From a node that has neither actor.
      await c.run((self: Self) => global.reRegisterName(self, name, second));
      expect(owners(all, name)).toEqual(all.map(() => b.name));
      // The first actor is not monitored for the name any more.
      await a.run((self) => self.sendExit(first, reasons.kill));
      await sim.advance(50);
      expect(owners(all, name)).toEqual(all.map(() => b.name));
      await d.run((self: Self) => global.unregisterName(self, name));
      expect(owners(all, name)).toEqual(all.map(() => null));
      await d.run((self: Self) => global.unregisterName(self, name));
      expect(await register(d, name, second)).toBe(true);
      await b.run((self) => self.sendExit(second, reasons.kill));
      await gone(sim, all, name);
      const other = spawnKnown(b);
      expect(await register(a, name, other)).toBe(true);
      sim.crash(b.name);
      await gone(sim, [a, c, d], name);
    });
  });

  it("are one per actor, unless several are allowed", async () => {
    await simulateSeeds({ count: 2 }, async (sim) => {
      for (const severalNames of [false, true]) {
        const node = await sim.start(`${severalNames}@sim`, {
          global: { severalNames },
        });
        const pid = node.spawn(park) as Pid;
        expect(await register(node, "one", pid)).toBe(true);
        expect(await register(node, "two", pid)).toBe(severalNames);
      }
    });
  });

  it("are destinations: of messages, and of calls by via", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, , , d] = await nodes(sim);
      const got = a.run(async (self: Self<string>) => {
        await global.registerName(self, "inbox", self.pid as Pid);
        return [await self.receive(), await self.receive()];
      });
      await sim.until(() => owner(d, "inbox") !== null, { what: "the name" });
      await d.run((self: Self) => {
        expect(global.send(self, "inbox", "one").node).toBe(a.name);
        self.send({ via: global, name: "inbox" }, "two");
        expect(() => global.send(self, "nobody", 1)).toThrow("no actor has it");
      });
      expect(await got).toEqual(["one", "two"]);
      await expect(d.call({ via: global, name: "nobody" }, 1)).rejects
        .toThrow("noproc");
    });
  });

  it("of many callers at once are given in few rounds", async () => {
    await simulateSeeds({ count: 2 }, async (sim) => {
      const all = await nodes(sim);
      const before = sim.timeMs;
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, i) => {
          const node = all[i % 4] as RunningNode;
          return register(node, `name ${i % 20}`, node.spawn(park) as Pid);
        }),
      );
      expect(results.filter((isDone) => isDone)).toHaveLength(20);
      expect(sim.timeMs - before).toBeLessThan(1_000);
      for (const node of all) {
        expect(global.registeredNames(node)).toHaveLength(20);
      }
    });
  });

  it("refuse arguments that make no sense, and survive garbage", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const [a, b] = await nodes(sim);
      await a.run(async (self: Self) => {
        const bad = (call: () => unknown, why: string) =>
          expect((async () => await call())()).rejects.toThrow(why);
        const { pid } = self;
        await bad(() => global.registerName(self, () => 0, pid), "a term");
        const loop: unknown[] = [];
        loop.push(loop);
        const long = "x".repeat(256);
        await bad(() => global.registerName(self, loop, pid), "100 deep");
        await bad(() => global.registerName(self, atom(long), pid), "255");
        await bad(() => global.registerName(self, ["\ud800"], pid), "halves");
        await bad(
          () => global.registerName(self, long.repeat(300), pid),
          "65536",
        );
        await bad(
          () => global.registerName(self, 1, pid, { resolver: "x" as never }),
          "a resolver",
        );
        await bad(
          () => global.unregisterName(self, 1, { timeoutMs: "5" as never }),
          "from 0 on",
        );
        await bad(() => global.whereisName({} as never, 1), "running node");
        await bad(() => self.call({ via: global, name: 1 }, 2), "the name 1");
        await bad(() => global.registerName(self, 1, 2 as never), "a pid");
        const lock = { resource: 1, requester: 2 };
        await bad(() => global.setLock(self, lock, { retries: -1 }), "retries");
        await bad(
          () => global.setLock(self, lock, { nodes: [] }),
          "node names",
        );
        await bad(
          () => global.setLock(self, { ...lock, resource: atom("global") }),
          "other than global",
        );
        await bad(
          () => global.sync(self, { timeoutMs: -1 }),
          "from 0 on",
        );
      });
      const strange = [1, "x", tuple(), tuple(atom("init_connect"), 1, 2, 3)];
      for (const message of strange) {
        a.send({ name: "global_name_server", node: b.name }, message);
        await a.run((self) =>
          self.call({ name: "global_name_server", node: b.name }, message)
        );
      }
      expect(await register(a, "still", a.spawn(park) as Pid)).toBe(true);
      expect(owner(b, "still")).toBe(a.name);
    });
  });

  it("and locks do not change when a caller writes to the term", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const [a, b] = await nodes(sim);
      const name = ["db", 1];
      const lock = { resource: ["door"], requester: ["ours"] };
      const pid = a.spawn(async (self: Self) => {
        await global.setLock(self, lock);
        await global.registerName(self, name, self.pid as Pid);
        await park(self);
      });
      await sim.until(() => owner(b, ["db", 1]) !== null, { what: "the name" });
      name[0] = lock.resource[0] = lock.requester[0] = "other";
      const given = global.registeredNames(b)[0] as unknown[];
      expect(() => given.push(2)).toThrow(TypeError);
      expect(owners([a, b], ["db", 1])).toEqual([a.name, a.name]);
      await a.run((self) => self.sendExit(pid, reasons.kill));
      await sim.advance(50);
      for (const node of [a, b]) {
        expect(global.registeredNames(node)).toEqual([]);
        expect(global.inspect(node).locks).toEqual([]);
      }
    });
  });

  it("of a resolver's kind that cannot be run elsewhere are refused", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const [a, b] = await nodes(sim);
      const there = b.spawn(park) as Pid;
      await expect(
        a.run(async (self: Self) =>
          await global.registerName(self, 1, there, { resolver: (_, p) => p })
        ),
      ).rejects.toThrow("a function");
    });
  });

  it("keep the resolver that they were given with, and no longer", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const [a, b] = [await sim.start("a@sim"), await sim.start("b@sim")];
      const asked: string[] = [];
      const by = (text: string) => (_name: unknown, one: Pid) => {
        asked.push(text);
        return one;
      };
      for (const node of [a, b]) {
        const pid = node.spawn(park) as Pid;
        const [first, second] = ["first", "second"].map((text) => ({
          resolver: by(text),
        }));
        expect(await register(node, "one", pid, first)).toBe(true);
        expect(await register(node, "one", pid, second)).toBe(false);
      }
      await a.run(async (self: Self) => {
        const resolver = () => null;
        for (let i = 0; i < 2_500; i++) {
          await global.registerName(self, i, self.pid as Pid, { resolver });
          await global.unregisterName(self, i);
        }
      });
      const { globalNames } = (a as unknown as { readonly owner: Node }).owner;
      const { resolvers } = globalNames as GlobalNames;
      expect(resolvers.count).toBeLessThanOrEqual(1_000);
      await a.connect(b.name);
      await sim.until(() => asked.length > 0, { what: "a decision" });
      await sim.advance(100);
      expect(asked).toEqual(["first"]);
    });
  });
});

describe("locks", () => {
  const lock = { resource: "r", requester: 1 };
  const set = (node: RunningNode, options: object, requester: unknown = 1) =>
    node.run((self: Self) =>
      global.setLock(self, { resource: "r", requester }, options)
    );

  it("exclude others, and are shared by one requester", async () => {
    await simulateSeeds({ count: 4 }, async (sim) => {
      const [a, b, c] = await nodes(sim);
      const begin = (node: RunningNode) => {
        const told: boolean[] = [];
        const pid = node.spawn(async (self: Self<unknown>) => {
          told.push(await global.setLock(self as Self & typeof self, lock));
          await self.receive();
          await global.delLock(self as Self & typeof self, lock);
          told.push(false);
          await self.receive();
        });
        return { told, pid, go: () => void node.send(pid, 0) };
      };
      const [one, two] = [begin(a), begin(b)];
      await sim.until(() => one.told.length + two.told.length === 2, {
        what: "both to have it",
      });
      expect([one.told, two.told]).toEqual([[true], [true]]);
      expect(await set(c, { retries: 0 }, 2)).toBe(false);
      expect(await set(c, { timeoutMs: 100 }, 2)).toBe(false);
      one.go();
      await sim.until(() => one.told.length === 2, { what: "one to let go" });
      expect(await set(c, { retries: 0 }, 2)).toBe(false);
      const waits = set(c, {}, 2);
      await b.run((self) => self.sendExit(two.pid as Pid, reasons.kill));
      const atMs = sim.timeMs;
      expect(await waits).toBe(true);
      expect(sim.timeMs - atMs).toBeLessThan(100);
    });
  });

  it("may be on some nodes only, and end with a node", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const [a, b, c, d] = await nodes(sim);
      const hold = (node: RunningNode, on: RunningNode[]) => {
        const isSet = { is: null as boolean | null };
        node.spawn(async (self: Self<unknown>) => {
          isSet.is = await global.setLock(
            self as Self & typeof self,
            { resource: "r", requester: self.pid },
            { nodes: on.map(({ name }) => name), retries: 0 },
          );
          await self.receive();
        });
        return isSet;
      };
      const [left, right] = [hold(a, [a, b]), hold(d, [c, d])];
      await sim.until(() => left.is !== null && right.is !== null, {
        what: "both",
      });
      expect([left.is, right.is]).toEqual([true, true]);
      const both = { nodes: [b.name, c.name], retries: 0 };
      expect(await set(b, both, 3)).toBe(false);
      sim.crash(a.name);
      sim.crash(d.name);
      await sim.until(() => b.nodes().length === 1, { what: "the loss" });
      expect(await set(b, { ...both, retries: 5 }, 3)).toBe(true);
    });
  });

  it("that are taken after a try was given up are not lost with it", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const [a, b] = await nodes(sim);
      const lock = { resource: "door", requester: "ours" };
      const got: boolean[] = [];
      a.spawn(async (self: Self) => {
        // The first try is answered late, while the second is under way.
        got.push(await global.setLock(self, lock, { timeoutMs: 100 }));
        got.push(await global.setLock(self, lock));
        await park(self);
      });
      sim.stall(b.name, a.name);
      await sim.advance(300);
      expect(got).toEqual([false]);
      sim.heal();
      await sim.until(() => got.length === 2, { what: "the second try" });
      expect(got[1]).toBe(true);
      await sim.advance(100);
      for (const node of [a, b]) {
        expect(global.inspect(node).locks, node.name).toEqual([lock]);
      }
    });
  });

  it("are given back by trans, however its function ends", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const [a, b] = await nodes(sim);
      const failing = a.run((self: Self) =>
        global.trans(self, lock, () => {
          throw new Error("inside");
        })
      );
      await expect(failing).rejects.toThrow("inside");
      const result = await b.run((self: Self) =>
        global.trans(self, { resource: "r", requester: self.pid }, async () => {
          const pid = self.spawn(async (other: Self<unknown>) => {
            const me = other as Self & typeof other;
            const inner = await global.trans(me, lock, () => 1, { retries: 1 });
            other.send(self.pid as Pid<unknown>, inner.ok);
          });
          expect(b.isAlive(pid as Pid)).toBe(true);
          return await self.receive();
        })
      );
      expect(result).toEqual({ ok: true, value: false });
      expect(global.inspect(a).locks).toEqual([]);
    });
  });
});

it("a node that shares no names cannot change them", async () => {
  await simulateSeeds({ count: 1 }, async (sim) => {
    const a = await sim.start("a@sim");
    const z = await sim.start("z@sim", { global: false });
    await z.connect(a.name);
    const pid = a.spawn(park) as Pid;
    expect(await register(a, "name", pid)).toBe(true);
    const server = { name: "global_name_server", node: a.name };
    const refused = tuple(atom("error"), atom("not_a_member"));
    const remove = tuple(atom("delete"), "name");
    for (
      const request of [
        tuple(atom("unregister"), "name"),
        tuple(atom("hornbeam_ops"), [remove]),
      ]
    ) expect(await z.call(server, request)).toEqual(refused);
    expect(global.whereisName(a, "name")).toBe(pid);
  });
});
