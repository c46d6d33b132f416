/**
 * Clusters of real processes on all three runtimes, in which processes are
 * killed at any moment. The other nodes go on and are notified once, and a node
 * with the old name can join again.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { type NodeEvent, reasons } from "../../../runtime/mod.ts";
import { freePort } from "../../helpers/ports.ts";
import {
  currentRuntime,
  root,
  type Runtime,
  runtimes,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { Chatter } from "../lanes/chatter.ts";
import {
  addresses,
  COOKIE,
  eventsOf,
  expectDone,
  FakeNode,
  HOST,
  type Logged,
  nameFrame,
  RawPeer,
  scattered,
  startNode,
} from "./raw_peer.ts";

const fixture = join(root, "tests/fixtures/cluster_node.ts");

/** Starts a node in a process of its own; see the fixture for its options. */
function spawnNode(
  runtime: Runtime,
  options: Readonly<Record<string, unknown>>,
): SpawnedProcess {
  return spawnRuntime(runtime, fixture, [
    JSON.stringify({ cookie: COOKIE, epmdPort: false, ...options }),
  ]);
}

/** The runtimes, beginning with the one that runs this test. */
const rotated = [
  currentRuntime(),
  ...runtimes.filter((runtime) => runtime !== currentRuntime()),
];

/** How often the line was printed. */
function countOf(child: SpawnedProcess, line: RegExp): number {
  return child.stdout.filter((said) => line.test(said)).length;
}

/** Expects an answer from the echo of another node. */
async function expectEcho({ node }: Logged, other: string): Promise<void> {
  const n = randomInt(1_000_000);
  const answer = await node.run<unknown>(async (self) => {
    self.send({ name: "echo", node: other }, { from: self.pid, n });
    return await self.receive({ timeoutMs: 5_000 });
  });
  expect(answer).toBe(n);
}

function downsOf({ node }: Logged): string[] {
  const downs: string[] = [];
  node.onNodeEvent((event) => {
    if (event.type === "nodedown") downs.push(event.node);
  });
  return downs;
}

describe("a cluster on all runtimes", () => {
  test("survives the end of any of its processes", async () => {
    const epmdPort = await freePort();
    const parent = await startNode({ name: `p@${HOST}`, epmdPort });
    const downs = downsOf(parent);
    const named = (runtime: Runtime) => `${runtime}@${HOST}`;
    const join = async (runtime: Runtime, name: string) => {
      const child = spawnNode(runtime, {
        name,
        epmdPort,
        connect: [parent.node.name, ...children.keys()],
      });
      await child.waitForLine(/^ready/);
      children.set(name, child);
    };
    const children = new Map<string, SpawnedProcess>();
    for (const runtime of rotated) await join(runtime, named(runtime));

    for (const [i, runtime] of rotated.entries()) {
      const name = named(runtime);
      const others = [...children].filter(([other]) => other !== name);
      await parent.node.run<void>(async (self) => {
        self.trapExits = true;
        const { pid, ref } = await self.spawnOn(name, "idle", [], {
          link: true,
          monitor: true,
        });
        process.kill(children.get(name)!.pid, "SIGKILL");
        const heard = [
          await self.receive({ timeoutMs: 5_000 }),
          await self.receive({ timeoutMs: 5_000 }),
        ];
        const reason = reasons.noconnection;
        expect(heard).toContainEqual({ type: "EXIT", from: pid, reason });
        expect(heard).toContainEqual({
          type: "DOWN",
          ref,
          target: pid,
          reason,
        });
        for (const [other, child] of others) {
          await child.waitForLine(new RegExp(`^down ${name}`));
          await expectEcho(parent, other);
          expect(countOf(child, new RegExp(`^down ${name}`))).toBe(1);
        }
        expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
      });
      expect(downs.splice(0)).toEqual([name]);
      await children.get(name)!.exited;
      children.delete(name);
      // Another runtime takes over the name.
      await join(rotated[(i + 1) % 3]!, name);
      await expectEcho(parent, name);
    }
    expect([...parent.node.nodes()].sort())
      .toEqual(runtimes.map(named).sort());
    expect(parent.logs.complaints).toEqual([]);
  });

  test("outlives the process that hosts epmd", async () => {
    const epmdPort = await freePort();
    const names = ["host", "x", "y", "z"].map((part) => `${part}@${HOST}`);
    const [first, x, y, z] = names as [string, string, string, string];
    const begin = async (i: number, name: string, connect: string[]) => {
      const child = spawnNode(rotated[i % 3]!, { name, epmdPort, connect });
      await child.waitForLine(/^ready/);
      return child;
    };
    const hosting = await begin(0, first, []);
    await hosting.waitForLine(/^log info epmd hosting epmd/);
    const others = [await begin(1, x, [first]), await begin(2, y, [first, x])];
    process.kill(hosting.pid, "SIGKILL");
    for (const child of others) {
      await child.waitForLine(new RegExp(`^down ${first}`));
      await child.waitForLine(/^log info epmd registered with epmd again/);
    }
    const hosts = others.map((child) => countOf(child, /took over epmd/));
    expect(hosts.sort()).toEqual([0, 1]);
    // A new node and the others find each other, and the old name is free.
    const late = await begin(0, z, [x, y]);
    const back = await begin(1, first, []);
    back.write(`connect ${z}\n`);
    await back.waitForLine(new RegExp(`^connected ${z} true`));
    others[0]!.write(`connect ${first}\n`);
    await others[0]!.waitForLine(new RegExp(`^connected ${first} true`));
    for (const child of [...others, late, back]) {
      expect(countOf(child, /^log error/)).toBe(0);
    }
  });
});

