/** Messages, links, monitors and exits between the actors of two nodes. */
import { describe, expect, test } from "vitest";
import {
  atom,
  Down,
  EncodeError,
  Exit,
  handler,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { isDown, isExit, park } from "../../helpers/actors.ts";
import {
  contents,
  holdings,
  inside,
  next,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";

describe("a message to another node", () => {
  test("reaches a pid and a name on a node, and has no effect without a receiver", async () => {
    const { a, b } = await two();
    const there = puppet(b, { name: "there" });
    const dead = puppet(b);
    await inside(dead, (self) => self.exit(reasons.normal)).catch(() => {});
    await a.run((self) => {
      expect(self.send(there.pid, "to the pid")).toBe(true);
      expect(self.send({ name: "there", node: b.name }, "to the name"))
        .toBe(true);
      self.send({ name: "nobody", node: b.name }, "to no actor");
      self.send(dead.pid, "to an ended actor");
      // A plain name is always a local one.
      expect(() => self.send("there", "x")).toThrow(UsageError);
    });
    a.send(there.pid, "from outside");
    await roundTrip(a, b);
    expect(await contents(there))
      .toEqual(["to the pid", "to the name", "from outside"]);
  });

  test("arrives in the order of sending, under load both ways", async () => {
    const { a, b } = await two();
    const count = 20_000;
    const echo = b.spawn(
      handler(null, (state: null, [from, n]: [Pid<number>, number], self) => {
        self.send(from, n);
        return state;
      }),
    );
    const wrong = await a.run(async (self: Self<number>) => {
      let outOfOrder = 0;
      let received = 0;
      for (let n = 0; n < count; n++) {
        if (!self.send(echo, [self.pid, n])) await self.ready(echo);
        if (n % 10 !== 0) continue;
        const answer = await self.receive({ timeoutMs: 0 });
        if (answer !== undefined && answer !== received++) outOfOrder++;
      }
      while (received < count) {
        if (await self.receive() !== received++) outOfOrder++;
      }
      return outOfOrder;
    });
    expect(wrong).toBe(0);
  });

  test("keeps its place among signals of other kinds", async () => {
    const { a, b } = await two();
    for (let i = 0; i < 50; i++) {
      const seen: unknown[] = [];
      const pid = b.spawn(async (me: Self) => {
        for (;;) seen.push(await me.receive());
      }, { name: "looping" });
      await a.run(async (self) => {
        const ref = self.monitor(pid);
        for (const n of [1, 2, 3]) self.send(pid, n);
        self.sendExit(pid, "bye");
        for (const n of [4, 5, 6]) {
          self.send(n === 5 ? { name: "looping", node: b.name } : pid, n);
        }
        expect(await self.receive()).toEqual(new Down(ref, pid, "bye"));
      });
      expect(seen.every((n) => (n as number) <= 3)).toBe(true);
    }
  });

  test("that cannot leave throws at its sender with the path", async () => {
    const { a, b } = await two();
    const there = puppet(b);
    const bad: [unknown, string][] = [
      [() => {}, "message"],
      [{ list: [1, { callback: () => {} }] }, "message.list[1].callback"],
      [Symbol("private"), "message"],
    ];
    await a.run(async (self) => {
      for (const [message, path] of bad) {
        for (const to of [there.pid, { name: "x", node: b.name }]) {
          let refusal: unknown;
          try {
            self.send(to, message);
          } catch (error) {
            refusal = error;
          }
          expect(refusal).toBeInstanceOf(EncodeError);
          expect((refusal as EncodeError).path).toBe(path);
        }
        self.send(there.pid, path);
      }
      await expect(self.spawnOn(b.name, "x", [() => {}])).rejects
        .toThrow(EncodeError);
      // Within a node anything goes.
      self.send(self.pid, bad[0]![0]);
      expect(await self.receive()).toBe(bad[0]![0]);
    });
    await roundTrip(a, b);
    expect(await contents(there)).toEqual(bad.map(([, path]) => path));
    expect(a.nodes()).toEqual([b.name]);
  });

  test("brings pids home as the same objects", async () => {
    const { a, b } = await two();
    const echo = b.spawn(async (self: Self<[Pid<unknown>, unknown]>) => {
      for (;;) {
        const [from, value] = await self.receive();
        self.send(from, value);
      }
    });
    const there = puppet(b);
    await a.run(async (self: Self<unknown>) => {
      const child = self.spawn(park);
      const pids = [self.pid, child, echo, there.pid, a.pid, b.pid];
      const ref = self.makeRef();
      const ask = async (value: unknown) => {
        self.send(echo, [self.pid, value]);
        return await self.receive();
      };
      const back = await ask({ pids, ref, atom: atom("x") }) as {
        pids: Pid[];
        ref: unknown;
        atom: unknown;
      };
      for (const [i, pid] of pids.entries()) expect(back.pids[i]).toBe(pid);
      expect(back.ref).toBe(ref);
      expect(back.atom).toBe(atom("x"));
      // A pid that came from there before works as a key.
      const map = new Map<unknown, string>([[await ask(child), "child"]]);
      expect(map.get(child)).toBe("child");
    });
  });
});

describe("a link between nodes", () => {
  test("passes on the end of either side with its reason", async () => {
    const { a, b } = await two();
    for (const reason of ["x", reasons.kill, { deep: [1] }, undefined]) {
      for (const dying of ["here", "there"]) {
        const [here, there] = [puppet(a), puppet(b)];
        const watch = puppet(a);
        await inside(here, (self) => self.link(there.pid));
        await roundTrip(a, b);
        const [end, other] = dying === "here" ? [here, there] : [there, here];
        const ref = await inside(watch, (self) => self.monitor(other.pid));
        void inside(end, (self) => self.exit(reason)).catch(() => {});
        expect(await next(watch, isDown))
          .toEqual(new Down(ref, other.pid, reason));
      }
    }
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("lets a normal end pass, and is gone then", async () => {
    const { a, b } = await two();
    const [here, there] = [puppet(a), puppet(b)];
    await inside(here, (self) => self.link(there.pid));
    await roundTrip(a, b);
    expect((await holdings(a, b)).links).toBe(2);
    void inside(there, (self) => self.exit(reasons.normal)).catch(() => {});
    await roundTrip(a, b);
    expect(await contents(here)).toEqual([]);
    expect((await holdings(a, b)).links).toBe(0);
  });

  test("gives one Exit to who traps exits", async () => {
    const { a, b } = await two();
    const here = puppet(a, { trapExits: true });
    for (const reason of [reasons.normal, reasons.kill, "x"]) {
      const there = puppet(b);
      await inside(here, (self) => {
        self.link(there.pid);
        self.link(there.pid);
      });
      await roundTrip(a, b);
      void inside(there, (self) => self.exit(reason)).catch(() => {});
      expect(await next(here, isExit)).toEqual(new Exit(there.pid, reason));
      await roundTrip(a, b);
      expect(await contents(here)).toEqual([]);
    }
  });

  test("to an ended actor is an exit signal noproc", async () => {
    const { a, b } = await two();
    const dead = puppet(b);
    await inside(dead, (self) => self.exit(reasons.normal)).catch(() => {});
    const here = puppet(a, { trapExits: true });
    await inside(here, (self) => self.link(dead.pid));
    expect(await next(here, isExit)).toEqual(
      new Exit(dead.pid, reasons.noproc),
    );
    await a.run(async (self) => {
      const { pid, ref } = self.spawnMonitor((me: Self) => {
        me.link(dead.pid);
        return park(me);
      });
      expect(await self.receive()).toEqual(new Down(ref, pid, reasons.noproc));
    });
  });

  test("is one link when both sides make it at once", async () => {
    const { a, b } = await two();
    for (let i = 0; i < 20; i++) {
      const here = puppet(a, { trapExits: true });
      const there = puppet(b, { trapExits: true });
      await Promise.all([
        inside(here, (self) => self.link(there.pid)),
        inside(there, (self) => self.link(here.pid)),
      ]);
      await roundTrip(a, b);
      await roundTrip(b, a);
      void inside(there, (self) => self.exit("x")).catch(() => {});
      expect(await next(here, isExit)).toEqual(new Exit(there.pid, "x"));
      await roundTrip(a, b);
      expect(await contents(here)).toEqual([]);
    }
    expect((await holdings(a, b)).links).toBe(0);
  });

  test("in a chain across both passes killed on", async () => {
    const { a, b } = await two();
    for (const length of [1, 2, 9, 10]) {
      const chain = Array.from(
        { length },
        (_, i) => puppet(i % 2 === 0 ? a : b),
      );
      for (const [i, one] of chain.entries()) {
        const before = chain[i - 1];
        if (before !== undefined) {
          await inside(one, (self) => self.link(before.pid));
        }
      }
      await roundTrip(a, b);
      await roundTrip(b, a);
      const watch = puppet(a);
      for (const { pid } of chain) await inside(watch, (s) => s.monitor(pid));
      await roundTrip(a, b);
      await inside(watch, (self) => self.sendExit(chain[0]!.pid, reasons.kill));
      for (let i = 0; i < length; i++) {
        expect((await next(watch, isDown)).reason).toBe(reasons.killed);
      }
    }
  });
});

describe("a monitor between nodes", () => {
  test("tells any end once, by pid and by name", async () => {
    const { a, b } = await two();
    for (const reason of [reasons.normal, "x", reasons.kill]) {
      const there = puppet(b, { name: "there" });
      const named = { name: "there", node: b.name };
      await a.run(async (self) => {
        const byPid = self.monitor(there.pid);
        const byName = self.monitor(named);
        await roundTrip(a, b);
        void inside(there, (me) => me.exit(reason)).catch(() => {});
        const downs = [await self.receive(), await self.receive()];
        expect(downs).toContainEqual(new Down(byPid, there.pid, reason));
        expect(downs).toContainEqual(new Down(byName, named, reason));
        await roundTrip(a, b);
        expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
      });
    }
  });

  test("without a target tells noproc, by pid and by name", async () => {
    const { a, b } = await two();
    const dead = puppet(b);
    await inside(dead, (self) => self.exit(reasons.normal)).catch(() => {});
    await a.run(async (self) => {
      for (const target of [dead.pid, { name: "nobody", node: b.name }]) {
        const ref = self.monitor(target);
        expect(await self.receive())
          .toEqual(new Down(ref, target, reasons.noproc));
      }
    });
  });

  test("by name stays with who had the name", async () => {
    const { a, b } = await two();
    const [first, second] = [puppet(b, { name: "it" }), puppet(b)];
    await a.run(async (self) => {
      const target = { name: "it", node: b.name };
      const ref = self.monitor(target);
      const taken = self.monitor(target);
      await roundTrip(a, b);
      await inside(second, (me) => {
        me.unregister("it");
        me.register("it");
      });
      // It is found although the name has moved on.
      expect(self.demonitor(taken)).toBe(true);
      await roundTrip(a, b);
      expect((await holdings(b)).watchers).toBe(1);
      void inside(first, (me) => me.exit("first")).catch(() => {});
      expect(await self.receive()).toEqual(new Down(ref, target, "first"));
    });
    expect((await holdings(a, b)).watchers).toBe(0);
  });

  test("ends at demonitor, with any signal on its way", async () => {
    const { a, b } = await two();
    await a.run(async (self) => {
      for (let i = 0; i < 100; i++) {
        const there = puppet(b);
        const ref = self.monitor(there.pid);
        if (i % 3 === 0) await roundTrip(a, b);
        const dying = inside(there, (me) => me.exit("x")).catch(() => {});
        if (i % 2 === 0) await dying;
        const wasActive = self.demonitor(ref);
        await dying;
        await roundTrip(a, b);
        const left = await self.receive({ timeoutMs: 0 });
        if (wasActive) expect(left).toBeUndefined();
        else expect(left).toEqual(new Down(ref, there.pid, "x"));
      }
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("goes with its watcher", async () => {
    const { a, b } = await two();
    const there = puppet(b, { name: "there" });
    const here = puppet(a);
    await inside(here, (self) => {
      self.monitor(there.pid);
      self.monitor({ name: "there", node: b.name });
    });
    await roundTrip(a, b);
    expect(await holdings(b)).toMatchObject({ watchers: 2 });
    await inside(here, (self) => self.exit("x")).catch(() => {});
    await roundTrip(a, b);
    expect(await holdings(b)).toMatchObject({ watchers: 0 });
  });
});

describe("an exit signal to another node", () => {
  test("follows the table: kill, normal, trapped and not", async () => {
    const { a, b } = await two();
    await a.run(async (self) => {
      for (const traps of [true, false]) {
        for (const reason of [reasons.kill, reasons.normal, "x"]) {
          const there = puppet(b, { trapExits: traps });
          const ref = self.monitor(there.pid);
          self.sendExit(there.pid, reason);
          await roundTrip(a, b);
          const isIgnored = reason === reasons.normal && !traps;
          const isMessage = traps && reason !== reasons.kill;
          const down = await self.receive({ timeoutMs: 0 });
          if (isIgnored || isMessage) {
            expect(down).toBeUndefined();
            expect(await contents(there))
              .toEqual(isMessage ? [new Exit(self.pid, reason)] : []);
          } else {
            const seen = reason === reasons.kill ? reasons.killed : reason;
            expect(down).toEqual(new Down(ref, there.pid, seen));
          }
        }
      }
    });
  });

  test("takes errors as reasons, and what no codec can take", async () => {
    const { a, b, cluster } = await two();
    await a.run(async (self) => {
      const there = puppet(b);
      self.monitor(there.pid);
      await roundTrip(a, b);
      const error = new TypeError("bad argument", { cause: "whatever" });
      await inside(there, () => {
        throw error;
      }).catch(() => {});
      const { reason } = await self.receive() as Down;
      expect(reason).toBeInstanceOf(Error);
      expect(reason).toMatchObject({
        name: "TypeError",
        message: "bad argument",
      });
      expect((reason as Error).stack).toBe(error.stack);

      // The end is told even if the reason cannot be.
      const odd = puppet(b);
      self.monitor(odd.pid);
      await roundTrip(a, b);
      void inside(odd, (me) => me.exit({ callback: () => {} })).catch(() => {});
      expect((await self.receive() as Down).target).toBe(odd.pid);
    });
    expect(a.nodes()).toEqual([b.name]);
    expect(cluster.records.filter(({ category }) => category === "net"))
      .toEqual([expect.objectContaining({ level: "warning" })]);
  });
});
