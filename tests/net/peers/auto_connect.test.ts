/**
 * Signals that make a connection: messages, monitors, links and spawns, to
 * nodes that run, that have run and that never ran; and signals that cannot be
 * encoded.
 */
import { describe, expect, test } from "vitest";
import {
  memoryNetwork,
  type Pid,
  reasons,
  type Self,
  SpawnError,
  type StartOptions,
} from "../../../runtime/mod.ts";
import { waitFor } from "../../helpers/wait.ts";
import { eventsOf, type Logged, pairInMemory, startNode } from "./raw_peer.ts";

const exportsOfB: StartOptions = {
  exports: {
    echo: () => async (self: Self<{ from: Pid<number>; n: number }>) => {
      for await (const { from, n } of self) self.send(from, n);
    },
  },
};

describe("a signal that connects by itself", () => {
  test("a message to a name, to a pid, a monitor, a link, a spawn", async () => {
    const [a, b] = await pairInMemory(exportsOfB);
    const events = eventsOf(a.node);
    const part = async (round: number) => {
      expect(events).toHaveLength(2 * round - 1);
      a.node.disconnect("b@b.host");
      await waitFor(() => b.node.nodes().length === 0, { what: "the end" });
    };
    const echo = b.node.spawn<{ from: Pid<number>; n: number }>(
      async (self) => {
        for await (const { from, n } of self) self.send(from, n);
      },
      { name: "echo" },
    );
    await a.node.run(async (self) => {
      self.trapExits = true;
      self.send({ name: "echo", node: "b@b.host" }, { from: self.pid, n: 1 });
      expect(await self.receive()).toBe(1);
      // The pid of an actor on b, as a has received it in a message.
      const forward = { to: self.pid, what: echo };
      b.node.send(forward.to, forward.what);
      const remote = await self.receive() as Pid<
        { from: Pid<number>; n: number }
      >;
      await part(1);
      self.send(remote, { from: self.pid, n: 2 });
      expect(await self.receive()).toBe(2);
      await part(2);
      const ref = self.monitor({ name: "nobody", node: "b@b.host" });
      expect(await self.receive())
        .toMatchObject({ type: "DOWN", ref, reason: reasons.noproc });
      await part(3);
      self.link(remote);
      self.sendExit(remote, "enough");
      expect(await self.receive())
        .toMatchObject({ type: "EXIT", from: remote, reason: "enough" });
      await part(4);
      const spawned = await self.spawnOn("b@b.host", "echo");
      self.send(spawned.pid, { from: self.pid, n: 3 });
      expect(await self.receive()).toBe(3);
    });
    expect(events).toHaveLength(9);
    expect([...a.logs.complaints, ...b.logs.complaints]).toEqual([]);
  });

  test.each(["unreachable@x.host", "b@short", "not a name"])(
    "to %s tells of it exactly once",
    async (node) => {
      const [a, b] = await pairInMemory();
      const pid = await a.node.run<Pid>((self) => Promise.resolve(self.pid));
      await a.node.run(async (self) => {
        self.trapExits = true;
        const target = { name: "somebody", node };
        expect(self.send(target, "lost")).toBe(true);
        const ref = self.monitor(target);
        await expect(self.spawnOn(node, "echo")).rejects.toThrow(SpawnError);
        expect(await self.receive({ timeoutMs: 2_000 }))
          .toEqual({ type: "DOWN", ref, target, reason: reasons.noconnection });
        await self.ready(target);
        expect(await self.receive({ timeoutMs: 50 })).toBeUndefined();
      });
      expect(pid).toBeDefined();
      expect(a.node.nodes()).toEqual([]);
      expect([...a.logs.complaints, ...b.logs.complaints]).toEqual([]);
    },
  );

  test("a link to a node that has ended for good", async () => {
    const [a, b] = await pairInMemory();
    const remote = await pidOf(a, b);
    await b.node.stop();
    await waitFor(() => a.node.nodes().length === 0, { what: "the end" });
    await a.node.run(async (self) => {
      self.trapExits = true;
      self.link(remote);
      const ref = self.monitor(remote);
      const heard = [await self.receive(), await self.receive()];
      expect(heard).toContainEqual(
        { type: "EXIT", from: remote, reason: reasons.noconnection },
      );
      expect(heard).toContainEqual(
        { type: "DOWN", ref, target: remote, reason: reasons.noconnection },
      );
      expect(await self.receive({ timeoutMs: 50 })).toBeUndefined();
    });
  });

  test("a pid of an earlier incarnation affects no other signal", async () => {
    const network = memoryNetwork();
    const [a, b] = await pairInMemory({ network });
    const old = await pidOf(a, b);
    await b.node.stop();
    await waitFor(() => a.node.nodes().length === 0, { what: "the end" });
    const again = await startNode({
      ...exportsOfB,
      name: "b@b.host",
      network,
      port: 1,
      peerPort: 1,
    });
    const heard: unknown[] = [];
    again.node.spawn(async (self) => {
      for await (const message of self) heard.push(message);
    }, { name: "inbox" });
    const inbox = { name: "inbox", node: "b@b.host" };
    const large = new Uint8Array(100_000).fill(7);
    await a.node.run(async (self) => {
      self.trapExits = true;
      // All of it is sent before there is a connection.
      self.send(old, "for no actor");
      self.send(inbox, { n: 1, about: old, from: self.pid });
      const past = self.monitor(old);
      self.send(old, "for no actor either");
      const present = self.monitor(inbox);
      self.link(old);
      self.sendExit(old, "enough");
      self.send(inbox, { n: 2, large });
      const spawning = self.spawnOn("b@b.host", "echo");
      self.send(inbox, { n: 3, about: old });
      const told = [await self.receive(), await self.receive()];
      const reason = reasons.noproc;
      expect(told).toContainEqual(
        expect.objectContaining({ type: "DOWN", ref: past, reason }),
      );
      expect(told).toContainEqual({ type: "EXIT", from: old, reason });
      expect((await spawning).pid.node).toBe("b@b.host");
      // The monitor of the live actor still holds.
      expect(self.demonitor(present)).toBe(true);
      await waitFor(() => heard.length === 3, { what: "the messages" });
      expect(heard).toEqual([
        { n: 1, about: old, from: self.pid },
        { n: 2, large },
        { n: 3, about: old },
      ]);
      expect(await self.receive({ timeoutMs: 0 })).toBeUndefined();
    });
    expect(again.node.nodes()).toEqual(["a@a.host"]);
    expect([...a.logs.complaints, ...again.logs.complaints]).toEqual([]);
  });
});

