/**
 * `global` among Hornbeam nodes, in the words of OTP's `global_SUITE`: names,
 * locks, resolvers, and nodes that come and go.
 */

import { describe, expect, it } from "vitest";
import {
  atom,
  global,
  type GlobalOptions,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  Tuple,
  tuple,
} from "../../runtime/mod.ts";
import type { Simulation } from "../../std/testing.ts";
import { simulateSeeds } from "../helpers/simulate.ts";

const park = async (self: Self): Promise<void> => {
  for (;;) await self.receive();
};

type Many = readonly [RunningNode, RunningNode, RunningNode, RunningNode];

/** Nodes `a` to `d`, alone or all in one. */
async function nodes(
  sim: Simulation,
  options: { isJoined?: boolean; global?: GlobalOptions } = {},
): Promise<Many> {
  const all: RunningNode[] = [];
  for (const letter of ["a", "b", "c", "d"]) {
    all.push(
      await sim.start(`${letter}@sim`, { global: options.global ?? {} }),
    );
  }
  if (options.isJoined ?? true) await join(sim, all);
  return all as unknown as Many;
}

/** A chain of connections, of which global makes a mesh. */
async function join(
  sim: Simulation,
  all: readonly RunningNode[],
): Promise<void> {
  for (const [i, node] of all.entries()) {
    if (i > 0) await node.connect(all[i - 1]?.name ?? "");
  }
  await whole(sim, all);
}

async function whole(
  sim: Simulation,
  all: readonly RunningNode[],
): Promise<void> {
  await sim.until(
    () =>
      all.every((node) =>
        global.inspect(node).known.length === all.length - 1 &&
        global.inspect(node).locks.length === 0
      ),
    { what: "all to know each other" },
  );
  for (const node of all) {
    await node.run((self: Self) => global.sync(self, { timeoutMs: 5_000 }));
  }
}

const register = (
  node: RunningNode,
  name: unknown,
  pid: Pid,
  options = {},
): Promise<boolean> =>
  node.run((self: Self) => global.registerName(self, name, pid, options));

const owner = (node: RunningNode, name: unknown) =>
  global.whereisName(node, name)?.node ?? null;

const owners = (all: readonly RunningNode[], name: unknown) =>
  all.map((node) => owner(node, name));

/** An actor whose pid other nodes may be given, as if it had been sent. */
function spawnKnown(node: RunningNode): Pid {
  const pid = node.spawn(park) as Pid;
  node.send({ name: "nobody", node: node.nodes()[0] ?? node.name }, pid);
  return pid;
}

