/** `receive` where several things happen to it at once. */
import { describe, expect, test } from "vitest";
import { Down, type Pid, type Self, UsageError } from "../../../runtime/mod.ts";
import { lone } from "../../helpers/actors.ts";

describe("a receive whose turn is used up", () => {
  /** Its message is found, and dropped before it may be taken. */
  async function robbed(
    wait: (self: Self<unknown>) => Promise<unknown>,
  ): Promise<unknown> {
    const { node } = await lone();
    const sink = node.spawn(async (me: Self) => void await me.receive("never"));
    return await node.run((self: Self<unknown>) => {
      for (let i = 0; i < 500; i++) self.send(sink as Pid<unknown>, i);
      self.send(self.pid, { type: "want" });
      const waiting = wait(self);
      self.send(self.pid, { type: "other" });
      return waiting;
    }, { mailbox: { limit: 1, policy: "dropOldest" } });
  }

  test("ends with its time all the same", async () => {
    const options = { timeoutMs: 20 };
    expect(await robbed((self) => self.receive("want", options)))
      .toBeUndefined();
  });

  test("ends when it is aborted all the same", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const late = new AbortController();
    await expect(robbed((self) => self.receive("want", { signal })))
      .rejects.toThrow("enough");
    const waiting = robbed((self) => {
      self.sendAfter(5, self.pid, { type: "third" });
      return self.receive("want", { signal: late.signal, timeoutMs: 60_000 });
    });
    setTimeout(() => late.abort(new Error("late")), 20);
    await expect(waiting).rejects.toThrow("late");
  });
});

describe("a pattern", () => {
  test("that receives is refused, and nothing is lost", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      self.send(self.pid, 1);
      await expect(self.receive((n) => {
        void self.receive({ timeoutMs: 0 });
        return n === 1;
      })).rejects.toThrow(UsageError);
      expect(await self.receive()).toBe(1);
    });
  });

  test("that is asynchronous is refused, and nothing is lost", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<number>) => {
      self.send(self.pid, 1);
      const wrong = (async () => await Promise.resolve(false)) as never;
      await expect(self.receive(wrong)).rejects.toThrow("asynchronous");
      expect(await self.receive()).toBe(1);
    });
  });

  test("that removes a message skips none", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const { ref, pid } = self.spawnMonitor(() => {});
      while (self.isActorAlive(pid)) await self.receive({ timeoutMs: 1 });
      for (const n of [1, 2, 3]) self.send(self.pid, n);
      const got = await self.receive((message) => {
        self.demonitor(ref, { flush: true });
        return message === 2;
      }, { timeoutMs: 1_000 });
      expect(got).toBe(2);
      expect([await self.receive(), await self.receive()]).toEqual([1, 3]);
    });
  });
});

test("a full mailbox that drops its oldest keeps what the runtime says", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const { pid, ref } = self.spawnMonitor(() => {});
    // Waits without taking anything.
    await self.receive("never", { timeoutMs: 5 });
    expect(self.isActorAlive(pid)).toBe(false);
    for (const n of [1, 2, 3]) self.send(self.pid, n);
    expect(await self.receive()).toMatchObject({ ref });
    expect(await self.receive()).toBe(3);
    expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
  }, { mailbox: { limit: 2, policy: "dropOldest" } });
});

describe("waiting for a ref", () => {
  /** A message that counts how often it is looked at. */
  const watched = (looks: { count: number }) => ({
    get ref() {
      looks.count++;
      return undefined;
    },
  });

  test.each([
    ["made by itself", (self: Self<unknown>) => self.makeRef()],
    ["of a monitor", (self: Self<unknown>) => self.monitor("nobody")],
    [
      "of spawnMonitor",
      (self: Self<unknown>) => self.spawnMonitor(() => {}).ref,
    ],
    ["of a timer", (self: Self<unknown>) => self.startTimer(0, "now")],
  ])("%s looks at no message from before", async (what, make) => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const looks = { count: 0 };
      for (let i = 0; i < 100; i++) self.send(self.pid, watched(looks));
      const ref = make(self);
      // Refs that come later change nothing.
      self.makeRef();
      if (what === "made by itself") self.send(self.pid, { ref });
      expect(await self.receive(ref)).toMatchObject({ ref });
      expect(looks.count).toBe(0);
    });
  });

  test("finds another's ref wherever it is", async () => {
    const { node } = await lone();
    await node.run(async (self: Self<unknown>) => {
      const theirs = await node.run((other) => other.makeRef());
      self.send(self.pid, { ref: theirs });
      self.send(self.pid, "later");
      expect(await self.receive(theirs)).toMatchObject({ ref: theirs });
      const down = self.monitor("nobody");
      expect(await self.receive(down)).toBeInstanceOf(Down);
    });
  });
});