/**
 * The pid of an actor on `b` that runs until it is told to end, known to `a`.
 */
async function pidOf(a: Logged, b: Logged): Promise<Pid<unknown>> {
  return await a.node.run<Pid<unknown>, Pid<unknown>>(async (self) => {
    b.node.send({ name: "asker", node: self.node }, "connect");
    self.register("asker");
    self.send({ name: "nobody", node: b.node.name }, "connect");
    b.node.spawn(async (remote) => {
      remote.send(self.pid, remote.pid);
      for await (const _ of remote);
    });
    return await self.receive((message) => typeof message !== "string");
  });
}

describe("a signal that cannot be encoded", () => {
  test("raises at the sender and affects no other actor", async () => {
    const [a, b] = await pairInMemory({ limits: { maxFrameBytes: 4_096 } });
    const heard: unknown[] = [];
    b.node.spawn(async (self) => {
      for await (const message of self) heard.push(message);
    }, { name: "inbox" });
    const inbox = { name: "inbox", node: "b@b.host" };
    const refused = (message: unknown, why: RegExp) =>
      expect(() => a.node.send(inbox, message)).toThrow(why);
    // Before there is a connection, and with one.
    for (const round of [1, 2]) {
      a.node.send(inbox, { round, at: "first" });
      refused({ list: [1, { callback: () => {} }] }, /list\[1\]\.callback/);
      refused({ text: "x".repeat(5_000) }, /at most 4096 bytes/);
      a.node.send(inbox, { round, at: "last" });
      await waitFor(() => heard.length === 2 * round, { what: "the others" });
    }
    expect(heard).toEqual([1, 2].flatMap((round) => [
      { round, at: "first" },
      { round, at: "last" },
    ]));
    expect([...a.logs.complaints, ...b.logs.complaints]).toEqual([]);
  });

  test("of an exit reason does not keep other actors from being notified", async () => {
    const limits = { maxFrameBytes: 4_096 };
    const [a, b] = await pairInMemory({ limits });
    for (
      const [reason, shown] of [
        [() => {}, expect.stringMatching(/^cannot encode reason: .*function/)],
        [
          { deep: [Symbol("no atom")] },
          expect.stringMatching(/^cannot encode reason\.deep\[0\]: /),
        ],
        [new Error("x".repeat(9_000)), "x".repeat(1_000)],
      ] as const
    ) {
      const remote = await pidOf(a, b);
      await a.node.run(async (self) => {
        const ref = self.monitor({ name: "inbox", node: "b@b.host" });
        const own = self.monitor(remote);
        expect(await self.receive()).toMatchObject({ ref });
        // The victim and another actor on b monitor it as well.
        const bystander = b.node.run<unknown>(async (watcher) => {
          watcher.monitor(remote);
          return await watcher.receive();
        });
        b.node.spawn((killer) => killer.sendExit(remote, reason));
        expect(await self.receive())
          .toMatchObject({ ref: own, reason: shown });
        expect(await bystander).toMatchObject({ reason });
      });
    }
    expect(a.logs.complaints).toEqual([]);
    expect(b.logs.complaints).toHaveLength(3);
  });
});

test("a listener that throws does not affect connections", async () => {
  const [a, b] = await pairInMemory();
  const events = eventsOf(b.node);
  for (const { node } of [a, b]) {
    node.onNodeEvent(({ type }) => {
      throw new Error(`${type} is none of our business`);
    });
  }
  expect(await a.node.connect("b@b.host")).toBe(true);
  await waitFor(() => events.length === 1, { what: "the nodeup" });
  expect(b.node.nodes()).toEqual(["a@a.host"]);
  expect(a.node.disconnect("b@b.host")).toBe(true);
  await waitFor(() => events.length === 2, { what: "the nodedown" });
  expect(await b.node.connect("a@a.host")).toBe(true);
  expect(a.node.nodes()).toEqual(["b@b.host"]);
});

test("a listener sees a node up before its first message", async () => {
  const [a, b] = await pairInMemory();
  const order: string[] = [];
  b.node.onNodeEvent((event) => order.push(event.type));
  b.node.spawn(async (self) => {
    for await (const message of self) order.push(String(message));
  }, { name: "inbox" });
  a.node.send({ name: "inbox", node: "b@b.host" }, "first");
  await waitFor(() => order.length === 2, { what: "both" });
  expect(order).toEqual(["nodeup", "first"]);
});
