/** Streams of tasks: order, limits, ends, and cleanup. */
import { describe, expect, test } from "vitest";
import {
  Call,
  Down,
  handler,
  type Pid,
  reasons,
  type ReplyTo,
  type RunningNode,
  type Self,
  Timeout,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  type StreamOptions,
  Task,
  TaskError,
  TaskSupervisor,
} from "../../../std/task/mod.ts";
import { sleep } from "../../../std/timer/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { simulateSeeds } from "../../helpers/simulate.ts";
import { expectActors, expectNothingLeft, failure, hang } from "./world.ts";

const oops = new Error("oops");

/** Runs in an actor, and checks that nothing of it is left on the node. */
async function consumer(
  body: (self: Self<unknown>, node: RunningNode) => Promise<void>,
  trapExits = true,
): Promise<void> {
  const { node } = await lone({ log: () => {} });
  const before = node.stats().actors;
  await node.run(async (self) => {
    self.trapExits = trapExits;
    await body(self, node);
    expectNothingLeft(self);
  });
  await expectActors(node, before);
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = [];
  for await (const result of stream) results.push(result);
  return results;
}

const ok = <T>(...values: T[]) =>
  values.map((value) => ({ type: "ok", value }));

/** An input of numbers, which counts how many were taken. */
function counted(limit: number) {
  const seen = { pulled: 0, isClosed: false };
  function* numbers() {
    try {
      while (seen.pulled < limit) yield seen.pulled++;
    } finally {
      seen.isClosed = true;
    }
  }
  return { seen, numbers };
}

