/**
 * Cases of monitors that have gone wrong elsewhere: names, sizes, leftovers.
 */
import { describe, expect, test } from "vitest";
import {
  Down,
  Exit,
  type NamedTarget,
  type Pid,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import {
  coreOf,
  drain,
  isDown,
  isExit,
  lone,
  obedient,
} from "../../helpers/actors.ts";
import {
  contents,
  inside,
  next,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

const { noproc, noconnection, normal } = reasons;

describe("a Down by name", () => {
  test("comes when the name is free, and it can be taken at once", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      for (let i = 0; i < 50; i++) {
        const pid = self.spawn(obedient, { name: "named" }) as Pid<unknown>;
        const ref = self.monitor("named");
        self.send(pid, (me: Self) => me.exit(`x${i}`));
        const target = { name: "named", node: self.node };
        expect(await self.receive()).toEqual(new Down(ref, target, `x${i}`));
        expect(self.whereis("named")).toBeNull();
        self.register("named");
        self.unregister("named");
      }
    });
  });

  test("comes to another node when the name is free there", async () => {
    const { a, b } = await two();
    await a.run(async (self: Self<unknown>) => {
      for (let i = 0; i < 20; i++) {
        const there = puppet(b, { name: "named" });
        const target = { name: "named", node: b.name };
        const ref = self.monitor(target);
        await roundTrip(a, b);
        void inside(there, (me) => me.exit(normal)).catch(() => {});
        expect(await self.receive()).toEqual(new Down(ref, target, normal));
        expect(b.whereis("named")).toBeNull();
      }
    });
  });

  test("of a node that is not there says noconnection, as pid and link do", async () => {
    const { a, b } = await two();
    const there = puppet(b);
    await a.run(async (self: Self<unknown>) => {
      const named: NamedTarget = { name: "anybody", node: "c@test" };
      const byName = self.monitor(named);
      expect(await self.receive())
        .toEqual(new Down(byName, named, noconnection));
      await b.stop();
      await waitFor(() => a.nodes().length === 0, { what: "the end of b" });
      const byPid = self.monitor(there.pid);
      expect(await self.receive())
        .toEqual(new Down(byPid, there.pid, noconnection));
      self.trapExits = true;
      self.link(there.pid);
      expect(await self.receive())
        .toEqual(new Exit(there.pid, noconnection));
      expect(await drain(self)).toEqual([]);
    });
    expect((await coreOf(a)).peers.size).toBe(0);
  });
});

test("a reason of a megabyte comes with Down and Exit, between nodes too", async () => {
  const { a, b } = await two();
  const reason = {
    text: "x".repeat(1_000_000),
    list: Array.from({ length: 20_000 }, (_, i) => ({ i })),
  };
  for (const node of [a, b]) {
    const here = puppet(a, { trapExits: true });
    const there = puppet(node);
    const ref = await inside(here, (self) => {
      self.link(there.pid);
      return self.monitor(there.pid);
    });
    await roundTrip(a, b);
    void inside(there, (self) => self.exit(reason)).catch(() => {});
    const exit = await next(here, isExit);
    expect(exit.reason).toEqual(reason);
    expect(await next(here, isDown))
      .toEqual(new Down(ref, there.pid, reason));
    expect(await contents(here)).toEqual([]);
  }
});

describe("the lists of info", () => {
  test("are empty when all is over, on both sides, near and far", async () => {
    const { a, b } = await two();
    for (const node of [a, b]) {
      const here = puppet(a, { trapExits: true });
      const there = puppet(node, { trapExits: true, name: "there" });
      const refs = await inside(here, (self) => {
        self.link(there.pid);
        return [
          ...Array.from({ length: 10 }, () => self.monitor(there.pid)),
          self.monitor({ name: "there", node: node.name }),
        ];
      });
      await roundTrip(a, b);
      const target = { name: "there", node: node.name };
      expect(a.info(here.pid)).toMatchObject({
        links: [there.pid],
        monitors: [...new Array(10).fill(there.pid), target],
      });
      expect(node.info(there.pid)).toMatchObject({
        links: [here.pid],
        monitoredBy: new Array(11).fill(here.pid),
      });
      await inside(here, (self) => {
        for (const ref of refs) expect(self.demonitor(ref)).toBe(true);
        self.unlink(there.pid);
      });
      await roundTrip(a, b);
      for (const [one, at] of [[here, a], [there, node]] as const) {
        expect(at.info(one.pid))
          .toMatchObject({ links: [], monitors: [], monitoredBy: [] });
      }
      // The same by the end of who is watched.
      await inside(here, (self) => {
        self.link(there.pid);
        for (let i = 0; i < 10; i++) self.monitor(there.pid);
      });
      void inside(there, (self) => self.exit("over")).catch(() => {});
      await roundTrip(a, b);
      expect(a.info(here.pid))
        .toMatchObject({ links: [], monitors: [], mailboxLength: 11 });
    }
  });
});

test("to monitor a pid that was never there says noproc", async () => {
  const { a, b } = await two();
  const there = puppet(b);
  void inside(there, (self) => self.exit(normal)).catch(() => {});
  await roundTrip(a, b);
  await a.run(async (self: Self<unknown>) => {
    const refs = [self.monitor(there.pid), self.monitor(there.pid)];
    for (const ref of refs) {
      expect(await self.receive()).toEqual(new Down(ref, there.pid, noproc));
    }
    expect(await drain(self)).toEqual([]);
  });
});
