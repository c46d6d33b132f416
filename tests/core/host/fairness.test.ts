/**
 * Busy actors starve no others: other actors have their turn, and so do timers.
 * Gaps are measured in virtual time; with real timers events are counted.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Node } from "../../../runtime/core/node/node.ts";
import {
  handler,
  type Pid,
  type RunningNode,
  type Self,
  start,
} from "../../../runtime/mod.ts";
import { type FakeHost, fakeNode } from "../../helpers/fake_host.ts";

const SLICE_MS = 2;
/** Messages that a function actor may take in one turn. */
const TURN_MESSAGES = 64;

/** The longest virtual time between two macrotasks, over `totalMs`. */
async function longestGap(host: FakeHost, totalMs: number): Promise<number> {
  let longest = 0;
  const end = host.time + totalMs;
  let task: (() => void) | undefined = () => {};
  while (host.time < end) {
    const before = host.time;
    expect(task).toBeDefined();
    task?.();
    await host.runMicrotasksAsync();
    longest = Math.max(longest, host.time - before);
    task = host.macrotasks.shift();
  }
  return longest;
}

type Ping = { from: Pid<Ping> };

describe("virtual time between two turns of the event loop", () => {
  const costMs = 0.01;

  test("is a slice when handlers play ping-pong", async () => {
    const { host, node } = fakeNode();
    const player = handler(0, (count: number, ball: Ping, self: Self<Ping>) => {
      host.time += costMs;
      self.send(ball.from, { from: self.pid });
      return count + 1;
    });
    const [a, b] = [spawn(node, player), spawn(node, player)];
    send(node, a, { from: b });
    expect(await longestGap(host, 200)).toBeLessThan(2 * SLICE_MS);
  });

  test("is a slice when receive loops play ping-pong", async () => {
    const { host, node } = fakeNode();
    const player = async (self: Self<Ping>) => {
      for (;;) {
        const ball = await self.receive();
        host.time += costMs;
        self.send(ball.from, { from: self.pid });
      }
    };
    const [a, b] = [spawn(node, player), spawn(node, player)];
    send(node, a, { from: b });
    expect(await longestGap(host, 200)).toBeLessThan(2 * SLICE_MS);
  });

  test("is a slice when an actor keeps its own mailbox full", async () => {
    const { host, node } = fakeNode();
    const busy = spawn(node, async (self: Self<number>) => {
      for (;;) {
        const n = await self.receive();
        host.time += costMs;
        self.send(self.pid, n + 1);
      }
    });
    for (let i = 0; i < 10; i++) send(node, busy, i);
    expect(await longestGap(host, 200)).toBeLessThan(2 * SLICE_MS);
  });

  test("is a slice when a selective receive finds all it wants", async () => {
    const { host, node } = fakeNode();
    const busy = spawn(node, async (self: Self<{ type: "n"; n: number }>) => {
      for (;;) {
        const { n } = await self.receive("n");
        host.time += costMs;
        self.send(self.pid, { type: "n", n: n + 1 });
      }
    });
    for (let n = 0; n < 10; n++) send(node, busy, { type: "n", n });
    expect(await longestGap(host, 200)).toBeLessThan(2 * SLICE_MS);
  });

  test("is a slice when an actor only looks into its mailbox", async () => {
    const { host, node } = fakeNode();
    spawn(node, async (self: Self) => {
      for (;;) {
        await self.receive({ timeoutMs: 0 });
        host.time += costMs;
      }
    });
    expect(await longestGap(host, 200)).toBeLessThan(2 * SLICE_MS);
  });

  test("is a turn at most when messages are slow", async () => {
    const { host, node } = fakeNode();
    const slowMs = 1;
    for (let i = 0; i < 40; i++) {
      const busy = spawn(node, async (self: Self<number>) => {
        for (;;) {
          await self.receive();
          host.time += slowMs;
        }
      });
      for (let n = 0; n < 200; n++) send(node, busy, n);
    }
    expect(await longestGap(host, 2_000))
      .toBeLessThanOrEqual(SLICE_MS + TURN_MESSAGES * slowMs);
  });
});

function spawn<M>(
  node: Node,
  behaviour: Parameters<typeof RunningNode.prototype.spawn<M>>[0],
): Pid<M> {
  return node.spawnActor(behaviour, {}, null).pid as Pid<M>;
}

