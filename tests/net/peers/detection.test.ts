/**
 * How a node notices that another node is gone: at once when the socket closes,
 * after a while when it is silent; and that a slow node is only suspect.
 */
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import {
  type DistributionLimits,
  type NodeDown,
  reasons,
  type Self,
} from "../../../runtime/mod.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { waitFor } from "../../helpers/wait.ts";
import { COOKIE, HOST, type Logged, startNode } from "./raw_peer.ts";

const VICTIM = `victim@${HOST}`;

/** All events of a node's connections, with their times in ms. */
type News = { readonly what: string; readonly atMs: number };

function newsOf({ node }: Logged): News[] {
  const news: News[] = [];
  const add = (what: string) => news.push({ what, atMs: performance.now() });
  node.onNodeEvent((event) => {
    const why = event.type === "nodedown" ? `: ${event.reason}` : "";
    add(event.type + why.replace(/:[^:]*$/, ""));
  });
  node.onConnectionEvent((event) => {
    add(
      event.type === "nodesuspect"
        ? `suspect ${event.isSuspect}`
        : `busy ${event.isBusy}`,
    );
  });
  return news;
}

const whats = (news: readonly News[]) => news.map(({ what }) => what);

/** A node in this process, connected to a node in another process. */
async function observed(limits: DistributionLimits) {
  const observer = await startNode({ name: `observer@${HOST}`, limits });
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests/fixtures/cluster_node.ts"),
    [JSON.stringify({
      name: VICTIM,
      cookie: COOKIE,
      epmdPort: false,
      peers: { [observer.node.name]: `${HOST}:${observer.node.port}` },
      connect: [observer.node.name],
    })],
  );
  await child.waitForLine(/^ready/);
  return { observer, child, news: newsOf(observer) };
}

/** An actor with a link and a monitor, and the messages it gets, in order. */
async function attach(observer: Logged): Promise<string[]> {
  const told: string[] = [];
  let isReady = false;
  observer.node.spawn(async (self: Self) => {
    self.trapExits = true;
    self.monitorNodes();
    await self.spawnOn(VICTIM, "idle", [], { link: true, monitor: true });
    isReady = true;
    for await (const message of self) {
      const { type, reason } = message as { type: string; reason: unknown };
      // The reason of a node event is a text.
      told.push(type === "nodedown" ? type : `${type} ${String(reason)}`);
    }
  });
  await waitFor(() => isReady, { what: "the link and the monitor" });
  return told;
}

/**
 * The exit and the down message arrive in any order, and then the node event.
 */
async function expectLost(told: readonly string[]): Promise<void> {
  await waitFor(() => told.length === 3, { what: "all of it to be told" });
  const why = String(reasons.noconnection);
  expect(told.slice(0, 2).toSorted()).toEqual([`DOWN ${why}`, `EXIT ${why}`]);
  expect(told[2]).toBe("nodedown");
}

// Signals are sent by process id: on Deno, `kill` of a child works only once.
const signal = (
  child: SpawnedProcess,
  what: "SIGKILL" | "SIGSTOP" | "SIGCONT",
) => process.kill(child.pid, what);

describe("a process that is killed", () => {
  test("is down at once, and was never suspect", async () => {
    const tookMs: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { observer, child, news } = await observed({});
      const told = await attach(observer);
      const begin = performance.now();
      signal(child, "SIGKILL");
      await waitFor(() => news.length > 0, { what: "the nodedown" });
      tookMs.push(news[0]!.atMs - begin);
      await expectLost(told);
      await child.exited;
      expect(whats(news)).toEqual(["nodedown: connection-closed"]);
      expect(observer.node.connections()).toEqual([]);
      await observer.node.stop();
    }
    const shown = tookMs.toSorted((x, y) => x - y).map((ms) => ms.toFixed(1));
    console.log(`detection: a kill was seen after ${shown.join(", ")} ms`);
  });
});

