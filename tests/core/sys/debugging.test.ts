/** What `sys` can watch of handler actors. */
import { describe, expect, test } from "vitest";
import {
  asyncHandler,
  atom,
  Call,
  CallError,
  type Handler,
  handler,
  ImproperList,
  type Pid,
  Ref,
  type RunningNode,
  type Self,
  sys,
  type SystemEvent,
  type Tuple,
  tuple,
} from "../../../runtime/mod.ts";
import { coreOf, isDown, lone, park } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";

const step = (total: number, message: unknown, self: Self<unknown>) => {
  if (typeof message === "number") return total + message;
  if (message instanceof Call) self.reply(message.from, total);
  return total;
};
const kinds: readonly [string, () => Handler<unknown>][] = [
  ["handler", () => handler(0, step)],
  [
    "asyncHandler",
    () =>
      asyncHandler(0, async (total, message, self: Self<unknown>) => {
        await Promise.resolve();
        return step(total as number, message, self);
      }),
  ],
];

/** Whether the fast path is taken again. */
async function isPlain(node: RunningNode, pid: Pid<unknown>): Promise<boolean> {
  const actor = (await coreOf(node)).localActor(pid as Pid);
  return actor?.debug === null && !actor.isSpecial;
}

describe.each(kinds)("sys of a %s", (_, make) => {
  test("counts what goes in and out", async () => {
    const { node } = await lone();
    const pid = node.spawn(make());
    await node.run(async (self) => {
      expect(await sys.getStatistics(self, pid)).toBeNull();
      self.send(pid, 1);
      await sys.statistics(self, pid, true);
      for (let i = 0; i < 300; i++) self.send(pid, 1);
      expect(await self.call(pid, "total")).toBe(301);
      await sys.statistics(self, pid, true);
      const counted = await sys.getStatistics(self, pid);
      expect(counted).toMatchObject({ messagesIn: 301, messagesOut: 1 });
      expect(counted?.reductions).toBeGreaterThanOrEqual(301);
      const { startTime, currentTime } = counted as NonNullable<
        typeof counted
      >;
      expect(Math.abs(Date.now() - currentTime.getTime())).toBeLessThan(60_000);
      expect(currentTime.getTime()).toBeGreaterThanOrEqual(startTime.getTime());
      await sys.statistics(self, pid, false);
      expect(await sys.getStatistics(self, pid)).toBeNull();
      expect(await self.call(pid, "total")).toBe(301);
    });
    expect(await isPlain(node, pid)).toBe(true);
  });

  test("keeps the last events", async () => {
    const { node } = await lone();
    const pid = node.spawn(make());
    await node.run(async (self) => {
      expect(await sys.getLog(self, pid)).toEqual([]);
      await sys.log(self, pid, true);
      for (let i = 0; i < 12; i++) self.send(pid, i);
      const numbers = Array.from({ length: 10 }, (_, i) => i + 2);
      const taken = (n: unknown) => tuple(atom("in"), n);
      expect(await sys.getLog(self, pid)).toEqual(numbers.map(taken));
      await sys.log(self, pid, 3);
      expect(await sys.getLog(self, pid)).toEqual([9, 10, 11].map(taken));
      self.cast(pid, "later");
      expect(await self.call(pid, "total")).toBe(66);
      const [cast, call, reply] = await sys.getLog(self, pid) as Tuple[];
      expect(cast).toEqual(taken(tuple(atom("$gen_cast"), "later")));
      expect((call?.items[1] as Tuple).items).toEqual([
        atom("$gen_call"),
        tuple(self.pid, new ImproperList([atom("alias")], expect.any(Ref))),
        "total",
      ]);
      expect(reply).toEqual(tuple(atom("out"), 66, self.pid));
      await sys.log(self, pid, false);
      self.send(pid, 1);
      expect(await sys.getLog(self, pid)).toEqual([]);
      for (const limit of [0, -1, 1.5]) {
        await expect(sys.log(self, pid, limit)).rejects.toThrow(CallError);
      }
    });
    expect(await isPlain(node, pid)).toBe(true);
  });
});

