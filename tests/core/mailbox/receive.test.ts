/** What `receive` gives to a function actor, and when. */
import { describe, expect, test } from "vitest";
import {
  Down,
  handler,
  type Pid,
  reasons,
  type Self,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  coreOf,
  crashReports,
  drain,
  isDown,
  lone,
  poll,
} from "../../helpers/actors.ts";

type Note =
  | { type: "a"; n: number }
  | { type: "b"; n: number }
  | { type: "c"; n: number };
const note = (type: Note["type"], n: number): Note => ({ type, n });

describe("receive", () => {
  test("gives messages in the order in which they came", async () => {
    const { node } = await lone();
    const count = 1_000;
    const seen = await node.run(async (self: Self<number>) => {
      const out: number[] = [];
      for (let i = 0; i < count; i++) self.send(self.pid, i);
      for (let i = 0; i < count; i++) out.push(await self.receive());
      return out;
    });
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test("keeps the order of each sender among many", async () => {
    const { node } = await lone();
    const [senders, each] = [10, 200];
    const seen = await node.run(async (self: Self<[number, number]>) => {
      for (let s = 0; s < senders; s++) {
        self.spawn(async (me) => {
          for (let n = 0; n < each; n++) {
            self.send(self.pid, [s, n]);
            // Let the others in between.
            if (n % 7 === 0) await me.receive({ timeoutMs: 0 });
          }
        });
      }
      const next = new Array<number>(senders).fill(0);
      for (let i = 0; i < senders * each; i++) {
        const [s, n] = await self.receive();
        expect(n).toBe(next[s]!++);
      }
      return next;
    });
    expect(seen).toEqual(new Array(senders).fill(each));
  });

  test("hands out undefined and null as messages", async () => {
    const { node } = await lone();
    await node.run(async (self) => {
      for (const message of [undefined, null, 0, "", false]) {
        self.send(self.pid, message);
        expect(await self.receive()).toBe(message);
      }
    });
  });

  test("iterates", async () => {
    const { node } = await lone();
    const seen = await node.run(async (self: Self<number>) => {
      for (const n of [1, 2, 3, 4]) self.send(self.pid, n);
      const out: number[] = [];
      for await (const n of self) {
        out.push(n);
        if (n === 3) break;
      }
      // Leaving the loop leaves the mailbox as it is.
      out.push(await self.receive() * 10);
      return out;
    });
    expect(seen).toEqual([1, 2, 3, 40]);
  });

  test("is one at a time", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      const first = self.receive();
      await expect(self.receive()).rejects.toThrow(UsageError);
      await expect(self.receive("x" as never)).rejects.toThrow(UsageError);
      await expect(self.receive({ timeoutMs: 0 })).rejects.toThrow(UsageError);
      self.send(self.pid, "one");
      self.send(self.pid, "two");
      // The first is not harmed by it.
      expect(await first).toBe("one");
      expect(await self.receive()).toBe("two");
    });
  });

  test("is one at a time when the turn is used up as well", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      for (let n = 0; n < 200; n++) self.send(self.pid, note("a", n));
      for (let n = 0; n < 200; n++) {
        const first = self.receive("a");
        // Some of these wait for the next turn and some do not.
        const second = self.receive("b", { timeoutMs: 0 })
          .catch((error: unknown) => error);
        expect((await first).n).toBe(n);
        const refused = await second;
        if (refused !== undefined) expect(refused).toBeInstanceOf(UsageError);
      }
      expect(await drain(self as Self)).toEqual([]);
    });
  });

  test("is not for handlers, whether messages wait or not", async () => {
    const { node, records } = await lone();
    for (const waiting of [0, 2]) {
      const got: unknown[] = [];
      const down = await node.run(async (self: Self<unknown>) => {
        const { pid } = self.spawnMonitor(
          handler(0, (count: number, m: unknown, me: Self) => {
            got.push(m);
            void me.receive();
            return count + 1;
          }),
        );
        for (let i = 0; i <= waiting; i++) self.send(pid, i);
        return await self.receive(isDown);
      });
      expect(got).toEqual([0]);
      expect(down.reason).toBeInstanceOf(UsageError);
      expect(String(down.reason)).toContain("handler");
    }
    expect(crashReports(records)).toHaveLength(2);
  });
});

