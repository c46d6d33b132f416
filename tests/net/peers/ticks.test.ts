/**
 * Ticks: they keep an idle connection and find a silent peer, and a long turn
 * of the node itself is not taken for silence of its peers.
 */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Host, TimerHandle } from "../../../runtime/core/host/ports.ts";
import type { DistributionLimits } from "../../../runtime/mod.ts";
import type { Peer } from "../../../runtime/net/peers/peer.ts";
import { Ticks } from "../../../runtime/net/peers/ticks.ts";
import { currentRuntime, root, spawnRuntime } from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import {
  addresses,
  COOKIE,
  eventsOf,
  expectDone,
  HOST,
  type Logged,
  RawPeer,
  startNode,
} from "./raw_peer.ts";

const limits = { suspectAfterMs: 200, downAfterMs: 1_000 };

/** A clock that the test moves, with the one timer that `Ticks` needs. */
class Clock {
  nowMs = 0;
  #due: { readonly at: number; readonly callback: () => void } | null = null;
  readonly host = {
    now: () => this.nowMs,
    setTimer: (callback: () => void, delayMs: number): TimerHandle =>
      this.#due = { at: this.nowMs + delayMs, callback },
    clearTimer: () => this.#due = null,
  } as unknown as Host;

  get isArmed(): boolean {
    return this.#due !== null;
  }

  /** Lets time pass; timers fire when they are due. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    while (this.#due !== null && this.#due.at <= end) this.#fire(this.#due.at);
    this.nowMs = end;
  }

  /** Lets time pass while the event loop is blocked: timers fire late. */
  block(ms: number): void {
    this.nowMs += ms;
    if (this.#due !== null && this.#due.at <= this.nowMs) this.#fire();
  }

  #fire(at = this.nowMs): void {
    const due = this.#due;
    this.#due = null;
    this.nowMs = at;
    due?.callback();
  }
}

/** A peer whose connection counts ticks, and the reports about it. */
function watched(
  options: typeof limits & { netTicktimeMs?: number } = limits,
  isBeam = false,
) {
  const clock = new Clock();
  const connection = {
    lastReadAt: 0,
    lastWrittenAt: 0,
    ticks: 0,
    tick() {
      this.ticks++;
      this.lastWrittenAt = clock.nowMs;
    },
  };
  const peer = {
    name: "p",
    isSuspect: false,
    isBeam,
    connection,
  } as unknown as Peer;
  const said: string[] = [];
  const ticks = new Ticks({
    host: clock.host,
    netTicktimeMs: 60_000,
    ...options,
    peers: () => [peer],
    suspect: (_, silentMs) => said.push(`suspect ${silentMs}`),
    trust: () => said.push("trust"),
    down: (_, silentMs) => said.push(`down ${silentMs}`),
  });
  const read = () => connection.lastReadAt = clock.nowMs;
  return { clock, connection, said, ticks, read };
}

