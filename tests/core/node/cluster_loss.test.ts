/** Connections that are lost, nodes that come back, and who is told what. */
import { describe, expect, onTestFinished, test } from "vitest";
import {
  Down,
  Exit,
  type MemoryNetwork,
  memoryNetwork,
  NodeDown,
  type NodeEvent,
  NodeUp,
  type Pid,
  reasons,
  type RunningNode,
  type Self,
  SpawnError,
  start,
} from "../../../runtime/mod.ts";
import {
  coreOf,
  holdingsOf,
  isDown,
  isExit,
  park,
} from "../../helpers/actors.ts";
import {
  contents,
  holdings,
  inside,
  type Puppet,
  puppet,
  roundTrip,
  two,
} from "../../helpers/clusters.ts";
import { waitFor } from "../../helpers/wait.ts";

const { noconnection, noproc, kill, normal } = reasons;

/** A puppet that traps exits and watches the comings and goings of nodes. */
async function watcher(node: RunningNode): Promise<Puppet> {
  const one = puppet(node, { trapExits: true });
  await inside(one, (self) => self.monitorNodes());
  return one;
}

/** Waits until both have seen that the other is gone. */
async function apart(a: RunningNode, b: RunningNode): Promise<void> {
  await waitFor(() => a.nodes().length + b.nodes().length === 0, {
    what: "both nodes to be alone",
  });
}

