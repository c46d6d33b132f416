/** `pg2` as programs use it, on one node and on several. */
import { describe, expect, onTestFinished, test } from "vitest";
import {
  global,
  handler,
  pg2,
  Pg2Error,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import { simulate, testCluster } from "../../../std/testing/mod.ts";
import { lone, park } from "../../helpers/actors.ts";
import { inside, puppet, two } from "../../helpers/clusters.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";
import { join, register } from "../global/cluster.ts";

const noGroup = { name: "Pg2Error", reason: "no_such_group" };

/** Two nodes that know each other's groups. */
async function pair() {
  const { a, b, cluster } = await two();
  for (const node of [a, b]) pg2.start(node);
  await pg2.create(a, "met");
  await waitFor(() => pg2.whichGroups(b).includes("met"), {
    what: "the group",
  });
  await pg2.delete(a, "met");
  return { a, b, cluster };
}

function see(
  nodes: readonly RunningNode[],
  group: unknown,
  members: readonly Pid[],
): void {
  const key = (pids: readonly Pid[]) =>
    pids.map((pid) => `${pid.node} ${pid.id}.${pid.serial}`).sort();
  for (const node of nodes) {
    expect(key(pg2.getMembers(node, group)), node.name).toEqual(key(members));
    const local = members.filter((pid) => pid.node === node.name);
    expect(key(pg2.getLocalMembers(node, group))).toEqual(key(local));
    if (members.length === 0) {
      expect(() => pg2.getClosestPid(node, group)).toThrow(/a member/);
      continue;
    }
    const closest = pg2.getClosestPid(node, group);
    expect(local.length > 0 ? local : members).toContain(closest);
  }
}

describe("pg2 on one node", () => {
  test("missing groups, empty groups, and groups with members", async () => {
    const { node } = await lone();
    const own = node.spawn(park);
    expect(node.whereis("pg2")).toBe(null);
    expect(pg2.whichGroups(node)).toEqual([]);
    expect(node.whereis("pg2")).not.toBe(null);
    for (
      const look of ["getMembers", "getLocalMembers", "getClosestPid"] as const
    ) {
      expect(() => pg2[look](node, "g")).toThrow(Pg2Error);
      expect(() => pg2[look](node, "g")).toThrow(/create it first/);
    }
    for (const act of ["join", "leave"] as const) {
      await expect(pg2[act](node, "g", own)).rejects.toMatchObject(noGroup);
    }
    await pg2.delete(node, "g");
    await pg2.create(node, "g");
    await pg2.create(node, "g");
    see([node], "g", []);
    await pg2.join(node, "g", own);
    await pg2.join(node, "g", own);
    see([node], "g", [own, own]);
    await pg2.leave(node, "g", node.spawn(park));
    await pg2.leave(node, "g", own);
    see([node], "g", [own]);
    await pg2.delete(node, "g");
    expect(pg2.whichGroups(node)).toEqual([]);
  });

  test("ended members are removed, also those that had left before", async () => {
    const { node } = await lone();
    const [one, other] = [puppet(node), puppet(node)];
    await pg2.create(node, "g");
    for (let i = 0; i < 3; i++) await pg2.join(node, "g", one.pid);
    await pg2.join(node, "g", other.pid);
    await pg2.leave(node, "g", other.pid);
    await pg2.leave(node, "g", other.pid);
    for (const { pid } of [one, other]) {
      await node.run((self) => self.sendExit(pid, reasons.kill));
    }
    see([node], "g", []);
    await pg2.join(node, "g", one.pid);
    see([node], "g", []);
  });

  test("refuses handler actors, which cannot wait", async () => {
    const { node } = await lone();
    const [own, asked] = [node.spawn(park), puppet(node)];
    await inside(asked, async (self) => {
      await pg2.create(self, "g");
      await pg2.join(self, "g", own);
    });
    see([node], "g", [own]);
    const refused = new Promise((resolve) =>
      node.spawn(handler((self) => {
        pg2.delete(self as Self, "g").catch(resolve);
        return 0;
      }, (n: number) => n))
    );
    expect(await refused).toBeInstanceOf(UsageError);
    await expect(pg2.join(node, "g", "me" as never)).rejects.toThrow(
      UsageError,
    );
    see([node], "g", [own]);
  });

  test("a killed server starts again without groups", async () => {
    const { node } = await lone();
    await pg2.create(node, "g");
    const server = node.whereis("pg2") as Pid;
    await node.run((self) => self.sendExit(server, reasons.kill));
    expect(node.whereis("pg2")).not.toBe(server);
    expect(pg2.whichGroups(node)).toEqual([]);
    await pg2.create(node, "h");
    expect(pg2.whichGroups(node)).toEqual(["h"]);
  });
});

describe("pg2 on several nodes", () => {
  test("a change is on all nodes when it has been waited for", async () => {
    const { a, b } = await pair();
    const [here, there] = [a.spawn(park), b.spawn(park)];
    await pg2.create(a, "g");
    see([a, b], "g", []);
    await pg2.join(a, "g", here);
    await pg2.join(a, "g", here);
    see([a, b], "g", [here, here]);
    // By a node other than the actor's own.
    await pg2.join(a, "g", there);
    await pg2.join(b, "g", here);
    see([a, b], "g", [here, here, here, there]);
    await pg2.leave(b, "g", here);
    await pg2.leave(a, "g", there);
    see([a, b], "g", [here, here]);
    await pg2.delete(b, "g");
    expect([pg2.whichGroups(a), pg2.whichGroups(b)]).toEqual([[], []]);
    await expect(pg2.join(a, "g", here)).rejects.toMatchObject(noGroup);
  });

  test("a node that starts later learns groups and counts", async () => {
    const { a, b } = await two();
    const own = a.spawn(park);
    for (const group of ["g", "empty", "gone"]) await pg2.create(a, group);
    await pg2.delete(a, "gone");
    await pg2.join(a, "g", own);
    await pg2.join(a, "g", own);
    pg2.start(b);
    await waitFor(() => pg2.whichGroups(b).length === 2, { what: "groups" });
    await waitFor(() => pg2.getMembers(b, "g").length === 2, { what: "them" });
    see([a, b], "g", [own, own]);
    see([a, b], "empty", []);
  });

  test("an actor whose node takes no part cannot join, by an error", async () => {
    const { a, b } = await two();
    const there = b.spawn(park);
    await pg2.create(a, "g");
    await expect(pg2.join(a, "g", there)).rejects.toMatchObject({
      name: "CallError",
      reason: reasons.noproc,
    });
    see([a], "g", []);
    pg2.start(b);
    await waitFor(() => pg2.whichGroups(b).length === 1, { what: "groups" });
    await pg2.join(a, "g", there);
    see([a, b], "g", [there]);
  });

  test("an actor of a missing node is not added, and no caller waits", async () => {
    const { a, b, cluster } = await pair();
    const there = b.spawn(park);
    await pg2.create(a, "g");
    cluster.cutAll();
    await waitFor(() => a.nodes().length === 0, { what: "the cut" });
    await pg2.join(a, "g", there);
    see([a], "g", []);
  });

  test("two joins of two actors on each side of a partition are eight members", async () => {
    const names = ["a@test", "b@test", "c@test", "d@test"];
    const cluster = await testCluster(names, { global: false });
    onTestFinished(() => cluster.stop());
    const { nodes } = cluster;
    for (const node of nodes) pg2.start(node);
    await pg2.create(nodes[0] as RunningNode, "g");
    const all = () =>
      waitFor(
        () => nodes.every((node) => pg2.whichGroups(node).includes("g")),
        { what: "the group" },
      );
    await all();
    const [one, , three] = nodes as [RunningNode, RunningNode, RunningNode];
    for (const node of [one, nodes[1]!]) {
      for (const peer of names.slice(2)) node.disconnect(peer);
    }
    await waitFor(() => three.nodes().length === 1, { what: "the partition" });
    const members: Pid[] = [];
    for (const node of nodes) {
      const pid = node.spawn(park);
      members.push(pid, pid);
      await pg2.join(node, "g", pid);
      await pg2.join(node, "g", pid);
    }
    expect(pg2.getMembers(one, "g")).toHaveLength(4);
    for (const node of [one, nodes[1]!]) {
      for (const peer of names.slice(2)) await node.connect(peer);
    }
    await waitFor(
      () => nodes.every((node) => pg2.getMembers(node, "g").length === 8),
      { what: "all eight everywhere" },
    );
    see(nodes, "g", members);
  });

  test("a member that a resolver of global ends is removed on all nodes", async () => {
    await simulateSeeds({ count: 3 }, async (sim) => {
      const all: RunningNode[] = [];
      for (const name of ["a@sim", "b@sim", "c@sim"]) {
        all.push(await sim.start(name));
      }
      await join(sim, all);
      const [a, b] = all as [RunningNode, RunningNode];
      for (const node of all) pg2.start(node);
      await pg2.create(a, "g");
      // The servers may not know each other yet.
      await sim.until(
        () => all.every((node) => pg2.whichGroups(node).includes("g")),
        { what: "the group to be everywhere" },
      );
      sim.partition([a.name], ["b@sim", "c@sim"]);
      await sim.until(
        () => a.nodes().length === 0 && b.nodes().length === 1,
        { what: "the cut" },
      );
      for (const node of [a, b]) {
        const pid = node.spawn(park) as Pid;
        expect(await register(node, "name", pid)).toBe(true);
        await pg2.join(node, "g", pid);
        await pg2.join(node, "g", pid);
      }
      sim.heal();
      await join(sim, all);
      const winner = global.whereisName(a, "name") as Pid;
      await sim.until(
        () => all.every((node) => pg2.getMembers(node, "g").length === 2),
        { what: "the loser to be gone" },
      );
      for (const node of all) {
        for (const { node: on, id } of pg2.getMembers(node, "g")) {
          expect([on, id], node.name).toEqual([winner.node, winner.id]);
        }
      }
    });
  });

  test("the closest member is not on a silent node", async () => {
    await simulate({ seed: 1 }, async (sim) => {
      const names = ["a@sim", "b@sim", "c@sim"];
      for (const name of names) pg2.start(await sim.start(name));
      const [a, b, c] = names.map((name) => sim.node(name)) as [
        RunningNode,
        RunningNode,
        RunningNode,
      ];
      for (const peer of ["b@sim", "c@sim"]) await a.connect(peer);
      await pg2.create(a, "g");
      await sim.until(() => sim.isQuiet, { what: "quiet" });
      const [far, silent] = [b.spawn(park), c.spawn(park)];
      void pg2.join(b, "g", far);
      void pg2.join(c, "g", silent);
      await sim.until(() => pg2.getMembers(a, "g").length === 2, {
        what: "both",
      });
      const seen = () =>
        new Set(Array.from({ length: 30 }, () => pg2.getClosestPid(a, "g")));
      expect(seen().size).toBe(2);
      sim.pause("c@sim");
      await sim.advance(5_000);
      expect([...seen()].map(({ node }) => node)).toEqual(["b@sim"]);
      b.disconnect("a@sim");
      await sim.advance(100);
      expect([...seen()].map(({ node }) => node)).toEqual(["c@sim"]);
      sim.resume("c@sim");
      await a.connect("b@sim");
      await sim.until(() => pg2.getMembers(a, "g").length === 2, {
        what: "both again",
      });
      await sim.advance(2_000);
      expect(seen().size).toBe(2);
      // A node that was lost and came back is trusted again.
      sim.pause("c@sim");
      await sim.until(() => a.nodes().length === 1, { what: "the loss of c" });
      sim.resume("c@sim");
      await sim.advance(2_000);
      await a.connect("c@sim");
      await sim.until(() => pg2.getMembers(a, "g").length === 2, {
        what: "both once more",
      });
      expect(seen().size).toBe(2);
    });
  });
});