describe("a stream of tasks", () => {
  test("yields results in the order of the input, also when the first is slowest", () =>
    consumer(async (self) => {
      const waits = [9, 6, 3, 0];
      const work = async (ms: number, me: Self<unknown>) => {
        await sleep(me, ms);
        return ms;
      };
      expect(await all(Task.asyncStream(self, waits, work)))
        .toEqual(ok(...waits));
      const two = { maxConcurrency: 2 };
      expect(await all(Task.asyncStream(self, new Set(waits), work, two)))
        .toEqual(ok(...waits));
      expect(await all(Task.asyncStream(self, [], work))).toEqual([]);
    }));

  test("yields results as they come when `ordered` is false", () =>
    consumer(async (self) => {
      const gates: Pid<unknown>[] = [];
      const stream = Task.asyncStream(self, [0, 1, 2], async (n, me) => {
        gates[n] = me.pid;
        await me.receive();
        // Each task is released by the task after it.
        if (n > 0) me.send(gates[n - 1] as Pid<unknown>, "go");
        return n;
      }, { ordered: false });
      const opener = Task.async(self, async (me) => {
        while (gates.length < 3) await sleep(me, 1);
        me.send(gates[2] as Pid<unknown>, "go");
      });
      expect(await all(stream)).toEqual(ok(2, 1, 0));
      await Task.await(self, opener);
    }));

  test("never runs more than `maxConcurrency` tasks, and takes no more input", () =>
    consumer(async (self) => {
      const { seen, numbers } = counted(20);
      let running = 0;
      let most = 0;
      let given = 0;
      const stream = Task.asyncStream(self, numbers(), async (n, me) => {
        most = Math.max(most, ++running);
        await sleep(me, n % 3);
        running--;
        return n;
      }, { maxConcurrency: 3 });
      expect(seen.pulled).toBe(0);
      for await (const result of stream) {
        expect(result).toEqual({ type: "ok", value: given++ });
      }
      expect([most, given, seen.pulled]).toEqual([3, 20, 20]);
      const endless = counted(Infinity);
      const options = { maxConcurrency: 4 };
      for await (
        const _ of Task.asyncStream(self, endless.numbers(), (n) => n, options)
      ) break;
      expect(endless.seen).toEqual({ pulled: 4, isClosed: true });
    }));

  test("refuses an invalid `maxConcurrency`", () =>
    consumer(async (self) => {
      for (const maxConcurrency of [0, -1, 1.5, NaN]) {
        expect(() => Task.asyncStream(self, [], () => 1, { maxConcurrency }))
          .toThrow(UsageError);
      }
      await Promise.resolve();
    }));

  test("takes asynchronous input, and no result waits for it", () =>
    consumer(async (self) => {
      const got: unknown[] = [];
      let isClosed = false;
      async function* input() {
        try {
          yield 1;
          // The second item comes once the first result has been read.
          while (got.length === 0) await sleep(self, 1);
          yield 2;
        } finally {
          isClosed = true;
        }
      }
      const stream = Task.asyncStream(self, input(), (n) => n * 10);
      for await (const result of stream) got.push(result);
      expect(got).toEqual(ok(10, 20));
      expect(isClosed).toBe(true);
    }));

  test("its end does not wait for input that never comes", () =>
    consumer(async (self) => {
      let returned = 0;
      const input: AsyncIterable<number> = {
        [Symbol.asyncIterator]: () => {
          let n = 0;
          return {
            next: () =>
              n++ === 0
                ? Promise.resolve({ done: false, value: 1 })
                : new Promise(() => {}),
            return: () => {
              returned++;
              return new Promise(() => {});
            },
          };
        },
      };
      for await (const result of Task.asyncStream(self, input, (n) => n)) {
        expect(result).toEqual({ type: "ok", value: 1 });
        break;
      }
      expect(returned).toBe(1);
    }));

  test("rejects with the error of the input, and ends its tasks", () =>
    consumer(async (self) => {
      function* input() {
        yield 1;
        throw oops;
      }
      async function* later() {
        yield 1;
        await sleep(self, 1);
        throw oops;
      }
      for (const items of [input, later]) {
        const pids: Pid[] = [];
        const stream = Task.asyncStream(self, items(), async (_, me) => {
          pids.push(me.pid as Pid);
          await hang(me);
        });
        expect(await failure(all(stream))).toBe(oops);
        for (const pid of pids) expect(self.isActorAlive(pid)).toBe(false);
      }
    }));

  test("yields a failure to an owner that traps exits, with its input if wanted", () =>
    consumer(async (self) => {
      const work = (n: number, me: Self<unknown>) => {
        if (n === 1) throw oops;
        if (n === 2) me.exit(reasons.normal);
        return n;
      };
      expect(await all(Task.asyncStream(self, [0, 1, 2, 3], work))).toEqual([
        { type: "ok", value: 0 },
        { type: "exit", reason: oops },
        { type: "exit", reason: reasons.normal },
        { type: "ok", value: 3 },
      ]);
      const zipped = Task.asyncStream(self, [0, 1], work, {
        zipInputOnExit: true,
      });
      expect(await all(zipped)).toEqual([
        { type: "ok", value: 0 },
        { type: "exit", reason: oops, input: 1 },
      ]);
    }));

  test("a failure ends an owner that does not trap exits", async () => {
    const { node } = await lone({ log: () => {} });
    const before = node.stats().actors;
    const reason = await node.run(async (self: Self<Down>) => {
      const { ref } = self.spawnMonitor(async (me) => {
        const stream = Task.asyncStream(me, [0, 1], async (n, it) => {
          if (n === 1) throw oops;
          await hang(it);
        });
        await all(stream).catch(() => {});
        await hang(me);
      });
      return (await self.receive(ref)).reason;
    });
    expect(reason).toBe(oops);
    await expectActors(node, before);
  });

  test("its tasks end when its owner ends", async () => {
    const { node } = await lone({ log: () => {} });
    const before = node.stats().actors;
    const owner = node.spawn(async (me) => {
      await all(Task.asyncStream(me, [0, 1], async (_, it) => {
        it.trapExits = true;
        await hang(it);
      }));
    });
    await expectActors(node, before + 4);
    node.run((self) => self.sendExit(owner as Pid, reasons.kill));
    await expectActors(node, before);
  });

  test("ends when a task takes too long, or kills that task", () =>
    consumer(async (self) => {
      const work = async (n: number, me: Self<unknown>) => {
        if (n === 1) await hang(me);
        return n;
      };
      const limit = { timeoutMs: 5 };
      const error = await failure(
        all(Task.asyncStream(self, [0, 1], work, limit)),
      );
      expect(error).toBeInstanceOf(TaskError);
      expect((error as TaskError).reason).toBe("timeout");
      expect(
        await all(
          Task.asyncStream(self, [0, 1, 2], work, {
            ...limit,
            onTimeout: "killTask",
            zipInputOnExit: true,
          }),
        ),
      ).toEqual([
        { type: "ok", value: 0 },
        { type: "exit", reason: "timeout", input: 1 },
        { type: "ok", value: 2 },
      ]);
    }));

  test("leaves nothing when the loop over it ends early, for any cause", () =>
    consumer(async (self) => {
      const make = () =>
        Task.asyncStream(self, counted(Infinity).numbers(), async (n, me) => {
          me.trapExits = true;
          if (n % 2 === 1) await hang(me);
          return n;
        });
      for await (const _ of make()) break;
      expectNothingLeft(self);
      const thrown = await failure((async () => {
        for await (const _ of make()) throw oops;
      })());
      expect(thrown).toBe(oops);
      expectNothingLeft(self);
      const iterator = make()[Symbol.asyncIterator]();
      await iterator.next();
      await iterator.return?.();
      expect((await iterator.next()).done).toBe(true);
      expectNothingLeft(self);
      // A stream that was never read has started nothing.
      await make()[Symbol.asyncIterator]().return?.();
    }));

  test("neither puts messages into the mailbox nor takes any out", () =>
    consumer(async (self) => {
      const fake = new Down(self.makeRef(), self.pid as Pid, "fake");
      self.send(self.pid, fake);
      for await (const _ of Task.asyncStream(self, [1, 2, 3], (n) => n)) {
        expect(self.info()?.mailboxLength).toBe(1);
      }
      expect(await self.receive()).toBe(fake);
    }));

  test("can be read by another actor than the one that made it", () =>
    consumer(async (self) => {
      const stream = Task.asyncStream(self, [1, 2], (n) => n + 1);
      const reader = Task.async(self, () => all(stream));
      expect(await Task.await(self, reader)).toEqual(ok(2, 3));
    }));

  test("runs under a supervisor, and its tasks are children of that", () =>
    consumer(async (self) => {
      const tasks = await TaskSupervisor.start(self);
      const seen: (readonly Pid<never>[])[] = [];
      const work = async (n: number, me: Self<unknown>) => {
        seen.push(await tasks.children(me));
        if (n === 2) throw oops;
        return Task.callers(me);
      };
      const results = await all(tasks.asyncStream(self, [1, 2], work));
      expect(results).toEqual([
        { type: "ok", value: [self.pid] },
        { type: "exit", reason: oops },
      ]);
      expect(seen.flat().length).toBeGreaterThan(0);
      for await (const _ of tasks.asyncStream(self, [1, 2, 3], work)) break;
      expect(await tasks.children(self)).toEqual([]);
      await tasks.stop(self);
    }));

  test("without a link under a supervisor does not end its owner", () =>
    consumer(async (self) => {
      const tasks = await TaskSupervisor.start(self);
      const work = (n: number) => {
        if (n === 1) throw oops;
        return n;
      };
      expect(await all(tasks.asyncStreamNolink(self, [1, 2], work)))
        .toEqual([{ type: "exit", reason: oops }, { type: "ok", value: 2 }]);
      await tasks.stop(self);
    }, false));
});