describe("the tick timer", () => {
  test("writes only when no frame was written", () => {
    const { clock, connection, ticks } = watched();
    clock.pass(100);
    expect(connection.ticks).toBe(1);
    clock.pass(60);
    connection.lastWrittenAt = clock.nowMs;
    clock.pass(40);
    expect(connection.ticks).toBe(1);
    clock.pass(100);
    expect(connection.ticks).toBe(2);
    ticks.stop();
    expect(clock.isArmed).toBe(false);
    clock.pass(1_000);
    expect(connection.ticks).toBe(2);
  });

  test("suspects a peer once, trusts it again, and gives it up", () => {
    const { clock, said, read } = watched();
    clock.pass(350);
    expect(said).toEqual(["suspect 200"]);
    read();
    clock.pass(150);
    read();
    clock.pass(300);
    expect(said).toEqual(["suspect 200", "trust", "suspect 200"]);
    clock.pass(700);
    expect(said.slice(3)).toEqual(["down 1000"]);
  });

  test("does not take a blocked loop for silence", () => {
    const { clock, said, read } = watched();
    clock.pass(150);
    read();
    clock.block(1_500);
    expect(said).toEqual([]);
    // Now waiting bytes are read, or it is clear that none were sent.
    clock.pass(100);
    clock.block(60_000);
    clock.pass(50);
    expect(said.filter((line) => line.startsWith("down"))).toEqual([]);
    clock.pass(1_000);
    expect(said.at(-1)).toMatch(/^down/);
  });

  test("checks at the same interval with the defaults", () => {
    const { clock, connection, said } = watched({
      suspectAfterMs: 2_000,
      downAfterMs: 15_000,
    });
    clock.pass(14_000);
    expect(connection.ticks).toBe(14);
    expect(said).toEqual(["suspect 2000"]);
    clock.pass(1_000);
    expect(said).toEqual(["suspect 2000", "down 15000"]);
  });

  test("writes to a BEAM node in every quarter of its tick time", () => {
    const { clock, connection } = watched({ ...limits, netTicktimeMs: 8_000 });
    const beam = watched({ ...limits, netTicktimeMs: 8_000 }, true);
    beam.clock.pass(1_900);
    expect(beam.connection.ticks).toBe(1);
    let longestMs = 0;
    for (let ms = 0; ms < 100_000; ms += 10) {
      beam.clock.pass(10);
      // This node writes too, at any moment, so that a tick is put off.
      if (ms % 3_170 === 0) beam.connection.lastWrittenAt = beam.clock.nowMs;
      const idleMs = beam.clock.nowMs - beam.connection.lastWrittenAt;
      longestMs = Math.max(longestMs, idleMs);
    }
    expect(longestMs).toBeLessThanOrEqual(2_000);
    // Not more often: the shorter limits are for Hornbeam nodes.
    expect(beam.connection.ticks).toBeLessThan(70);
    clock.pass(1_900);
    expect(connection.ticks).toBe(19);
  });

  test("gives up a BEAM node after its tick time, and at most a quarter later", () => {
    for (let offset = 0; offset < 2_000; offset += 130) {
      const { clock, said, read } = watched(
        { ...limits, netTicktimeMs: 8_000 },
        true,
      );
      clock.pass(20_000 + offset);
      said.length = 0;
      read();
      const readAt = clock.nowMs;
      clock.pass(7_990);
      expect(said).toEqual([]);
      clock.pass(2_010);
      expect(said[0]).toMatch(/^down /);
      const silentMs = Number(said[0]!.slice("down ".length));
      expect(silentMs).toBeGreaterThanOrEqual(8_000);
      expect(silentMs).toBeLessThanOrEqual(10_000);
      expect(clock.nowMs - readAt).toBe(10_000);
    }
  });

  test("keeps a BEAM node with the defaults, and suspects none", () => {
    const { clock, connection, said, read } = watched({
      suspectAfterMs: 2_000,
      downAfterMs: 15_000,
    }, true);
    for (let i = 0; i < 10; i++) {
      clock.pass(15_000);
      read();
    }
    expect(said).toEqual([]);
    expect(connection.ticks).toBeGreaterThanOrEqual(10);
    expect(connection.ticks).toBeLessThanOrEqual(11);
    clock.pass(75_000);
    expect(said[0]).toMatch(/^down 6\d{4}$/);
  });
});

const OWN = "ticker@127.0.0.1";

/** A long turn: longer than `downAfterMs`. */
const LONG_MS = 1_500;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `a` and `b`, connected and idle. */
async function idlePair(
  ...limitsOf: readonly [DistributionLimits, DistributionLimits]
): Promise<[Logged, Logged]> {
  const { peers, port } = await addresses("a@127.0.0.1", "b@127.0.0.1");
  const [a, b] = await Promise.all(
    Object.keys(peers).map((name, i) =>
      startNode({ name, peers, port: port(name), limits: limitsOf[i] ?? {} })
    ),
  ) as [Logged, Logged];
  expect(await a.node.connect("b@127.0.0.1")).toBe(true);
  return [a, b];
}

