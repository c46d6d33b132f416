/**
 * When bytes are written: messages that are sent together in one write, a
 * single message at once, and no message later than a slice, also when other
 * actors have work. Time is virtual, and the carriers count writes.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Carrier,
  handler,
  type Network,
  type Pid,
  type RunningNode,
  type Self,
  start,
} from "../../../runtime/mod.ts";
import { createMemoryNetwork } from "../../../runtime/net/carrier/memory.ts";
import { FakeHost } from "../../helpers/fake_host.ts";
import { COOKIE } from "../peers/raw_peer.ts";

const SLICE_MS = 2;
const sink = { name: "sink", node: "b@b.host" };

/** One write of a carrier. */
type Write = { readonly atMs: number; readonly bytes: number };

/** Two nodes in memory on one host. The writes of the first are counted. */
class Line {
  readonly host: FakeHost = new FakeHost();
  readonly writes: Write[] = [];
  a!: RunningNode;
  b!: RunningNode;
  readonly heard: unknown[] = [];
  /** Called for each write. */
  onWrite: () => void = () => {};

  async open(): Promise<void> {
    const { host } = this;
    const inner = createMemoryNetwork({ macrotask: host.macrotask });
    const network: Network = {
      connect: async (to) => this.#counting(await inner.connect(to)),
      listen: (at, accept) => inner.listen(at, accept),
    };
    const common = {
      ...{ host, network, cookie: COOKIE, port: 1, peerPort: 1 },
      longTurnMs: Infinity,
    };
    this.a = await this.pump(start({ ...common, name: "a@a.host" }));
    this.b = await this.pump(start({ ...common, name: sink.node }));
    const { heard } = this;
    this.b.spawn(
      handler(heard, (_, message) => {
        heard.push(message);
        return heard;
      }),
      { name: "sink" },
    );
    // A connection is said to be up when the sockets were read once more.
    const connected = this.a.connect(sink.node);
    await host.settleAsync();
    host.advance(1);
    expect(await this.pump(connected)).toBe(true);
    await host.settleAsync();
    this.writes.length = 0;
  }

  /** Runs all tasks except timers until the promise resolves. */
  async pump<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const done = promise.finally(() => isDone = true);
    for (let i = 0; !isDone; i++) {
      expect(i).toBeLessThan(1_000);
      await this.host.settleAsync();
    }
    return await done;
  }

  #counting(carrier: Carrier): Carrier {
    return {
      remote: carrier.remote,
      get bufferedBytes() {
        return carrier.bufferedBytes;
      },
      open: (handlers) => carrier.open(handlers),
      write: (chunk) => {
        this.writes.push({ atMs: this.host.time, bytes: chunk.length });
        this.onWrite();
        return carrier.write(chunk);
      },
      close: (lingerMs) => carrier.close(lingerMs),
      destroy: () => carrier.destroy(),
    };
  }

  /** Runs tasks of the event loop until so much time has passed. */
  async run(totalMs: number): Promise<void> {
    const { host } = this;
    const end = host.time + totalMs;
    await this.#settle();
    while (host.time < end) {
      const task = host.macrotasks.shift();
      expect(task).toBeDefined();
      task?.();
      await this.#settle();
    }
  }

  /** Runs all microtasks before the next task, however long their chain is. */
  async #settle(): Promise<void> {
    const { host } = this;
    let before: number;
    do {
      before = host.time;
      await host.runMicrotasksAsync();
    } while (host.time > before);
  }
}

let line: Line;

beforeEach(async () => {
  line = new Line();
  await line.open();
});

afterEach(async () => {
  await Promise.all([line.a.stop(), line.b.stop()]);
});

describe("one write", () => {
  test.each(["function", "handler"])(
    "takes all that a %s actor sends in a turn",
    async (kind) => {
      const all = (self: Self) => {
        for (let n = 0; n < 500; n++) self.send(sink, n);
      };
      if (kind === "function") line.a.spawn(all);
      else line.a.spawn(handler((self: Self) => all(self), () => {}));
      await line.host.settleAsync();
      expect(line.writes).toHaveLength(1);
      expect(line.heard).toEqual(Array.from({ length: 500 }, (_, n) => n));
    },
  );

  test("holds the messages that many actors send in their turns", async () => {
    for (let n = 0; n < 50; n++) {
      line.a.spawn((self: Self) => void self.send(sink, n));
    }
    await line.host.settleAsync();
    expect(line.writes).toHaveLength(1);
    expect(line.heard).toHaveLength(50);
  });

  test("holds signals of all kinds, in order", async () => {
    const pid = line.b.whereis("sink") as Pid<unknown>;
    line.a.spawn((self: Self) => {
      self.send(pid, 1);
      self.link(pid);
      self.demonitor(self.monitor(pid));
      self.unlink(pid);
      self.sendExit(pid, Symbol.for("normal"));
      self.send(sink, 2);
    });
    await line.host.settleAsync();
    // The other end has answered; that is no write of this end.
    expect(line.writes).toHaveLength(1);
    expect(line.heard).toEqual([1, 2]);
  });

  test("is done at once when a chunk is full", async () => {
    const data = "x".repeat(1_000);
    const count = 200;
    const early: Write[] = [];
    line.a.spawn((self: Self) => {
      for (let n = 0; n < count; n++) self.send(sink, { n, data });
      early.push(...line.writes);
    });
    await line.host.settleAsync();
    // Each write has a full chunk and the message that did not fit into it.
    expect(early).toHaveLength(6);
    const bytes = early.reduce((sum, write) => sum + write.bytes, 0);
    expect(bytes).toBeGreaterThan(3 * 64 * 1024);
    expect(line.writes).toHaveLength(7);
    expect(line.heard).toHaveLength(count);
  });
});