describe("a process that is stopped", () => {
  const suspectAfterMs = 1_200;

  test("is suspect, then down, and links and monitors are told", async () => {
    const { observer, child, news } = await observed({
      suspectAfterMs,
      downAfterMs: 2_000,
    });
    const told = await attach(observer);
    const begin = performance.now();
    signal(child, "SIGSTOP");
    await waitFor(() => whats(news).includes("suspect true"), {
      what: "suspicion",
      timeoutMs: 10_000,
    });
    expect(observer.node.connections())
      .toMatchObject([{ node: VICTIM, isSuspect: true }]);
    expect(observer.node.nodes()).toEqual([VICTIM]);
    expect(told).toEqual([]);
    await waitFor(() => news.length > 1, {
      what: "the nodedown",
      timeoutMs: 10_000,
    });
    await expectLost(told);
    expect(whats(news)).toEqual(["suspect true", "nodedown: tick-timeout"]);
    const after = news.map(({ atMs }) => `${Math.round(atMs - begin)} ms`);
    console.log(
      `detection: a stop was suspect after ${after[0]}, down after ${after[1]}`,
    );
    // It notices in time, and can then connect like any other node.
    signal(child, "SIGCONT");
    await child.waitForLine(new RegExp(`^down ${observer.node.name}`));
    child.write(`connect ${observer.node.name}\n`);
    await child.waitForLine(/^connected .* true/);
    expect(whats(news).slice(2)).toEqual(["nodeup"]);
    await child.stop();
  });

  test(
    "and goes on in time is trusted again, and has lost nothing",
    async () => {
      const { observer, child, news } = await observed({
        suspectAfterMs,
        downAfterMs: 60_000,
      });
      const told = await attach(observer);
      for (let round = 1; round <= 2; round++) {
        signal(child, "SIGSTOP");
        await waitFor(() => news.length === 2 * round - 1, {
          what: "suspicion",
          timeoutMs: 10_000,
        });
        const answer = observer.node.run<unknown>(async (self) => {
          const message = { from: self.pid, n: round };
          self.send({ name: "echo", node: VICTIM }, message);
          return await self.receive();
        });
        signal(child, "SIGCONT");
        expect(await answer).toBe(round);
        await waitFor(() => news.length === 2 * round, {
          what: "trust",
          timeoutMs: 10_000,
        });
        expect(observer.node.connections()).toMatchObject([{
          isSuspect: false,
        }]);
      }
      expect(whats(news)).toEqual([
        ...["suspect true", "suspect false"],
        ...["suspect true", "suspect false"],
      ]);
      expect(told).toEqual([]);
      await child.stop();
    },
  );
});

// Virtual time, so that exact times can be expected.
describe("a node whose network is cut", () => {
  type Times = { suspect: number[]; trusted: number[]; down: number | null };

  async function cutOff(
    limits: DistributionLimits,
    heal: (times: Times) => boolean,
  ): Promise<Times[]> {
    const all: Times[] = [];
    await simulateSeeds({ count: 5 }, async (sim) => {
      const a = await sim.start("a@sim", { limits });
      await sim.start("b@sim", { limits });
      expect(await a.connect("b@sim")).toBe(true);
      await sim.advance(1_000 + sim.below(3_000));
      const begin = sim.timeMs;
      const times: Times = { suspect: [], trusted: [], down: null };
      a.onConnectionEvent((event) => {
        if (event.type !== "nodesuspect") return;
        const list = event.isSuspect ? times.suspect : times.trusted;
        list.push(sim.timeMs - begin);
      });
      a.onNodeEvent((event) => {
        expect((event as NodeDown).reason).toMatch(/^tick-timeout/);
        times.down = sim.timeMs - begin;
      });
      sim.partition(["a@sim"], ["b@sim"]);
      await sim.until(() => heal(times) || times.down !== null, {
        what: "the end",
      });
      sim.heal();
      await sim.advance(20_000);
      all.push(times);
    });
    return all;
  }

  test("is suspect after 2 s and down after 15 s by default", async () => {
    for (const { suspect, trusted, down } of await cutOff({}, () => false)) {
      expect(trusted).toEqual([]);
      expect(suspect).toHaveLength(1);
      // The last byte arrived up to a second before, and each second is a
      // check.
      expect(suspect[0]).toBeGreaterThan(2_000 - 1_100);
      expect(suspect[0]).toBeLessThan(2_000 + 1_100);
      expect(down).toBeGreaterThan(15_000 - 1_100);
      expect(down).toBeLessThan(15_000 + 1_100);
    }
  });

  test("is down after 2 s where that is the limit", async () => {
    const limits = { downAfterMs: 2_000 };
    for (const { suspect, down } of await cutOff(limits, () => false)) {
      // Both limits are equal, and the stronger one counts.
      expect(suspect).toEqual([]);
      expect(down).toBeGreaterThan(2_000 - 600);
      expect(down).toBeLessThan(2_000 + 600);
    }
  });

  test("is trusted again when its bytes arrive in time", async () => {
    const runs = await cutOff({}, ({ suspect }) => suspect.length > 0);
    for (const { suspect, trusted, down } of runs) {
      expect([suspect.length, trusted.length, down]).toEqual([1, 1, null]);
      expect(trusted[0]! - suspect[0]!).toBeLessThan(1_100);
    }
  });
});