/** The cases below take long and do not disturb each other. */
const stories = {
  async "two idle nodes stay connected"() {
    const [a, b] = await idlePair(limits, limits);
    const events = eventsOf(a.node);
    await pause(LONG_MS);
    expect(events).toEqual([]);
    expect(a.node.nodes()).toEqual(["b@127.0.0.1"]);
    expect(b.node.nodes()).toEqual(["a@127.0.0.1"]);
  },

  async "a node with short limits keeps one with long ones"() {
    const [a, b] = await idlePair(limits, {
      suspectAfterMs: 20_000,
      downAfterMs: 60_000,
    });
    const events = eventsOf(a.node);
    await pause(LONG_MS);
    expect(events).toEqual([]);
    expect(a.node.nodes()).toEqual(["b@127.0.0.1"]);
    expect(b.node.nodes()).toEqual(["a@127.0.0.1"]);
  },

  async "a tick is answered, but not every one"() {
    const { node } = await startNode({ name: OWN });
    const peer = await RawPeer.dial(node.port);
    expectDone(await peer.shakeHands(OWN));
    const before = peer.received;
    const end = performance.now() + LONG_MS;
    let sent = 0;
    for (; performance.now() < end; sent++) {
      peer.send(new Uint8Array(4));
      await pause(10);
    }
    // At most one in 250 ms, and at least one in a second.
    const answers = (peer.received - before) / 4;
    expect(answers).toBeGreaterThanOrEqual(1);
    expect(answers).toBeLessThanOrEqual(LONG_MS / 250 + 2);
    expect(sent).toBeGreaterThan(answers);
  },

  async "a peer that answers ticks stays connected"() {
    const { node } = await startNode({ name: OWN, limits });
    const peer = await RawPeer.dial(node.port);
    expectDone(await peer.shakeHands(OWN));
    const before = peer.received;
    peer.socket.on("data", () => peer.send(new Uint8Array(4)));
    await pause(LONG_MS);
    expect(node.nodes()).toEqual(["raw@127.0.0.1"]);
    expect((peer.received - before) / 4).toBeGreaterThanOrEqual(5);
  },

  async "a peer that falls silent is suspect and then down"() {
    const { node, logs } = await startNode({ name: OWN, limits });
    const reasons: string[] = [];
    node.onNodeEvent((event) => {
      if (event.type === "nodedown") reasons.push(event.reason);
    });
    const peer = await RawPeer.dial(node.port);
    expectDone(await peer.shakeHands(OWN));
    await waitFor(() => logs.complaints.length > 0, { what: "suspicion" });
    expect(logs.complaints[0]).toMatch(/raw@127.0.0.1 is suspect/);
    expect(node.nodes()).toEqual(["raw@127.0.0.1"]);
    expect(reasons).toEqual([]);
    await peer.closed();
    await waitFor(() => reasons.length > 0, { what: "the nodedown" });
    expect(reasons).toHaveLength(1);
    const silentMs = /^tick-timeout: silent for (\d+) ms$/.exec(reasons[0]!);
    expect(Number(silentMs?.[1])).toBeGreaterThanOrEqual(1_000);
    expect(node.nodes()).toEqual([]);
  },

  async "a process that works long keeps its peers, and they keep it"() {
    const { node } = await startNode({ name: OWN });
    const events: string[] = [];
    node.onNodeEvent((event) => events.push(event.type));
    const child = spawnRuntime(
      currentRuntime(),
      join(root, "tests/fixtures/cluster_node.ts"),
      [JSON.stringify({
        name: "busy@127.0.0.1",
        cookie: COOKIE,
        epmdPort: false,
        limits,
        peers: { [OWN]: `${HOST}:${node.port}` },
        connect: [OWN],
      })],
    );
    await child.waitForLine(/^ready/);
    child.write(`block ${LONG_MS}\n`);
    await child.waitForLine(/^unblocked/);
    // The missed time must not count in later rounds, either.
    await pause(limits.downAfterMs / 2);
    child.write("nodes\n");
    await child.waitForLine(/^nodes ticker@127\.0\.0\.1$/);
    expect(events).toEqual(["nodeup"]);
    expect(child.stdout.filter((line) => line.startsWith("down"))).toEqual([]);
    await child.stop();
    await waitFor(() => events.length === 2, { what: "the nodedown" });
  },
} satisfies Record<string, () => Promise<void>>;

describe("over TCP", () => {
  const told = new Map<string, Promise<void>>();
  beforeAll(() => {
    for (const [what, tell] of Object.entries(stories)) {
      const story = tell();
      story.catch(() => {});
      told.set(what, story);
    }
  });

  test.each(Object.keys(stories))("%s", async (what) => {
    expect(await told.get(what)).toBeUndefined();
  });

  test("two nodes that are blocked together stay connected", async () => {
    const [a, b] = await idlePair(limits, limits);
    const events = eventsOf(a.node);
    a.node.spawn(() => {
      const end = performance.now() + LONG_MS;
      while (performance.now() < end);
    });
    const answer = await a.node.run<unknown>(async (self) => {
      b.node.spawn(() => {
        b.node.send(self.pid, "still here");
      });
      return await self.receive();
    });
    expect(answer).toBe("still here");
    await pause(limits.suspectAfterMs);
    expect(events).toEqual([]);
    expect(a.node.nodes()).toEqual(["b@127.0.0.1"]);
    expect(b.node.nodes()).toEqual(["a@127.0.0.1"]);
  });
});