describe("a connection that is cut", () => {
  test("breaks links and fires monitors once on both sides, then NodeDown", async () => {
    const { a, b, cluster } = await two();
    const [here, there] = [await watcher(a), await watcher(b)];
    const named = (one: Puppet) => ({
      name: "named",
      node: one.node.name,
    });
    const refs = new Map<Puppet, unknown[]>();
    for (const [one, other] of [[here, there], [there, here]] as const) {
      refs.set(
        one,
        await inside(one, (self) => {
          self.register("named");
          self.link(other.pid);
          return [self.monitor(other.pid), self.monitor(named(other))];
        }),
      );
    }
    await roundTrip(a, b);
    await roundTrip(b, a);
    expect(cluster.cutAll()).toBe(1);
    await apart(a, b);
    for (const [one, other] of [[here, there], [there, here]] as const) {
      const told = await contents(one);
      const [byPid, byName] = refs.get(one)!;
      expect(told).toHaveLength(4);
      expect(told.at(-1)).toEqual(
        new NodeDown(other.node.name, expect.stringContaining("cut") as never),
      );
      expect(told).toContainEqual(new Exit(other.pid, noconnection));
      expect(told.filter(isDown).map(({ ref }) => ref)).toEqual(
        expect.arrayContaining([byPid, byName]),
      );
      expect(told.filter(isDown).every((down) => down.reason === noconnection))
        .toBe(true);
    }
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
    for (const node of [a, b]) expect((await coreOf(node)).peers.size).toBe(0);
  });

  test("ends what does not trap exits, and stays cut until a node connects", async () => {
    const { a, b, cluster } = await two();
    const there = Array.from({ length: 5 }, () => puppet(b));
    const here = Array.from({ length: 5 }, () => puppet(a));
    // All actors are linked and monitor each other: the first to end has a lot
    // to tell, and none of it may make a new connection.
    for (const one of here) {
      await inside(one, (self) => {
        for (const other of there) {
          self.link(other.pid);
          self.monitor(other.pid);
        }
      });
    }
    await roundTrip(a, b);
    cluster.cutAll();
    await waitFor(
      () => [...here, ...there].every(({ pid }) => pid.target === null),
      { what: "all of them to end" },
    );
    await apart(a, b);
    // What would connect needs a few turns of the event loop.
    await a.run(async (self) => {
      for (let i = 0; i < 10; i++) {
        self.sendAfter(1, self.pid, "tick");
        await self.receive();
      }
    });
    expect([a.nodes(), b.nodes()]).toEqual([[], []]);
    await roundTrip(a, b);
    expect([a.nodes(), b.nodes()]).toEqual([[b.name], [a.name]]);
  });

  test("leaves links and monitors to others as they are", async () => {
    const { a, b, cluster } = await two();
    const [local, remote] = [puppet(a), puppet(b)];
    const here = puppet(a, { trapExits: true });
    await inside(here, (self) => {
      self.link(local.pid);
      self.monitor(local.pid);
      self.link(remote.pid);
    });
    await roundTrip(a, b);
    cluster.cutAll();
    await apart(a, b);
    expect(await contents(here)).toEqual([new Exit(remote.pid, noconnection)]);
    expect(await holdings(a)).toEqual({ links: 2, monitors: 1, watchers: 1 });
  });

  test("rejects spawn requests that wait for their reply", async () => {
    const { a, b, cluster } = await two({ exports: { parks: () => park } });
    await a.run(async (self: Self<unknown>) => {
      const spawning = self.spawnOn(b.name, "parks", [], {
        link: true,
        monitor: true,
      });
      cluster.cutAll();
      const failure = await spawning.catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SpawnError);
      expect(failure).toMatchObject({ reason: "noconnection" });
      await apart(a, b);
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("is told in each of many cuts, each monitor and link once", async () => {
    const { a, b, cluster } = await two();
    const here = await watcher(a);
    for (let i = 0; i < 15; i++) {
      const there = puppet(b);
      const ref = await inside(here, (self) => {
        self.link(there.pid);
        return self.monitor(there.pid);
      });
      if (i % 2 === 0) await roundTrip(a, b);
      cluster.cutAll();
      await waitFor(() => a.nodes().length === 0, { what: "the cut" });
      const told = await contents(here);
      expect(told.filter(isExit)).toEqual([new Exit(there.pid, noconnection)]);
      expect(told.filter(isDown))
        .toEqual([new Down(ref, there.pid, noconnection)]);
      expect(told.at(-1)).toBeInstanceOf(NodeDown);
      await waitFor(() => a.connect(b.name), { what: "a connection" });
      expect(await contents(here)).toEqual([new NodeUp(b.name)]);
    }
  });
});

describe("after a storm between nodes", () => {
  for (const how of ["killed", "cut"]) {
    test(`nothing is left when all are ${how}`, async () => {
      const { a, b, cluster } = await two({ exports: { parks: () => park } });
      const cores = [await coreOf(a), await coreOf(b)];
      const before = cores.map(holdingsOf);
      const all = Array.from(
        { length: 40 },
        (_, i) => puppet(i % 2 === 0 ? a : b, { name: `storm ${i}` }),
      );
      await Promise.all(all.map((one, i) =>
        inside(one, async (self) => {
          for (const step of [1, 2, 5, 7]) {
            const other = all[(i + step) % all.length]!;
            self.link(other.pid);
            self.monitor(other.pid);
            self.monitor({
              name: `storm ${(i + step) % all.length}`,
              node: other.node.name,
            });
            self.demonitor(self.monitor(other.pid));
            if (step === 5) self.unlink(other.pid);
          }
          const far = one.node === a ? b : a;
          const options = { link: true, monitor: true };
          await self.spawnOn(far.name, "parks", [], options);
          void self.spawnOn(far.name, "parks", [], options).catch(() => {});
        })
      ));
      if (how === "cut") {
        cluster.cutAll();
        await apart(a, b);
      }
      await a.run((self) => {
        for (const { pid } of all) self.sendExit(pid, kill);
      });
      await roundTrip(a, b);
      await roundTrip(b, a);
      await waitFor(
        () => cores.every((core, i) => core.actorCount === before[i]!.actors),
        { what: "all to end" },
      );
      expect(cores.map(holdingsOf)).toEqual(before);
    });
  }
});

describe("node events", () => {
  test("come before the first message and after the last", async () => {
    const { a, b, cluster } = await two();
    const here = await watcher(a);
    const there = puppet(b);
    for (let i = 0; i < 5; i++) {
      await inside(there, (self) => self.send(here.pid, "last"));
      await roundTrip(b, a);
      cluster.cutAll();
      await apart(a, b);
      // This makes the new connection.
      await inside(there, (self) => self.send(here.pid, "first"));
      await waitFor(() => a.nodes().length === 1, { what: "a connection" });
      await roundTrip(b, a);
      expect(await contents(here)).toEqual([
        "last",
        expect.any(NodeDown),
        new NodeUp(b.name),
        "first",
      ]);
    }
  });

  test("reach listeners until they are aborted, also if others throw", async () => {
    const { a, b, cluster } = await two();
    const heard: NodeEvent[] = [];
    const { abort, signal } = aborter();
    a.onNodeEvent(() => {
      throw new Error("a bad listener");
    });
    a.onNodeEvent((event) => void heard.push(event), { signal });
    cluster.cutAll();
    await apart(a, b);
    await roundTrip(a, b);
    expect(heard).toEqual([expect.any(NodeDown), new NodeUp(b.name)]);
    abort();
    cluster.cutAll();
    await apart(a, b);
    expect(heard).toHaveLength(2);
    const complaints = cluster.records.filter(({ message }) =>
      message.includes("listener")
    );
    expect(complaints.length).toBe(3);
  });

  test("end when an actor says so or ends", async () => {
    const { a, b, cluster } = await two();
    const [quiet, mortal] = [await watcher(a), await watcher(a)];
    await inside(quiet, (self) => self.monitorNodes(false));
    void inside(mortal, (self) => self.exit(normal)).catch(() => {});
    cluster.cutAll();
    await apart(a, b);
    expect(await contents(quiet)).toEqual([]);
  });

  test("do not go with a node that stops in good order", async () => {
    const { a, b } = await two();
    const here = await watcher(a);
    const there = puppet(b);
    const ref = await inside(here, (self) => {
      self.link(there.pid);
      return self.monitor(there.pid);
    });
    await roundTrip(a, b);
    await b.stop();
    await waitFor(() => a.nodes().length === 0, {
      what: "the node to be gone",
    });
    const told = await contents(here);
    expect(told).toEqual([
      new Exit(there.pid, reasons.shutdown),
      new Down(ref, there.pid, reasons.shutdown),
      expect.any(NodeDown),
    ]);
  });
});

function aborter(): { abort: () => void; signal: AbortSignal } {
  const controller = new AbortController();
  return { abort: () => controller.abort(), signal: controller.signal };
}

/** Starts a node at its place in a network, to be started there again. */
async function startAt(
  network: MemoryNetwork,
  name: "a@test" | "b@test",
): Promise<RunningNode> {
  const ports = { "a@test": 9_101, "b@test": 9_102 };
  const node = await start({
    name,
    cookie: "test",
    network,
    epmdPort: false,
    listenHost: "127.0.0.1",
    port: ports[name],
    peers: {
      "a@test": "127.0.0.1:9101",
      "b@test": "127.0.0.1:9102",
    },
    log: () => {},
  });
  onTestFinished(() => node.stop());
  return node;
}

describe("a node that comes back under its name", () => {
  /** A pid of the node before, a puppet with its numbers, and who asks. */
  async function restarted(): Promise<{
    a: RunningNode;
    b: RunningNode;
    stale: Pid<unknown>;
    twin: Puppet;
  }> {
    const network = memoryNetwork();
    const a = await startAt(network, "a@test");
    const before = await startAt(network, "b@test");
    expect(await a.connect("b@test")).toBe(true);
    const stale = puppet(before).pid;
    await before.stop();
    await waitFor(() => a.nodes().length === 0, { what: "b to be gone" });
    const b = await startAt(network, "b@test");
    const twin = puppet(b, { trapExits: true });
    expect([twin.pid.id, twin.pid.serial]).toEqual([stale.id, stale.serial]);
    expect(twin.pid).not.toBe(stale);
    expect(twin.pid.creation).not.toBe(stale.creation);
    return { a, b, stale, twin };
  }

  for (const connected of [true, false]) {
    const how = connected ? "once connected" : "while it connects";
    test(`is not reached by pids of before, ${how}`, async () => {
      const { a, b, stale, twin } = await restarted();
      if (connected) expect(await a.connect(b.name)).toBe(true);
      await a.run(async (self: Self<unknown>) => {
        self.trapExits = true;
        expect(self.send(stale, "not for the twin")).toBe(true);
        self.sendExit(stale, kill);
        await waitFor(() => a.connect(b.name), { what: "a connection" });
        self.send(twin.pid, "for the twin");
        await roundTrip(a, b);
        expect(await contents(twin)).toEqual(["for the twin"]);
      });
    });
  }

  test("answers monitors and links of pids of before with noproc", async () => {
    const { a, b, stale } = await restarted();
    expect(await a.connect(b.name)).toBe(true);
    await a.run(async (self: Self<unknown>) => {
      self.trapExits = true;
      const ref = self.monitor(stale);
      expect(await self.receive()).toEqual(new Down(ref, stale, noproc));
      self.link(stale);
      expect(await self.receive()).toEqual(new Exit(stale, noproc));
      const taken = self.monitor(stale);
      self.demonitor(taken);
      self.link(stale);
      self.unlink(stale);
      await roundTrip(a, b);
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
    expect(await holdings(a, b))
      .toEqual({ links: 0, monitors: 0, watchers: 0 });
  });

  test("answers a monitor that makes the connection with noproc", async () => {
    const { a, stale } = await restarted();
    await a.run(async (self: Self<unknown>) => {
      const ref = self.monitor(stale);
      expect(await self.receive()).toEqual(new Down(ref, stale, noproc));
    });
  });

  test("takes its own pids of before for dead", async () => {
    const { a, b, stale, twin } = await restarted();
    await a.run((self: Self<unknown>) => {
      // It learns of the old pid from an actor that still holds it.
      self.send(twin.pid, { known: stale });
    });
    await roundTrip(a, b);
    await inside(twin, async (self) => {
      const { known: old } = await self.receive() as { known: Pid<unknown> };
      expect(old).toBe(stale);
      self.send(old, "lost");
      self.sendExit(old, kill);
      const ref = self.monitor(old);
      self.link(old);
      expect(await self.receive()).toEqual(new Down(ref, stale, noproc));
      expect(await self.receive()).toEqual(new Exit(stale, noproc));
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
  });

  test("has its name and new actors reached", async () => {
    const { a, b } = await restarted();
    const fresh = puppet(b, { name: "fresh" });
    await a.run((self) => {
      self.send({ name: "fresh", node: b.name }, "by name");
    });
    await roundTrip(a, b);
    expect(await contents(fresh)).toEqual(["by name"]);
    expect(b.isAlive(fresh.pid)).toBe(true);
  });
});