describe("a process that is stopped", () => {
  test("is replaced by its next incarnation", async () => {
    const { peers, port } = await addresses(`parent@${HOST}`);
    const name = `twice@${HOST}`;
    const [parentName] = Object.keys(peers) as [string];
    const parent = await startNode({
      name: parentName,
      port: port(parentName),
      // On a busy machine the stopped process may be silent for long.
      limits: { suspectAfterMs: 60_000, downAfterMs: 60_000 },
    });
    const events: string[] = [];
    parent.node.onNodeEvent((event) => events.push(event.type));
    const options = { name, peers, connect: [parentName] };
    const old = spawnNode(currentRuntime(), options);
    await old.waitForLine(/^ready/);
    const told: unknown[] = [];
    parent.node.spawn(async (self) => {
      self.monitor({ name: "echo", node: name });
      for await (const message of self) told.push(message);
    });
    await expectEcho(parent, name);
    process.kill(old.pid, "SIGSTOP");
    const next = spawnNode(currentRuntime(), options);
    await next.waitForLine(/^ready/);
    expect(events).toEqual(["nodeup", "nodedown", "nodeup"]);
    await expectEcho(parent, name);
    expect(told).toMatchObject([{ reason: reasons.noconnection }]);
    // The old node sees that it was replaced, and disturbs no other node.
    process.kill(old.pid, "SIGCONT");
    await old.waitForLine(new RegExp(`^down ${parentName}`));
    await expectEcho(parent, name);
    expect(events).toHaveLength(3);
    expect(parent.logs.complaints).toEqual([]);
    await old.stop();
    await next.stop();
  });
});

describe("a process that ends by itself", () => {
  test("stops although other nodes still run", async () => {
    const fake = await FakeNode.listen(() => {});
    const child = spawnNode(currentRuntime(), {
      name: `quick@${HOST}`,
      peers: { [`fake@${HOST}`]: `${HOST}:${fake.port}` },
      // A timer or socket that is left open would keep the process alive.
      limits: { setupTimeoutMs: 60_000 },
    });
    const [, port] = await child.waitForLine(/^ready (\d+)/);
    const friend = await RawPeer.dial(Number(port));
    expectDone(await friend.shakeHands(`quick@${HOST}`));
    const strangers = await Promise.all(
      Array.from({ length: 6 }, () => RawPeer.dial(Number(port))),
    );
    strangers[1]!.send(nameFrame({ name: `half@${HOST}` }));
    strangers[2]!.send("GET / HTTP/1.1\r\n\r\n");
    strangers[3]!.send(nameFrame({ name: "not welcome" }));
    strangers[4]!.send(new Uint8Array(2));
    for (const stranger of strangers.slice(3, 5)) await stranger.closed();
    child.write(`connect fake@${HOST}\n`);
    await waitFor(() => fake.accepted[0]?.received, { what: "its attempt" });
    await strangers[1]!.frame();
    child.write("stop\n");
    await child.waitForLine(/^stopped/);
    await child.waitForLine(/^connected .* false/);
    expect(await child.waitForExit(5_000)).toEqual({ code: 0, signal: null });
    for (const peer of [friend, ...strangers, ...fake.accepted]) {
      await peer.closed();
    }
    expect(countOf(child, /^log (warning|error) net/)).toBe(3);
  });
});