describe("a single message on an idle link", () => {
  test("is written before any other task, without a timer", () => {
    const { host } = line;
    for (let n = 1; n <= 5; n++) {
      const { timersSet } = host;
      line.a.send(sink, n);
      host.runMicrotasks();
      expect(line.writes).toHaveLength(n);
      expect(host.timersSet).toBe(timersSet);
      // The slice that this has begun ends without work.
      host.settle();
    }
  });

  test.each(["function", "handler"])(
    "of a %s actor is written in the task in which it was woken",
    async (kind) => {
      const { host } = line;
      const behaviour = kind === "function"
        ? async (self: Self) => {
          for await (const n of self) self.send(sink, n);
        }
        : handler(null, (_: null, n: unknown, self: Self) => {
          self.send(sink, n);
          return null;
        });
      const actor = line.a.spawn(behaviour);
      await host.settleAsync();
      for (let n = 1; n <= 20; n++) {
        const { timersSet } = host;
        line.a.send(actor, n);
        await host.runMicrotasksAsync();
        expect(line.writes).toHaveLength(n);
        expect(host.timersSet).toBe(timersSet);
        await host.settleAsync();
      }
    },
  );

  test("goes there and back in the two deliveries that it takes", async () => {
    const { host, a, b } = line;
    const echo = b.spawn<Pid<unknown>>(async (self) => {
      for await (const from of self) self.send(from, "back");
    });
    let answers = 0;
    const asker = a.spawn<string>(async (self) => {
      for await (const message of self) {
        if (message === "go") self.send(echo as Pid<unknown>, self.pid);
        else answers++;
      }
    });
    await host.settleAsync();
    for (let round = 1; round <= 20; round++) {
      const { timersSet } = host;
      a.send(asker, "go");
      await host.runMicrotasksAsync();
      let tasks = 0;
      while (answers < round) {
        host.macrotasks.shift()?.();
        await host.runMicrotasksAsync();
        tasks++;
      }
      // In addition, each node ends a slice.
      expect(tasks).toBeLessThanOrEqual(4);
      expect(host.timersSet).toBe(timersSet);
      await host.settleAsync();
    }
  });
});

describe("under continuous load", () => {
  const costMs = 0.01;
  type Ball = { from: Pid<Ball> };

  /** Actors that always have work. */
  const loads: Record<string, (node: RunningNode, host: FakeHost) => void> = {
    "handlers that play ping-pong": (node, host) => {
      const player = handler(0, (n: number, ball: Ball, self: Self<Ball>) => {
        host.time += costMs;
        self.send(ball.from, { from: self.pid });
        return n + 1;
      });
      const [one, two] = [node.spawn(player), node.spawn(player)];
      node.send(one, { from: two });
    },
    "receive loops that play ping-pong": (node, host) => {
      const player = async (self: Self<Ball>) => {
        for await (const ball of self) {
          host.time += costMs;
          self.send(ball.from, { from: self.pid });
        }
      };
      const [one, two] = [node.spawn(player), node.spawn(player)];
      node.send(one, { from: two });
    },
    "actors that keep their mailboxes full": (node, host) => {
      for (let i = 0; i < 5; i++) {
        const busy = node.spawn(async (self: Self<number>) => {
          for await (const n of self) {
            host.time += costMs;
            self.send(self.pid, n);
          }
        });
        for (let n = 0; n < 10; n++) node.send(busy, n);
      }
    },
    "actors that wait for what is no message": (node, host) => {
      for (let i = 0; i < 5; i++) {
        node.spawn(async (self: Self<number>) => {
          while (self.isAlive) {
            await Promise.resolve();
            host.time += costMs;
            self.send(self.pid, 1);
            await self.receive();
          }
        });
      }
    },
  };

  test.each(Object.entries(loads))(
    "of %s nothing waits longer than a slice and a turn",
    async (_, load) => {
      const { host, a } = line;
      load(a, host);
      const sentAt: number[] = [];
      let longest = 0;
      let sent = 0;
      // All messages that were sent to the node by then are written together.
      line.onWrite = () => {
        for (const at of sentAt.splice(0)) {
          longest = Math.max(longest, host.time - at);
        }
      };
      const talker = a.spawn(async (self: Self<number>) => {
        for await (const n of self) {
          host.time += costMs;
          sentAt.push(host.time);
          sent++;
          self.send(sink, n);
          self.send(self.pid, n + 1);
        }
      });
      a.send(talker, 0);
      await line.run(200);
      expect(sent).toBeGreaterThan(200);
      expect(longest).toBeLessThan(2 * SLICE_MS);
      // Most messages were written together with others.
      expect(line.writes.length).toBeLessThan(sent / 5);
      for (const [i, n] of line.heard.entries()) expect(n).toBe(i);
      expect(line.heard.length).toBeGreaterThan(0);
    },
  );
});