test("prints onto the output of the group leader", async () => {
  let printed = "";
  const { node } = await lone({ output: (text) => void (printed += text) });
  const pid = node.spawn(kinds[0]![1](), { name: "counter" });
  await node.run(async (self) => {
    await sys.trace(self, pid, true);
    self.send(pid, 7);
    await self.call(pid, "total");
    await sys.trace(self, pid, false);
    self.send(pid, 8);
    await waitFor(() => printed.split("\n").length === 4, { what: "lines" });
    const [first, second, third] = printed.split("\n");
    expect(first).toMatch(/^\*DBG\* #PID<0\.\d+\.0> \(counter\) got 7$/);
    expect(second).toContain("$gen_call");
    expect(third).toMatch(/sent 7 to #PID/);
    printed = "";
    await sys.log(self, pid, 2);
    for (const n of [1, 2, 3]) self.send(pid, n);
    await sys.printLog(self, pid);
    await waitFor(() => printed.split("\n").length === 3, { what: "lines" });
    expect(printed).toMatch(/ got 2\n.* got 3\n$/);
  });
});

test("shows events to functions, until they are done, throw, or go", async () => {
  const { node, records } = await lone();
  const pid = node.spawn(kinds[0]![1](), { name: "counter" });
  await node.run(async (self) => {
    const seen: [string, SystemEvent][] = [];
    const watch = (count: number, event: SystemEvent, who: string) => {
      seen.push([who, event]);
      return count === 2 ? sys.done : count + 1;
    };
    await sys.install(self, pid, watch, 1);
    await sys.install(self, pid, watch, 1);
    const thrower = () => {
      throw new Error("no");
    };
    await sys.install(self, pid, thrower, null, { id: atom("t") });
    for (const n of [1, 2, 3]) self.send(pid, n);
    await sys.getState(self, pid);
    expect(seen.map(([, event]) => event)).toEqual([
      { type: "in", message: 1 },
      { type: "in", message: 2 },
    ]);
    expect(seen[0]?.[0]).toContain("(counter)");
    expect(records.map(({ message }) => message))
      .toEqual(["a debug function has thrown"]);
    const count = (n: number) => n + 1;
    await sys.install(self, pid, count, 0, { id: "c" });
    await sys.remove(self, pid, "c");
    await sys.install(self, pid, count, 0);
    await sys.remove(self, pid, count);
    expect(await isPlain(node, pid)).toBe(true);
    await sys.install(self, pid, count, 0);
    await sys.log(self, pid, true);
    await sys.noDebug(self, pid);
    self.send(pid, 1);
    expect(await sys.getLog(self, pid)).toEqual([]);
  });
  expect(await isPlain(node, pid)).toBe(true);
});

test("what is watched is suspended, resumed and ended as ever", async () => {
  const { node } = await lone();
  const pid = node.spawn(kinds[0]![1]());
  await node.run(async (self) => {
    await sys.log(self, pid, true);
    await sys.suspend(self, pid);
    for (const n of [1, 2]) self.send(pid, n);
    expect(await sys.getLog(self, pid)).toEqual([]);
    await sys.resume(self, pid);
    expect(await sys.getState(self, pid)).toBe(3);
    expect(await sys.getLog(self, pid)).toHaveLength(2);
    const ref = self.monitor(pid as Pid);
    await sys.terminate(self, pid, "over");
    const down = await (self as Self<unknown>).receive(isDown);
    expect(down).toMatchObject({ ref, reason: "over" });
  });
});

test("suspended, it still ends on its parent's exit signal", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const ended: unknown[] = [];
    const parent = self.spawn(async (me: Self<unknown>) => {
      const options = { trapExits: true };
      const behaviour = asyncHandler(0, (n: number) => n, {
        system: {
          terminate: (state, reason) => void ended.push(state, reason),
        },
      });
      const child = me.spawnLink(behaviour, options);
      self.send(self.pid, child);
      await me.receive();
      me.exit("bye");
    });
    const child = await self.receive() as Pid<unknown>;
    const ref = self.monitor(child as Pid);
    await sys.suspend(self, child);
    const stranger = self.spawn(park);
    self.sendExit(child as Pid, "not the parent");
    self.send(child, "a message");
    expect(self.isActorAlive(stranger as Pid)).toBe(true);
    self.send(parent, "end");
    const down = await self.receive(isDown);
    expect(down).toMatchObject({ ref, reason: "bye" });
    expect(ended).toEqual([0, "bye"]);
  });
});

test("a suspended one that does not trap exits dies as ever", async () => {
  const { node } = await lone();
  await node.run(async (self: Self<unknown>) => {
    const pid = self.spawn(kinds[0]![1]());
    const ref = self.monitor(pid as Pid);
    await sys.suspend(self, pid);
    self.sendExit(pid as Pid, "die");
    expect(await self.receive(isDown)).toMatchObject({ ref, reason: "die" });
  });
});
