/** Process groups as programs use them, on one node and on several. */
import { describe, expect, test } from "vitest";
import {
  Down,
  type GroupJoin,
  type GroupLeave,
  pg,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { coreOf, holdingsOf, lone, park, poll } from "../../helpers/actors.ts";
import {
  inside,
  type Puppet,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

type Event = GroupJoin | GroupLeave;

/** The events that an actor has received, as texts. */
async function told(one: Puppet): Promise<string[]> {
  const words: string[] = [];
  await inside(one, async (self: Self) => {
    for (;;) {
      const event = await poll(self) as Event | Down | undefined;
      if (event === undefined) return;
      words.push(
        event instanceof Down
          ? "down"
          : `${event.type} ${String(event.group)} ${event.pids.length}`,
      );
    }
  });
  return words;
}

describe("pg on one node", () => {
  test("starts with its first use", async () => {
    const { node } = await lone();
    expect(node.whereis("pg")).toBe(null);
    expect(pg.members(node, "g")).toEqual([]);
    const scope = node.whereis("pg");
    expect(scope).not.toBe(null);
    expect(pg.start(node)).toBe(scope);
    expect(pg.stop(node)).toBe(true);
    expect([pg.stop(node), node.whereis("pg")]).toEqual([false, null]);
    // No state of it is left, and it can be used again.
    pg.join(node, "g", node.spawn(park));
    expect(pg.members(node, "g")).toHaveLength(1);
  });

  test("other scopes run once they are started, independent of each other", async () => {
    const { node } = await lone();
    const rooms = pg.scope("rooms");
    const own = node.spawn(park);
    expect(rooms.members(node, "g")).toEqual([]);
    expect(rooms.whichGroups(node)).toEqual([]);
    for (
      const act of [
        () => rooms.join(node, "g", own),
        () => rooms.leave(node, "g", own),
      ]
    ) expect(act).toThrow(/expected the scope "rooms" to run on/);
    expect(node.whereis("rooms")).toBe(null);
    rooms.start(node);
    rooms.join(node, "g", [own, own]);
    pg.join(node, "g", own);
    expect(pg.scope("rooms").members(node, "g")).toEqual([own, own]);
    expect(pg.members(node, "g")).toEqual([own]);
    expect(rooms.whichLocalGroups(node)).toEqual(["g"]);
    expect(() => pg.scope("rex").start(node)).toThrow(UsageError);
    expect(pg.scope("rex").stop(node)).toBe(false);
  });

  test("refuses pids that are no actors of its node, and changes nothing", async () => {
    const { a, b } = await two();
    const [here, there] = [a.spawn(park), b.spawn(park)];
    for (const pids of [there, [here, there], "g", [null]] as Pid[]) {
      expect(() => pg.join(a, "g", pids)).toThrow(/expected pids of a@test/);
      expect(() => pg.leave(a, "g", pids)).toThrow(UsageError);
    }
    expect(pg.whichGroups(a)).toEqual([]);
    for (const at of [null, {}, "a@test"]) {
      expect(() => pg.members(at as never, "g")).toThrow(UsageError);
    }
    expect(() => pg.monitor(a as never, "g")).toThrow(/node\.run/);
  });

  test("does not add ended actors, and drops one that ends before another turn", async () => {
    const { node } = await lone();
    const one = puppet(node);
    pg.join(node, "g", [one.pid, one.pid]);
    await inside(one, (self) => {
      self.sendExit(self.pid, reasons.kill);
      expect(pg.members(node, "g")).toEqual([]);
    });
    pg.join(node, "g", one.pid);
    expect(pg.whichGroups(node)).toEqual([]);
    expect(pg.leave(node, "g", one.pid)).toBe(false);
  });

  test("the list that was passed may be changed afterwards", async () => {
    const { node } = await lone();
    const watcher = puppet(node);
    await inside(watcher, (self) => void pg.monitorScope(self));
    const pids = [node.spawn(park)];
    pg.join(node, "g", pids);
    pids.push(node.spawn(park));
    expect(pg.members(node, "g")).toHaveLength(1);
    expect(await told(watcher)).toEqual(["groupjoin g 1"]);
  });

  test("leaving and ending at the same time is leaving once", async () => {
    const { node } = await lone();
    const watcher = puppet(node);
    await inside(watcher, (self) => void pg.monitorScope(self));
    for (let i = 0; i < 100; i++) {
      const one = puppet(node);
      pg.join(node, i, one.pid);
      void inside(one, (self) => self.exit(reasons.normal)).catch(() => {});
      if (i % 2 === 0) pg.leave(node, i, one.pid);
    }
    await waitFor(() => pg.whichGroups(node).length === 0, { what: "ends" });
    const events = await told(watcher);
    expect(events.filter((event) => event.startsWith("groupleave")))
      .toHaveLength(100);
  });
});

describe("monitors of groups", () => {
  test("begin with the present members, and report later changes without a gap", async () => {
    const { node } = await lone();
    const [own, watcher] = [node.spawn(park), puppet(node)];
    pg.join(node, "g", own);
    const one = await inside(watcher, (self) => {
      const monitor = pg.monitor(self, "g");
      pg.join(node, "g", [own, own]);
      return monitor;
    });
    expect(one.members).toEqual([own]);
    const all = await inside(watcher, (self) => pg.monitorScope(self));
    expect(all.groups).toEqual([{ group: "g", members: [own, own, own] }]);
    pg.join(node, "h", own);
    pg.leave(node, "g", own);
    expect(await told(watcher)).toEqual([
      "groupjoin g 2",
      "groupjoin h 1",
      "groupleave g 1",
      "groupleave g 1",
    ]);
  });

  test("end with their events in the mailbox, and only by their owner", async () => {
    const { node } = await lone();
    const [own, watcher, other] = [
      node.spawn(park),
      puppet(node),
      puppet(node),
    ];
    const { ref } = await inside(watcher, (self) => pg.monitor(self, "g"));
    const kept = await inside(watcher, (self) => pg.monitor(self, "g"));
    pg.join(node, "g", own);
    expect(await inside(other, (self) => pg.demonitor(self, ref))).toBe(false);
    await inside(watcher, (self) => {
      expect(pg.scope("rooms").demonitor(self, ref)).toBe(false);
      expect(pg.demonitor(self, ref)).toBe(true);
      expect(pg.demonitor(self, ref)).toBe(false);
    });
    pg.leave(node, "g", own);
    expect(await told(watcher)).toEqual(["groupjoin g 1", "groupleave g 1"]);
    expect(await inside(watcher, (self) => pg.demonitor(self, kept.ref)))
      .toBe(true);
    expect(holdingsOf(await coreOf(node))).toMatchObject({ monitors: 0 });
  });

  test("an owner may be a member too, and may end", async () => {
    const { node } = await lone();
    const [one, own] = [puppet(node), node.spawn(park)];
    await inside(one, (self) => {
      pg.monitor(self, "g");
      pg.monitorScope(self);
      pg.join(self, "g", self.pid);
    });
    expect(pg.members(node, "g")).toEqual([one.pid]);
    void inside(one, (self) => self.exit(reasons.normal)).catch(() => {});
    await waitFor(() => !node.isAlive(one.pid), { what: "the end" });
    expect(pg.whichGroups(node)).toEqual([]);
    pg.join(node, "g", own);
    pg.leave(node, "g", own);
    expect(holdingsOf(await coreOf(node)))
      .toMatchObject({ monitors: 0, watchers: 0 });
  });

  test("end with the scope, by a Down", async () => {
    const { node } = await lone();
    const [own, watcher] = [node.spawn(park), puppet(node)];
    const watch = () => inside(watcher, (self) => void pg.monitor(self, "g"));
    await watch();
    pg.join(node, "g", own);
    const scope = pg.start(node);
    await node.run((self) => self.sendExit(scope, reasons.kill));
    // The scope starts again without its members.
    expect(pg.start(node)).not.toBe(scope);
    expect(pg.members(node, "g")).toEqual([]);
    pg.join(node, "g", own);
    expect(await told(watcher)).toEqual(["groupjoin g 1", "down"]);
    await watch();
    pg.stop(node);
    expect(await told(watcher)).toEqual(["down"]);
  });

  test("a full mailbox loses events, and other mailboxes do not", async () => {
    const { node } = await lone();
    const own = node.spawn(park);
    const full = node.spawn(async (self: Self) => {
      pg.monitor(self, "g");
      await self.receive((message) => message === "never");
    }, { mailbox: { limit: 1 } });
    const watcher = puppet(node);
    await inside(watcher, (self) => void pg.monitor(self, "g"));
    await waitFor(() => node.info(full)?.status === "waiting", { what: "it" });
    for (let i = 0; i < 3; i++) pg.join(node, "g", own);
    expect(await told(watcher)).toHaveLength(3);
    expect(node.info(full)?.mailboxLength).toBe(1);
  });
});

describe("pg on several nodes", () => {
  const both = async (
    begin: (node: RunningNode) => void = (node) => void pg.start(node),
  ) => {
    const cluster = await two();
    const { a, b } = cluster;
    for (const node of [a, b]) begin(node);
    await roundTrip(a, b);
    await roundTrip(b, a);
    return cluster;
  };

  test("a scope that starts later learns the members from before", async () => {
    const { a, b } = await two();
    const own = a.spawn(park);
    pg.join(a, "g", [own, own]);
    expect(pg.members(b, "g")).toEqual([]);
    await waitFor(() => pg.members(b, "g").length === 2, { what: "a's" });
    expect(pg.members(b, "g")).toEqual([own, own]);
    expect(pg.localMembers(b, "g")).toEqual([]);
    expect([pg.whichGroups(b), pg.whichLocalGroups(b)]).toEqual([["g"], []]);
  });

  test("16 joins and 4 leaves of one make 12", async () => {
    const { a, b } = await both();
    const own = a.spawn(park);
    pg.join(a, "g", Array<Pid>(16).fill(own));
    for (let i = 0; i < 4; i++) pg.leave(a, "g", own);
    await waitFor(() => pg.members(b, "g").length === 12, { what: "12" });
    pg.leave(a, "g", Array<Pid>(12).fill(own));
    await waitFor(() => pg.whichGroups(b).length === 0, { what: "the end" });
  });

  test("10,000 groups and many syncs hold up no join", async () => {
    const { a, b, cluster } = await both();
    const own = a.spawn(park);
    for (let i = 0; i < 10_000; i++) pg.join(a, i, own);
    const scope = pg.start(b);
    const discover = (await import("../../../runtime/kernel/groups/pg_wire.ts"))
      .toWire({
        type: "discover",
        from: scope,
      });
    for (let i = 0; i < 5; i++) {
      b.send({ name: "pg", node: a.name }, discover);
    }
    pg.join(a, "late", own);
    expect(pg.members(a, "late")).toEqual([own]);
    await waitFor(() => pg.whichGroups(b).length === 10_001, { what: "all" });
    cluster.cutAll();
    await waitFor(() => pg.whichGroups(b).length === 0, { what: "the cut" });
    expect(pg.whichGroups(a)).toHaveLength(10_001);
  });

  test("the members of a lost node leave before its NodeDown", async () => {
    const { a, b, cluster } = await both();
    const events: string[] = [];
    b.onNodeEvent(({ type }) =>
      events.push(`${type} ${pg.members(b, "g").length}`)
    );
    pg.join(a, "g", a.spawn(park));
    await waitFor(() => pg.members(b, "g").length === 1, { what: "a's" });
    cluster.cutAll();
    await waitFor(() => events.length === 1, { what: "the nodedown" });
    expect(events).toEqual(["nodedown 0"]);
  });

  test("a scope of one name on one node only has its own members", async () => {
    const { a, b } = await both();
    const rooms = pg.scope("rooms");
    rooms.start(a);
    rooms.join(a, "g", a.spawn(park));
    await roundTrip(a, b);
    expect(rooms.members(b, "g")).toEqual([]);
    rooms.start(b);
    await waitFor(() => rooms.members(b, "g").length === 1, { what: "a's" });
    expect(pg.members(b, "g")).toEqual([]);
  });
});