describe("a pattern", () => {
  test("takes the first that matches and leaves the others in order", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      for (
        const [i, type] of (["a", "b", "a", "c", "b", "a"] as const).entries()
      ) {
        self.send(self.pid, note(type, i));
      }
      expect(await self.receive("b")).toEqual(note("b", 1));
      expect(await self.receive((m) => m.n > 2)).toEqual(note("c", 3));
      expect(await self.receive("b")).toEqual(note("b", 4));
      expect(await drain(self as Self)).toEqual([
        note("a", 0),
        note("a", 2),
        note("a", 5),
      ]);
    });
  });

  test("waits for a match that comes later", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      self.send(self.pid, note("a", 0));
      self.spawn(() => {
        self.send(self.pid, note("a", 1));
        self.send(self.pid, note("b", 2));
        self.send(self.pid, note("a", 3));
      });
      expect(await self.receive("b")).toEqual(note("b", 2));
      expect(await self.receive("a")).toEqual(note("a", 0));
      expect(await self.receive()).toEqual(note("a", 1));
      expect(await self.receive()).toEqual(note("a", 3));
    });
  });

  test("looks at every message once while it waits", async () => {
    const { node } = await lone();
    const asked: number[] = [];
    await node.run(async (self: Self<number>) => {
      const feeder = self.spawn(async (me: Self<number>) => {
        for (;;) self.send(self.pid, await me.receive());
      });
      for (let i = 0; i < 50; i++) self.send(self.pid, i);
      for (let i = 50; i < 100; i++) self.send(feeder, i);
      expect(
        await self.receive((n) => {
          asked.push(n);
          return n === 99;
        }),
      ).toBe(99);
      expect(await drain(self as Self)).toHaveLength(99);
    });
    expect(asked).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("of a string matches `type` and nothing else", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const others = [null, undefined, "a", 1, ["a"], { kind: "a" }, {
        type: "A",
      }];
      for (const other of others) self.send(self.pid, other);
      self.send(self.pid, { type: "a" });
      expect(await self.receive("a")).toEqual({ type: "a" });
      const rest = [];
      for (let i = 0; i < others.length; i++) rest.push(await self.receive());
      expect(rest).toEqual(others);
    });
  });

  test("that throws ends its actor with that error and no other actor", async () => {
    const { node, records } = await lone();
    const error = new Error("bad predicate");
    for (const early of [true, false]) {
      await node.run(async (self: Self<unknown>) => {
        const { pid, ref } = self.spawnMonitor(async (me: Self<number>) => {
          if (!early) self.send(self.pid, "waiting");
          await me.receive(() => {
            throw error;
          });
        });
        if (!early) expect(await self.receive()).toBe("waiting");
        self.send(pid, 1);
        self.send(pid, 2);
        expect(await self.receive(isDown)).toEqual(new Down(ref, pid, error));
      });
    }
    expect(crashReports(records)).toHaveLength(2);
    expect(await node.run(() => "alive")).toBe("alive");
  });

  test("that throws can be survived", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      self.send(self.pid, 1);
      const bad = () => {
        throw new Error("bad predicate");
      };
      await expect(self.receive(bad)).rejects.toThrow("bad predicate");
      const later = self.receive((n) => n > 1 && bad());
      self.send(self.pid, 2);
      await expect(later).rejects.toThrow("bad predicate");
      expect(await self.receive()).toBe(1);
      expect(await self.receive()).toBe(2);
    });
  });

  test("that ends its own actor ends nothing else", async () => {
    const { node } = await lone();
    const { actors } = node.stats();
    for (const early of [true, false]) {
      for (const verdict of [true, false]) {
        await node.run(async (self: Self<unknown>) => {
          const { pid, ref } = self.spawnMonitor(async (me: Self<number>) => {
            if (!early) self.send(self.pid, "waiting");
            await me.receive(() => {
              me.sendExit(me.pid, "enough");
              return verdict;
            });
          });
          if (!early) expect(await self.receive()).toBe("waiting");
          self.send(pid, 1);
          self.send(pid, 2);
          expect(await self.receive(isDown))
            .toEqual(new Down(ref, pid, "enough"));
          expect((pid as Pid<number>).target).toBeNull();
        });
      }
    }
    expect(await node.run(() => "alive")).toBe("alive");
    expect(node.stats().actors).toBe(actors);
  });

  test("finds all of 20,000 in a mailbox it has to search", async () => {
    const { node } = await lone();
    const count = 20_000;
    await node.run(async (self: Self<Note>) => {
      for (let n = 0; n < 50; n++) self.send(self.pid, note("c", n));
      for (let n = 0; n < count; n++) self.send(self.pid, note("a", n));
      let expected = 0;
      for (let i = 0; i < count; i++) {
        if ((await self.receive("a")).n === i) expected++;
      }
      expect(expected).toBe(count);
      expect(await drain(self as Self)).toHaveLength(50);
    });
  });
});

