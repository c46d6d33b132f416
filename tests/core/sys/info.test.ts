/** What can be known of actors: whether they live, figures, names. */
import { describe, expect, test } from "vitest";
import {
  Down,
  handler,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { lone, obedient, park } from "../../helpers/actors.ts";
import { inside, puppet, roundTrip, two } from "../../helpers/clusters.ts";

describe("isActorAlive", () => {
  test("is false from the very end on, when all is given back", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { pid, ref } = self.spawnMonitor(park, { name: "mortal" });
      expect(self.isActorAlive(pid)).toBe(true);
      expect(node.isAlive(pid)).toBe(true);
      self.sendExit(pid, reasons.kill);
      expect(self.isActorAlive(pid)).toBe(false);
      expect(node.isAlive(pid)).toBe(false);
      // Before the Down is read.
      expect(self.whereis("mortal")).toBeNull();
      expect(self.registered()).not.toContain("mortal");
      expect(await self.receive())
        .toEqual(new Down(ref, pid, reasons.killed));
      expect(self.isActorAlive(self.pid)).toBe(true);
    });
  });

  test("is for actors of this node, of any incarnation", async () => {
    const { a, b } = await two();
    const there = puppet(b);
    await a.run((self) => {
      expect(() => self.isActorAlive(there.pid)).toThrow(UsageError);
      expect(() => self.isActorAlive(there.pid)).toThrow("monitor");
      expect(self.info(there.pid)).toBeNull();
    });
    expect(() => a.isAlive(there.pid)).toThrow(UsageError);
    expect(b.isAlive(there.pid)).toBe(true);
  });
});

describe("info", () => {
  test("names the behaviour and who spawned it", async () => {
    const { node } = await lone();
    await node.run((self: Self<unknown>) => {
      async function waits(me: Self): Promise<void> {
        await me.receive();
      }
      function adds(total: number, n: number): number {
        return total + n;
      }
      const rows = [
        [self.spawn(waits), "waits", "function"],
        [self.spawn(handler(0, adds)), "adds", "handler"],
        [self.spawn(handler(0, (n: number) => n)), "", "handler"],
        [self.spawnLink(waits), "waits", "function"],
        [self.spawnMonitor(waits).pid, "waits", "function"],
      ] as const;
      for (const [pid, behaviour, kind] of rows) {
        expect(self.info(pid as Pid))
          .toMatchObject({ behaviour, kind, parent: self.pid });
      }
      expect(self.info()?.parent).toBeNull();
      expect(self.info(node.spawn(waits) as Pid)?.parent).toBeNull();
    });
  });

  test("keeps the parent's pid when the parent has ended", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { pid: parent } = self.spawnMonitor((me: Self) => {
        me.send(self.pid, me.spawn(park) as Pid);
      });
      const child = await self.receive() as Pid;
      await self.receive();
      expect(self.isActorAlive(parent)).toBe(false);
      expect(self.info(child)?.parent).toBe(parent);
    });
  });

  test("knows the parent of a spawn from another node", async () => {
    const { a, b } = await two({ exports: { parks: () => park } });
    const parent = puppet(a);
    const { pid } = await inside(
      parent,
      (self) => self.spawnOn(b.name, "parks"),
    );
    expect(b.info(pid)?.parent).toBe(parent.pid);
    const own = await inside(parent, (self) => self.spawnOn(a.name, "parks"));
    expect(a.info(own.pid)?.parent).toBe(parent.pid);
  });

  test("counts what an actor has taken, and its label can change", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const pid = self.spawn(obedient, { label: "first" }) as Pid<unknown>;
      expect(self.info(pid)).toMatchObject({ label: "first", reductions: 0 });
      for (let i = 0; i < 3; i++) {
        self.send(pid, (me: Self) => {
          me.label = `label ${i}`;
          me.send(self.pid, i);
        });
        await self.receive();
      }
      expect(self.info(pid)).toMatchObject({ label: "label 2", reductions: 3 });
    });
  });
});

test("hibernate loses no message, and the actor wakes as ever", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    for (let n = 0; n < 1_000; n++) self.send(self.pid, n);
    self.hibernate();
    expect(self.info()?.mailboxLength).toBe(1_000);
    for (let n = 0; n < 1_000; n++) expect(await self.receive()).toBe(n);
    self.hibernate();
    self.sendAfter(1, self.pid, "awake");
    expect(await self.receive()).toBe("awake");
    self.hibernate();
    self.send(self.pid, "again");
    expect(await self.receive()).toBe("again");
  });
});

test("registered lists the names of the node, as they come and go", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const before = self.registered().toSorted();
    expect(before).toEqual(node.registered().toSorted());
    self.register("one");
    const { pid, ref } = self.spawnMonitor(park, { name: "two" });
    expect(self.registered().toSorted())
      .toEqual([...before, "one", "two"].toSorted());
    self.unregister("one");
    self.sendExit(pid, "x");
    await self.receive(ref);
    expect(self.registered().toSorted()).toEqual(before);
  });
});

test("a spawner's link and monitor are in force before the actor runs", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    self.trapExits = true;
    for (const end of [() => {}, () => self.exit("x")]) {
      let ran = false;
      const pid = self.spawn(() => {
        ran = true;
        end();
      });
      self.link(pid);
      const refs = [self.monitor(pid), self.monitor(pid)];
      expect(ran).toBe(false);
      const seen = new Set<unknown>();
      for (let i = 0; i < 3; i++) {
        const message = await self.receive();
        seen.add(message instanceof Down ? message.ref : "EXIT");
      }
      expect(ran).toBe(true);
      expect(seen).toEqual(new Set([...refs, "EXIT"]));
    }
  });
});

describe("a ref", () => {
  test("is unique, and works as a key, here and when it has travelled", async () => {
    const { a, b } = await two();
    const echo = b.spawn(
      async (me: Self<{ to: Pid<unknown>; ref: unknown }>) => {
        for (;;) {
          const { to, ref } = await me.receive();
          me.send(to, ref);
        }
      },
    );
    await a.run(async (self: Self<unknown>) => {
      const refs = Array.from({ length: 1_000 }, () => self.makeRef());
      const places = new Map(refs.map((ref, i) => [ref, i]));
      expect(places.size).toBe(refs.length);
      expect(new Set(refs.map(String)).size).toBe(refs.length);
      for (const [i, ref] of refs.slice(0, 20).entries()) {
        self.send(echo, { to: self.pid, ref });
        expect(places.get(await self.receive() as never)).toBe(i);
        expect(ref.equals(refs[i])).toBe(true);
        expect(ref.equals(refs[i + 1])).toBe(false);
      }
    });
    await roundTrip(a, b);
  });

  test("of one incarnation of a node is none of another", async () => {
    const nodes = await Promise.all([lone(), lone()]);
    const [one, other] = await Promise.all(
      nodes.map(({ node }) => node.run((self) => self.makeRef())),
    );
    expect(one!.node).toBe(other!.node);
    expect(one!.creation).not.toBe(other!.creation);
    expect(one!.equals(other)).toBe(false);
  });
});