function send<M>(node: Node, to: Pid<M>, message: M): void {
  node.sendFrom(node.pid, to as Pid<unknown>, message);
}

/** Resolves when that many real timers have fired, one after the other. */
function timersFired(count: number): Promise<void> {
  return new Promise((resolve) => {
    const next = () => {
      if (--count === 0) resolve();
      else setTimeout(next, 0);
    };
    setTimeout(next, 0);
  });
}

async function lone(): Promise<RunningNode> {
  const node = await start({ log: () => {} });
  onTestFinished(() => node.stop());
  return node;
}

describe("real timers fire", () => {
  const timers = 50;

  test("while handlers play ping-pong", async () => {
    const node = await lone();
    const player = handler(0, (count: number, ball: Ping, self: Self<Ping>) => {
      self.send(ball.from, { from: self.pid });
      return count + 1;
    });
    const [a, b] = [node.spawn(player), node.spawn(player)];
    node.send(a, { from: b });
    await timersFired(timers);
    expect(node.stats().messages).toBeGreaterThan(timers);
  });

  test("while receive loops play ping-pong", async () => {
    const node = await lone();
    const player = async (self: Self<Ping>) => {
      for await (const ball of self) self.send(ball.from, { from: self.pid });
    };
    const [a, b] = [node.spawn(player), node.spawn(player)];
    node.send(a, { from: b });
    await timersFired(timers);
    expect(node.stats().messages).toBeGreaterThan(timers);
  });

  test("while actors wake each other through promises", async () => {
    const node = await lone();
    type Wake = { done: () => void };
    const waker = node.spawn(async (self: Self<Wake>) => {
      for (;;) {
        const { done } = await self.receive();
        await Promise.resolve();
        done();
      }
    });
    let hops = 0;
    node.spawn(async (self) => {
      for (;;) {
        await new Promise<void>((done) => void self.send(waker, { done }));
        hops++;
      }
    });
    await timersFired(timers);
    expect(hops).toBeGreaterThan(timers);
  });

  test("while one actor takes messages without end", async () => {
    const node = await lone();
    const busy = node.spawn(async (self: Self<number>) => {
      for (;;) self.send(self.pid, await self.receive());
    });
    for (let i = 0; i < 1_000; i++) node.send(busy, i);
    await timersFired(timers);
    expect(node.stats().messages).toBeGreaterThan(1_000);
  });
});

describe("actors have their turn", () => {
  test("next to one with an endless mailbox", async () => {
    const node = await lone();
    const floods = [
      node.spawn(handler(0, (count: number, m: number, self: Self<number>) => {
        self.send(self.pid, m);
        self.send(self.pid, m);
        // It grows, but not beyond what a test can hold.
        return count + 1 > 100_000 ? count : count + 1;
      })),
      node.spawn(async (self: Self<number>) => {
        for (;;) self.send(self.pid, await self.receive());
      }),
    ];
    for (const flood of floods) {
      const modest = node.spawn(async (self: Self<Pid<string>>) => {
        self.send(await self.receive(), "here");
      });
      for (let i = 0; i < 100; i++) node.send(flood, i);
      const answer = await node.run(async (self: Self<string>) => {
        self.send(modest, self.pid);
        return await self.receive();
      });
      expect(answer).toBe("here");
    }
  });

  test("in turn, however many messages each of them has", async () => {
    const { host, node } = fakeNode();
    const taken: string[] = [];
    const names = ["a", "b"];
    for (const name of names) {
      const actor = spawn(
        node,
        handler(null, (state: null) => {
          taken.push(name);
          return state;
        }),
      );
      for (let i = 0; i < 1_000; i++) send(node, actor, i);
    }
    await host.settleAsync();
    expect(taken).toHaveLength(2_000);
    let run = 0;
    let longestRun = 0;
    for (const [i, name] of taken.entries()) {
      run = name === taken[i - 1] ? run + 1 : 1;
      longestRun = Math.max(longestRun, run);
      // Once one of them has finished, the other is on its own.
      if (i > 1_800) break;
    }
    expect(longestRun).toBeLessThanOrEqual(2 * TURN_MESSAGES);
  });
});