/** How often each process is killed while it connects and disconnects. */
const KILLS = currentRuntime() === "node" ? 6 : 4;
/** No more kills after this time, on a slow machine. */
const LONGEST_RAGE_MS = 20_000;
/** Longest time from a process's first connect until it is killed. */
const LONGEST_LIFE_MS = 40;

describe("a process that is killed while it connects", () => {
  const seed = randomInt(2 ** 31);

  test(`leaves the others running (seed ${seed})`, async () => {
    const random = scattered(seed);
    const names = ["one", "two", "storm1", "storm2"].map((p) => `${p}@${HOST}`);
    const { peers, port } = await addresses(...names);
    const limits = { setupTimeoutMs: 2_000 };
    const [one, two] = await Promise.all(
      names.slice(0, 2).map((name) =>
        startNode({ name, port: port(name), peers, limits })
      ),
    ) as [Logged, Logged];
    expect(await one.node.connect(two.node.name)).toBe(true);
    const talk = new Chatter(one.node, two.node);
    const isStorm = ({ node }: NodeEvent) => node.startsWith("storm");
    const events = [eventsOf(one.node), eventsOf(two.node)];

    const end = performance.now() + LONGEST_RAGE_MS;
    const rage = async (name: string, runtime: Runtime) => {
      const hasEvents = () => events.some((list) => list.length > 0);
      const isLast = (kills: number) =>
        kills >= KILLS || performance.now() >= end;
      for (let i = 0; !(isLast(i) && hasEvents()); i++) {
        const child = spawnNode(runtime, {
          name,
          port: port(name),
          peers,
          limits,
          storm: names.slice(0, 2),
        });
        await child.waitForLine(/^ready/);
        let isDead = false;
        // The other nodes dial it and send to it while it dials them.
        const dialling = [one, two].map(async ({ node }) => {
          while (!isDead) {
            await node.tryConnect(name);
            node.send({ name: "echo", node: name }, { from: node.pid, n: 1 });
            await new Promise((resolve) => setTimeout(resolve, random(4)));
          }
        });
        await new Promise((resolve) =>
          setTimeout(resolve, random(LONGEST_LIFE_MS))
        );
        try {
          // On a busy machine all may have been killed before they connected.
          if (isLast(i + 1)) await waitFor(hasEvents, { what: "a connection" });
        } finally {
          process.kill(child.pid, "SIGKILL");
          isDead = true;
          await child.exited;
          await Promise.all(dialling);
        }
        for (const { node } of [one, two]) {
          await waitFor(() => !node.nodes().includes(name), {
            what: `the end of ${name}`,
          });
        }
        expect(talk.failure).toBeNull();
        expect(talk.events.filter((event) => !isStorm(event))).toEqual([]);
      }
    };
    const runtime = currentRuntime();
    await Promise.all([rage(names[2]!, runtime), rage(names[3]!, runtime)]);

    // Joins and departures alternate, and a node that stays is accepted.
    for (const name of names.slice(2)) {
      for (
        const seen of events.map((all) => all.filter((e) => e.endsWith(name)))
      ) {
        expect(seen.map((event) => event[0]).join("")).toMatch(/^(\+-)*$/);
      }
    }
    expect(events.flat()).not.toEqual([]);
    for (const { node, logs } of [one, two]) {
      expect(logs.complaints.filter((line) => !/^warning: /.test(line)))
        .toEqual([]);
      expect([...node.nodes()]).toHaveLength(1);
    }
    const calm = spawnNode(runtime, {
      name: names[2]!,
      port: port(names[2]!),
      peers,
      connect: names.slice(0, 2),
    });
    await calm.waitForLine(/^ready/);
    await expectEcho(one, names[2]!);
    await expectEcho(two, names[2]!);
    talk.events.length = 0;
    await talk.expectUndisturbed();
    talk.stop();
    await calm.stop();
  });
});
