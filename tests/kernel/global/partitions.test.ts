/** `global` when partitions meet and overlap, and when nodes come and go. */

import { describe, expect, it } from "vitest";
import {
  atom,
  Cast,
  global,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  type Tuple,
} from "../../../runtime/mod.ts";
import {
  atoms,
  SERVER_NAME,
  write,
} from "../../../runtime/kernel/global/protocol/terms.ts";
import type { Simulation } from "../../../std/testing/mod.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import {
  join,
  nodes,
  owner,
  owners,
  park,
  register,
  spawnKnown,
  whole,
} from "./cluster.ts";

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

  it("are joined in time however many resolvers never answer", async () => {
    await simulateSeeds({ count: 2 }, async (sim) => {
      const both = [await sim.start("a@sim"), await sim.start("b@sim")];
      let asked = 0;
      const resolver = () => {
        asked++;
        return new Promise<null>(() => {});
      };
      const names = ["one", "two", "three"];
      for (const node of both) {
        for (const name of names) {
          const pid = node.spawn(park) as Pid;
          expect(await register(node, name, pid, { resolver })).toBe(true);
        }
      }
      await join(sim, both);
      expect(sim.timeMs).toBeLessThan(15_000);
      expect(asked).toBe(names.length);
      for (const name of names) {
        // An entry whose resolver does not answer has lost.
        expect(owners(both, name)).toEqual(["b@sim", "b@sim"]);
      }
    });
  });

  it("that overlap are healed by nodes that reach both", async () => {
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

  it("are prevented from overlapping with the policy `prevent`", async () => {
    await simulateSeeds({ count: 5 }, async (sim) => {
      const all = await nodes(sim, { global: { partitions: "prevent" } });
      const [a, b, c] = all;
      sim.cut(a.name, c.name);
      await sim.advance(3_000);
      // Any two nodes agree whether they know each other.
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

  it("that was monitored before it introduces itself is joined", async () => {
    await simulateSeeds({ count: 2 }, async (sim) => {
      const x = await sim.start("x@sim");
      // A server whose messages the test sends.
      const f = await sim.start("f@sim", { global: false });
      const heard: unknown[] = [];
      const serve = () =>
        f.spawn(async (self: Self<unknown>) => {
          for (;;) heard.push(await self.receive());
        }, { name: SERVER_NAME });
      const isAsked = () =>
        heard.some((said) =>
          said instanceof Cast &&
          (said.request as Tuple).items[0] === atoms.initConnect
        );
      const first = serve();
      await f.connect(x.name);
      await sim.until(isAsked, { what: "a first word" });
      await f.run((self) => self.sendExit(first, reasons.kill));
      await sim.advance(50);
      heard.length = 0;
      const second = serve();
      const lock = { resource: 1, requester: 2 };
      const options = { nodes: [f.name], timeoutMs: 1_000 };
      x.spawn(async (self: Self) => {
        await global.setLock(self, lock, options);
      });
      await sim.until(() => heard.length > 0, { what: "the question" });
      expect(isAsked()).toBe(false);
      const hello = write.initConnect(f.name, 7, second as Pid);
      f.send({ name: SERVER_NAME, node: x.name }, new Cast(hello));
      await sim.until(isAsked, { what: "an answer" });
    });
  });

  it("that is in sync before it is made known is not joined again", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const x = await sim.start("x@sim");
      // A server whose messages the test sends.
      const f = await sim.start("f@sim", { global: false });
      const heard: unknown[] = [];
      const server = f.spawn(async (self: Self<unknown>) => {
        for (;;) heard.push(await self.receive());
      }, { name: SERVER_NAME });
      const isAsked = () =>
        heard.some((said) =>
          said instanceof Cast &&
          (said.request as Tuple).items[0] === atoms.initConnect
        );
      await f.connect(x.name);
      await sim.until(isAsked, { what: "the introduction" });
      heard.length = 0;
      const say = (message: unknown) =>
        f.send({ name: SERVER_NAME, node: x.name }, new Cast(message));
      say(write.inSync(f.name));
      say(write.initConnect(f.name, 7, server as Pid));
      await sim.advance(100);
      expect(isAsked(), "a second introduction").toBe(false);
      // The node that should have made it known may be gone.
      say(write.inSync(f.name));
      await sim.advance(1_000);
      expect(global.inspect(x).known).toEqual([]);
    });
  });

  it("that is in sync before it is made known has the names of all", async () => {
    let early = 0;
    await simulateSeeds({ count: 20 }, async (sim) => {
      const [x, b, f] = await nodes(sim, { isJoined: false });
      await join(sim, [x, b]);
      expect(await register(x, "x", x.spawn(park) as Pid)).toBe(true);
      void f.connect(b.name);
      await sim.until(() => global.inspect(f).known.includes(b.name), {
        what: "the join",
      });
      sim.stall(b.name, x.name);
      await sim.advance(50);
      if (!global.inspect(x).known.includes(f.name)) early++;
      sim.heal();
      await whole(sim, [x, b, f]);
      expect(owners([x, b, f], "x")).toEqual([x.name, x.name, x.name]);
      // A change reaches all: none has forgotten that another knows it.
      expect(await register(f, "f", f.spawn(park) as Pid)).toBe(true);
      expect(await register(x, "y", x.spawn(park) as Pid)).toBe(true);
      expect(owners([x, b, f], "f")).toEqual([f.name, f.name, f.name]);
      expect(owners([x, b, f], "y")).toEqual([x.name, x.name, x.name]);
    });
    expect(early).toBeGreaterThan(0);
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

  it("without global takes no part, and delays no other node", async () => {
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