const gone = (sim: Simulation, all: readonly RunningNode[], name: unknown) =>
  sim.until(
    () => owners(all, name).every((node) => node === null),
    { what: "the name to be gone" },
  );

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
      // From a node that is neither's.
      await c.run((self: Self) => global.reRegisterName(self, name, second));
      expect(owners(all, name)).toEqual(all.map(() => b.name));
      // The first is not watched for it any more.
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
        expect(() => global.send(self, "nobody", 1)).toThrow("nobody has it");
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

  it("refuse what makes no sense, and outlive garbage", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const [a, b] = await nodes(sim);
      await a.run(async (self: Self) => {
        const bad = (call: () => unknown, why: string) =>
          expect((async () => await call())()).rejects.toThrow(why);
        const { pid } = self;
        await bad(() => global.registerName(self, () => 0, pid), "a term");
        await bad(() => global.registerName(self, 1, 2 as never), "a pid");
        const lock = { resource: 1, requester: 2 };
        await bad(() => global.setLock(self, lock, { retries: -1 }), "retries");
        await bad(
          () => global.setLock(self, lock, { nodes: [] }),
          "node names",
        );
        await bad(
          () => global.setLock(self, { ...lock, resource: atom("global") }),
          "of one's own",
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

  it("are given back by trans, whatever its function does", async () => {
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

describe("partitions", () => {
  const survivors = async (
    sim: Simulation,
    all: readonly RunningNode[],
    connect: () => void,
  ) => {
    const alive = new Map<string, Pid>();
    for (const node of all) {
      const pid = node.spawn(park) as Pid;
      alive.set(node.name, pid);
      expect(await register(node, "x", pid)).toBe(true);
    }
    connect();
    await whole(sim, all);
    await sim.advance(500);
    const names = owners(all, "x");
    expect(new Set(names).size).toBe(1);
    return all.filter((node) => node.isAlive(alive.get(node.name) as Pid)).map((
      { name },
    ) => name);
  };

  it.each(["ring", "line"])(
    "that meet in a %s leave one owner",
    async (how) => {
      await simulateSeeds({ count: 3 }, async (sim) => {
        const all = await nodes(sim, { isJoined: false });
        const left = await survivors(sim, all, () => {
          for (const [i, node] of all.entries()) {
            if (i > 0) void node.connect(all[i - 1]?.name ?? "");
            else if (how === "ring") void node.connect(all[3].name);
          }
        });
        expect(left).toEqual(["a@sim"]);
      });
    },
  );

  it.each(
    [
      ["randomExit", [true, false], 0, "a@sim"],
      ["randomNotify", [true, true], 1, "a@sim"],
      ["notifyAll", [true, true], 2, null],
      ["first", [true, true], 0, "b@sim"],
      ["second", [true, true], 0, "a@sim"],
      ["neither", [true, true], 0, null],
      ["throws", [true, true], 0, null],
    ] as const,
  )(
    "with a clash let %s decide, once",
    async (what, alive, notes, winner) => {
      await simulateSeeds({ count: 3 }, async (sim) => {
        const [a, b] = await nodes(sim, { isJoined: false });
        let asked = 0;
        const told: unknown[] = [];
        const listen = async (self: Self<unknown>) => {
          for await (const message of self) told.push(message);
        };
        const resolver = (_: unknown, one: Pid, other: Pid) => {
          asked++;
          if (what === "throws") throw new Error("no idea");
          return what === "first" ? one : what === "second" ? other : null;
        };
        const isOwn = ["first", "second", "neither", "throws"].includes(what);
        const options = { resolver: isOwn ? resolver : what };
        const pids = [a, b].map((node) => node.spawn(listen) as Pid);
        await register(a, "x", pids[0] as Pid, options);
        await register(b, "x", pids[1] as Pid, options);
        await b.connect(a.name);
        await whole(sim, [a, b]);
        await sim.advance(500);
        expect(owners([a, b], "x")).toEqual([winner, winner]);
        expect([a.isAlive(pids[0] as Pid), b.isAlive(pids[1] as Pid)])
          .toEqual(alive);
        expect(asked).toBe(isOwn ? 1 : 0);
        expect(told).toHaveLength(notes);
        for (const message of told) {
          expect((message as Tuple).items.slice(0, 2))
            .toEqual([atom("global_name_conflict"), "x"]);
        }
      });
    },
  );

  it("with the same actor on both sides have no clash", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const all = await nodes(sim);
      const [a, b] = all;
      let asked = 0;
      const pid = a.spawn(park) as Pid;
      const resolver = () => {
        asked++;
        return null;
      };
      await register(a, "x", pid, { resolver });
      sim.partition(["a@sim", "b@sim"], ["c@sim", "d@sim"]);
      await sim.until(() => b.nodes().length === 1, { what: "the loss" });
      await sim.advance(3_000);
      expect(owners(all, "x")).toEqual([a.name, a.name, null, null]);
      sim.heal();
      await a.connect("c@sim");
      await whole(sim, all);
      expect(owners(all, "x")).toEqual(all.map(() => a.name));
      expect(asked).toBe(0);
    });
  });

  it("that overlap are healed by those who reach both", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const all = await nodes(sim);
      const [a, b, c] = all;
      sim.partition([a.name], [c.name]);
      await sim.until(() => a.nodes().length === 2, { what: "the loss" });
      await register(a, "x", a.spawn(park) as Pid);
      expect(b.nodes()).toHaveLength(3);
      sim.heal();
      await whole(sim, all);
      await sim.advance(1_000);
      expect(owners(all, "x")).toEqual(all.map(() => a.name));
    });
  });

  it("are prevented from overlapping where that is wanted", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const all = await nodes(sim, { global: { partitions: "prevent" } });
      const [a, b, c] = all;
      sim.cut(a.name, c.name);
      await sim.advance(3_000);
      // Each is either with another or apart from it, in the eyes of both.
      for (const node of all) {
        for (const peer of node.nodes()) {
          expect([...sim.node(peer).nodes(), peer].toSorted())
            .toEqual([...node.nodes(), node.name].toSorted());
        }
      }
      expect(a.nodes()).not.toContain(c.name);
      expect(b.nodes().length).toBeLessThan(3);
    });
  });
});