/** Resolves after a time without a call of `receive`. */
const pacer = handler(null, (state: null, message: unknown, self: Self) => {
  if (message instanceof Call) {
    self.startTimer(message.request as number, message.from);
  } else if (message instanceof Timeout) {
    self.reply(message.message as ReplyTo, null);
  }
  return state;
});

test("under random schedules a stream yields each result once and leaves nothing", async () => {
  await simulateSeeds({ count: 150 }, async (sim) => {
    const node = await sim.start("a@sim");
    await node.run(async (self) => {
      self.trapExits = true;
      const before = node.stats().actors;
      const count = 1 + sim.below(8);
      const options: StreamOptions = {
        maxConcurrency: 1 + sim.below(4),
        ordered: sim.below(2) === 0,
        timeoutMs: 1 + sim.below(8),
        onTimeout: "killTask",
        zipInputOnExit: true,
      };
      const pace = self.spawn(pacer);
      async function* later() {
        for (let n = 0; n < count; n++) {
          if (sim.below(2) === 0) await self.call(pace, sim.below(3));
          yield n;
        }
      }
      const items = Array.from({ length: count }, (_, n) => n);
      const input = sim.below(2) === 0 ? items : later();
      const stream = Task.asyncStream(self, input, async (n, me) => {
        await sleep(me, sim.below(6));
        if (sim.below(4) === 0) throw n;
        return n;
      }, options);
      const wanted = sim.below(3) === 0 ? sim.below(count) : Infinity;
      const seen: number[] = [];
      for await (const result of stream) {
        seen.push(
          result.type === "ok" ? result.value : result.input as number,
        );
        if (seen.length > wanted) break;
        if (sim.below(4) === 0) await sleep(self, sim.below(4));
      }
      const inOrder = seen.toSorted((a, b) => a - b);
      expect(new Set(seen).size).toBe(seen.length);
      if (options.ordered) expect(seen).toEqual(inOrder);
      if (wanted === Infinity) expect(inOrder).toEqual(items);
      // The input itself may still be waiting for its pacer.
      await sleep(self, 5);
      expectNothingLeft(self);
      expect(node.stats().actors).toBe(before + 1);
    });
  });
});
