/** Group leaders: inherited, and set from outside, here and on another node. */
import { describe, expect, test } from "vitest";
import { type Pid, type Self, UsageError } from "../../../runtime/mod.ts";
import { lone, obedient, park } from "../../helpers/actors.ts";
import { inside, puppet, roundTrip, two } from "../../helpers/clusters.ts";
import { fakeNode } from "../../helpers/fake_host.ts";

describe("a group leader", () => {
  test("is the actor itself without a parent, and then inherited", () => {
    // A bare node: the kernel makes `user` the leader of such actors.
    const { node } = fakeNode();
    const first = node.spawnActor(park, {}, null);
    expect(first.groupLeader).toBe(first.pid);
    const child = node.localActor(first.spawn(park) as Pid);
    expect(child?.groupLeader).toBe(first.pid);
  });

  test("is `user` without a parent, and then inherited", async () => {
    const { node } = await lone();
    const user = node.whereis("user");
    await node.run((self: Self<unknown>) => {
      expect(self.groupLeader).toBe(user);
      const child = self.spawn(obedient);
      const leader = self.spawn(park) as Pid;
      expect(self.info(child as Pid)?.groupLeader).toBe(user);
      self.groupLeader = leader;
      const later = self.spawn(park);
      expect(self.info(later as Pid)?.groupLeader).toBe(leader);
      expect(self.info(child as Pid)?.groupLeader).toBe(user);
    });
  });

  test("of another actor can be set, and its children have it", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const leader = self.spawn(park) as Pid;
      const other = self.spawn(obedient) as Pid<unknown>;
      self.setGroupLeader(other, leader);
      self.send(other, (me: Self) => {
        const child = me.spawn(park) as Pid;
        me.send(self.pid, [me.groupLeader, me.info(child)?.groupLeader]);
      });
      expect(await self.receive()).toEqual([leader, leader]);
      self.setGroupLeader(self.pid, leader);
      expect(self.groupLeader).toBe(leader);
    });
  });

  test("is refused for an ended actor and for what is no pid", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { pid: dead } = self.spawnMonitor(() => {});
      await self.receive();
      const bad = [[dead, self.pid], ["x", self.pid], [self.pid, null]];
      for (const [of, leader] of bad) {
        expect(() => self.setGroupLeader(of as Pid, leader as Pid))
          .toThrow(UsageError);
      }
      // A leader that is dead or elsewhere is a leader all the same.
      self.setGroupLeader(self.pid, dead);
      expect(self.groupLeader).toBe(dead);
    });
  });

  test("can be set on another node, also to one of a third", async () => {
    const { a, b } = await two();
    const [there, dead] = [puppet(b), puppet(b)];
    void inside(dead, (self) => self.exit("x")).catch(() => {});
    await a.run(async (self: Self<unknown>) => {
      self.setGroupLeader(there.pid, self.pid);
      await roundTrip(a, b);
      expect(b.info(there.pid)?.groupLeader).toBe(self.pid);
      // It went out after all that was sent before, and so it is here.
      const order = await inside(there, (me) => {
        me.send(self.pid, "first");
        me.setGroupLeader(self.pid, there.pid);
        me.send(self.pid, "last");
        return "sent";
      });
      expect(order).toBe("sent");
      expect(await self.receive()).toBe("first");
      expect(await self.receive()).toBe("last");
      expect(self.groupLeader).toBe(there.pid);
      // Spawned over there: the leader goes along.
      b.export("parks", () => park);
      const { pid } = await self.spawnOn(b.name, "parks");
      expect(b.info(pid)?.groupLeader).toBe(there.pid);
      expect(b.info(pid)?.parent).toBe(self.pid);
      // To the dead it is lost.
      self.setGroupLeader(dead.pid, self.pid);
      await roundTrip(a, b);
      expect(a.nodes()).toEqual([b.name]);
    });
  });
});