describe("a node", () => {
  it("that comes in the middle of a registration learns of it", async () => {
    await simulateSeeds({ count: 8 }, async (sim) => {
      const [a, b, c, d] = await nodes(sim, { isJoined: false });
      await join(sim, [a, b, c]);
      const pid = a.spawn(park) as Pid;
      const given = register(a, "x", pid);
      void d.connect(b.name);
      expect(await given).toBe(true);
      await whole(sim, [a, b, c, d]);
      expect(owner(d, "x")).toBe(a.name);
    });
  });

  it("whose server has ended is a member again with the names of all", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const all = await nodes(sim);
      const [a, b] = all;
      await register(a, "x", a.spawn(park) as Pid);
      const server = b.whereis("global_name_server") as Pid;
      await a.run((self) => self.sendExit(server, reasons.kill));
      await sim.advance(1_000);
      await whole(sim, all);
      expect(owners(all, "x")).toEqual(all.map(() => a.name));
    });
  });

  it("that leaves by disconnect is let go by all", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const [a, b, c, d] = await nodes(sim);
      const left = await a.run((self: Self) => global.disconnect(self));
      expect([...left].toSorted()).toEqual([b.name, c.name, d.name]);
      await sim.advance(5_000);
      expect(a.nodes()).toEqual([]);
      for (const node of [b, c, d]) expect(node.nodes()).toHaveLength(2);
    });
  });

  it("without global has no part in it, and holds nobody up", async () => {
    await simulateSeeds({ count: 2 }, async (sim) => {
      const [a, b] = await nodes(sim, { isJoined: false });
      const none = await sim.start("none@sim", { global: false });
      await none.connect(a.name);
      await b.connect(a.name);
      await a.run((self: Self) => global.sync(self, { timeoutMs: 1_000 }));
      expect(await register(a, "x", a.spawn(park) as Pid)).toBe(true);
      expect(none.nodes()).toEqual([a.name]);
      expect(() => global.whereisName(none, "x")).toThrow("global: false");
    });
  });

  it("hidden has names of its own", async () => {
    await simulateSeeds({ count: 2 }, async (sim) => {
      const [a, b] = await nodes(sim);
      const hidden = await sim.start("h@sim", { hidden: true });
      await hidden.connect(a.name);
      await register(a, "x", a.spawn(park) as Pid);
      expect(owner(hidden, "x")).toBe(null);
      expect(await register(hidden, "x", hidden.spawn(park) as Pid)).toBe(true);
      expect(owners([a, b], "x")).toEqual([a.name, a.name]);
    });
  });

  it("is one of many that all connect at once", async () => {
    await simulateSeeds({ count: 1 }, async (sim) => {
      const all: RunningNode[] = [];
      for (let i = 0; i < 12; i++) all.push(await sim.start(`n${i}@sim`));
      for (const node of all) {
        for (const peer of all) void node.connect(peer.name);
      }
      await whole(sim, all);
      const [from, to] = [all[3], all[4]] as [RunningNode, RunningNode];
      expect(await register(from, "x", spawnKnown(to))).toBe(true);
      expect(owners(all, "x")).toEqual(all.map(() => "n4@sim"));
    });
  });
});