describe("timeoutMs", () => {
  test("of 0 takes what is there and does not wait", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
      expect(await self.receive("a", { timeoutMs: 0 })).toBeUndefined();
      self.send(self.pid, note("a", 1));
      self.send(self.pid, note("b", 2));
      expect(await self.receive("b", { timeoutMs: 0 })).toEqual(note("b", 2));
      expect(await self.receive("b", { timeoutMs: 0 })).toBeUndefined();
      expect(await self.receive({ timeoutMs: 0 })).toEqual(note("a", 1));
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
  });

  test("of 0 does not end a pending turn with a message lost", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      for (let i = 0; i < 500; i++) {
        self.send(self.pid, i);
        expect(await self.receive({ timeoutMs: 0 })).toBe(i);
        expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
      }
    });
  });

  test("ends the wait without a message and leaves others alone", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      self.send(self.pid, note("a", 1));
      expect(await self.receive("b", { timeoutMs: 5 })).toBeUndefined();
      expect(await self.receive({ timeoutMs: 5 })).toEqual(note("a", 1));
      expect(await self.receive({ timeoutMs: 5 })).toBeUndefined();
      // What a time-out leaves behind does not end the next receive.
      self.sendAfter(5, self.pid, note("c", 2));
      expect(await self.receive()).toEqual(note("c", 2));
    });
  });

  test("is over once a message has come", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      const pending = self.receive({ timeoutMs: 20 });
      self.send(self.pid, "first");
      expect(await pending).toBe("first");
      // The old deadline passes while this one waits.
      self.sendAfter(40, self.pid, "second");
      expect(await self.receive()).toBe("second");
    });
  });

  test("that is no time is refused, and the actor goes on", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      self.send(self.pid, note("a", 1));
      for (const timeoutMs of [-1, Number.NaN, "5" as never]) {
        await expect(self.receive("b", { timeoutMs })).rejects
          .toThrow(UsageError);
      }
      expect(await self.receive()).toEqual(note("a", 1));
      expect(await self.receive({ timeoutMs: 1 })).toBeUndefined();
    });
  });

  test("of Infinity waits for as long as it takes", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      self.sendAfter(5, self.pid, note("b", 1));
      expect(await self.receive("b", { timeoutMs: Infinity }))
        .toEqual(note("b", 1));
    });
    expect((await coreOf(node)).timers.size).toBe(0);
  });

  test("does not end a later receive that loses its message", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      expect(await self.receive({ timeoutMs: 1 })).toBeUndefined();
      const child = self.spawn(async (me) => void await me.receive());
      const ref = self.monitor(child);
      const pending = self.receive();
      self.sendExit(child, reasons.kill);
      // The message that woke the actor is taken back before its turn.
      expect(self.demonitor(ref, { flush: true })).toBe(false);
      self.sendAfter(5, self.pid, "real");
      expect(await pending).toBe("real");
    });
  });
});

describe("an abort signal", () => {
  test("ends the wait with its reason and leaves the actor alive", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      const abort = new AbortController();
      const pending = self.receive({ signal: abort.signal });
      abort.abort(new Error("changed my mind"));
      await expect(pending).rejects.toThrow("changed my mind");
      self.send(self.pid, "still here");
      expect(await self.receive()).toBe("still here");
    });
  });

  test("that is aborted already ends it at once, with no message lost", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      self.send(self.pid, "kept");
      const signal = AbortSignal.abort("too late");
      await expect(self.receive({ signal })).rejects.toBe("too late");
      expect(await self.receive()).toBe("kept");
    });
  });

  test("comes too late for a receive that has its message", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      const abort = new AbortController();
      const pending = self.receive({ signal: abort.signal });
      self.send(self.pid, "one");
      expect(await pending).toBe("one");
      const next = self.receive();
      abort.abort();
      self.send(self.pid, "two");
      expect(await next).toBe("two");
    });
  });

  test("and a message at the same time lose nothing", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<string>) => {
      const abort = new AbortController();
      const pending = self.receive({ signal: abort.signal });
      self.send(self.pid, "one");
      abort.abort("stop");
      const outcome = await pending.catch((reason: unknown) => reason);
      const rest = await drain(self as Self);
      expect([[outcome, ...rest], [outcome]]).toContainEqual(
        outcome === "stop" ? ["stop", "one"] : ["one"],
      );
    });
  });

  test("goes with a time-out and a pattern", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<Note>) => {
      const { signal } = new AbortController();
      self.send(self.pid, note("a", 1));
      expect(await self.receive("b", { signal, timeoutMs: 1 }))
        .toBeUndefined();
      const any = await self.receive({ signal });
      expect(any).toEqual(note("a", 1));
      expect(await poll(self as Self)).toBeUndefined();
    });
  });
});
