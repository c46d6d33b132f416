/**
 * Back pressure, when a receiver cannot keep up. Senders that wait keep the
 * queue within bounds, senders that do not wait are refused and get their
 * message back, and no accepted message is lost.
 */
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import {
  BusyError,
  type ConnectionInfo,
  handler,
  type Self,
  SpawnError,
} from "../../../runtime/mod.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";
import { waitFor } from "../../helpers/wait.ts";
import { dammed, KIB, politely, RECEIVER, sink as to, upTo } from "./dam.ts";
import { COOKIE, HOST, type Logged, startNode } from "../peers/raw_peer.ts";

/** The figures of the connection to a node. */
function connectionTo({ node }: Logged, peer: string): ConnectionInfo {
  const info = node.connections().find((one) => one.node === peer);
  if (info === undefined) throw new Error(`expected a connection to ${peer}`);
  return info;
}

/** The busy events of a node's connections, in order. */
function busyEventsOf({ node }: Logged): boolean[] {
  const events: boolean[] = [];
  node.onConnectionEvent((event) => {
    if (event.type === "nodebusy") events.push(event.isBusy);
  });
  return events;
}

const data = "x".repeat(KIB);

/** Forwards numbers, and ignores the result of `send`. */
const relays = {
  "a function actor": async (self: Self<number>) => {
    for await (const n of self) self.send(to, { n, data });
  },
  "a handler actor": handler(null, (_: null, n: number, self) => {
    self.send(to, { n, data });
    return null;
  }),
};

describe("behind a carrier that takes nothing", () => {
  // The carrier's mark may be below the node's mark, or above it; then the
  // carrier never reports that there is room again.
  test.each([
    ["a lower mark", 16 * KIB, true],
    ["a higher mark", 1_024 * KIB, false],
  ])("with %s, a sender that waits is held", async (_, mark, withDrain) => {
    const high = 64 * KIB;
    const { dam, sender, heard } = await dammed(high, mark);
    dam.stem();
    const sent = { count: 0 };
    const all = politely(sender, RECEIVER, 1_000, sent);
    for (let tide = 0; sent.count < 1_000; tide++) {
      const before = sent.count;
      await waitFor(() => dam.heldBytes >= high || sent.count === 1_000, {
        what: "the mark to be reached",
      });
      expect(dam.heldBytes).toBeLessThan(high + 4 * KIB);
      expect(sent.count - before).toBeLessThanOrEqual(high / KIB + 1);
      dam.flow(withDrain);
      dam.stem();
      await waitFor(() => sent.count > before + 8 || sent.count === 1_000, {
        what: "the sender to go on",
      });
      expect(tide).toBeLessThan(100);
    }
    await all;
    dam.flow(withDrain);
    await waitFor(() => heard.length === 1_000, { what: "all messages" });
    expect(heard).toEqual(upTo(1_000));
  });

  test("a sender that does not wait is refused, and gets its message back", async () => {
    const high = 64 * KIB;
    const { dam, sender, receiver, heard } = await dammed(high, 16 * KIB);
    dam.stem();
    let accepted = 0;
    let isRefused = false;
    while (!isRefused && accepted < 10_000) {
      const message = { n: accepted, data };
      try {
        sender.node.send(to, message);
        accepted++;
      } catch (error) {
        expect(error).toBeInstanceOf(BusyError);
        expect((error as BusyError).unsent).toBe(message);
        expect((error as BusyError).message).toMatch(/262144 bytes to wait/);
        isRefused = true;
      }
    }
    expect(accepted).toBeGreaterThan(4 * high / KIB - 8);
    expect(accepted).toBeLessThanOrEqual(4 * high / KIB);
    // The same holds for messages to a pid and for arguments of a spawn.
    await sender.node.run(async (self) => {
      // It has not filled the connection, so it is told before it is refused.
      expect(self.send(to, { n: accepted++, data })).toBe(false);
      expect(() => self.send(to, { n: -1, data })).toThrow(BusyError);
      await expect(self.spawnOn(RECEIVER, "worker", [data])).rejects
        .toBeInstanceOf(BusyError);
      // Signals that cannot be refused still pass: links and monitors work.
      const ref = self.monitor({ name: "nobody", node: RECEIVER });
      dam.flow(true);
      expect(await self.receive()).toMatchObject({ type: "DOWN", ref });
      await expect(self.spawnOn(RECEIVER, "worker", [data])).rejects
        .toBeInstanceOf(SpawnError);
    });
    sender.node.send(to, { n: accepted, data });
    await waitFor(() => heard.length === accepted + 1, { what: "everything" });
    expect(heard).toEqual(upTo(accepted + 1));
    expect(receiver.node.nodes()).toEqual(["a@a.host"]);
    expect(sender.logs.complaints).toEqual([]);
  });

  test.each(Object.entries(relays))(
    "%s is held when it goes on, and no other actor is",
    async (_, behaviour) => {
      const high = 64 * KIB;
      const { dam, sender, heard } = await dammed(high, 16 * KIB);
      const events = busyEventsOf(sender);
      dam.stem();
      const actor = sender.node.spawn<number>(behaviour);
      for (const n of upTo(500)) sender.node.send(actor, n);
      const status = () => sender.node.info(actor)?.status;
      for (let tide = 1; heard.length < 500; tide++) {
        await waitFor(
          () =>
            status() === "held" || sender.node.info(actor)?.reductions === 500,
          { what: "the sender to be held" },
        );
        // At most the message that has filled it.
        expect(dam.heldBytes).toBeLessThan(high + 4 * KIB);
        if (status() === "held") {
          expect(connectionTo(sender, RECEIVER))
            .toMatchObject({ isBusy: true, timesBusy: tide });
          // Another actor has a conversation meanwhile.
          await sender.node.run<void, number>(async (self) => {
            for (let n = 0; n < 100; n++) {
              self.send(self.pid, n);
              expect(await self.receive()).toBe(n);
            }
          });
          expect(status()).toBe("held");
        }
        const before = heard.length;
        dam.flow(true);
        dam.stem();
        await waitFor(() => heard.length > before, { what: "the flood" });
        expect(tide).toBeLessThan(30);
      }
      expect(heard).toEqual(upTo(500));
      const { isBusy, timesBusy } = connectionTo(sender, RECEIVER);
      expect(isBusy).toBe(false);
      // Events come in pairs: each busy time has a begin and an end.
      expect(events).toEqual(
        Array.from({ length: 2 * timesBusy }, (_, i) => i % 2 === 0),
      );
      expect(timesBusy).toBeGreaterThan(5);
    },
  );

  test("a loop that only sends gets its message back", async () => {
    const high = 64 * KIB;
    const { dam, sender, heard } = await dammed(high, 16 * KIB);
    dam.stem();
    let last: unknown;
    const loop = sender.node.run((self) => {
      for (let n = 0;; n++) self.send(to, last = { n, data });
    });
    const error = await loop.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(BusyError);
    const { unsent } = error as { unsent: { n: number } };
    expect(unsent).toBe(last);
    const { waitingBytes } = connectionTo(sender, RECEIVER);
    expect(waitingBytes).toBeGreaterThanOrEqual(4 * high);
    expect(waitingBytes).toBeLessThan(4 * high + 2 * KIB);
    dam.flow(true);
    await waitFor(() => heard.length === unsent.n, { what: "all before it" });
    expect(heard).toEqual(upTo(unsent.n));
  });

  test("a sender that waits for other messages in between loses none", async () => {
    const high = 64 * KIB;
    const { dam, sender, heard } = await dammed(high, 16 * KIB);
    dam.stem();
    const count = 400;
    let refusals = 0;
    await sender.node.run(async (self) => {
      for (let n = 0; n < count; n++) {
        if (n % 8 === 0) await fetch("data:text/plain,foreign");
        const message = { n, data };
        try {
          self.send(to, message);
        } catch (error) {
          expect((error as BusyError).unsent).toBe(message);
          expect(connectionTo(sender, RECEIVER).waitingBytes)
            .toBeLessThan(4 * high + 2 * KIB);
          refusals++;
          dam.flow(true);
          dam.stem();
          await self.ready(to);
          self.send(to, message);
        }
      }
    });
    expect(refusals).toBe(1);
    dam.flow(true);
    await waitFor(() => heard.length === count, { what: "everything" });
    expect(heard).toEqual(upTo(count));
  });

  test("messages to an alias and arguments count like any other", async () => {
    const { dam, sender, receiver } = await dammed(16 * KIB, 16 * KIB);
    const got: unknown[] = [];
    receiver.node.spawn(async (self) => {
      self.send({ name: "asker", node: "a@a.host" }, self.alias());
      for await (const message of self) got.push(message);
    });
    await sender.node.run(async (self: Self<never>) => {
      const alias = await self.receive();
      dam.stem();
      let sent = 0;
      expect(() => {
        while (sent < 1_000) self.send(alias, [sent++, data] as never);
      }).toThrow(BusyError);
      expect(sent).toBeLessThan(70);
      expect(() => self.reply({ pid: to as never, tag: alias }, data))
        .toThrow(BusyError);
      dam.flow(true);
      await waitFor(() => got.length === sent - 1, { what: "the rest" });
    }, { name: "asker" });
  });

  test("many actors that each send once and wait lose no message", async () => {
    const { dam, sender, heard } = await dammed(16 * KIB, 16 * KIB);
    dam.stem();
    const count = 500;
    const refused: unknown[] = [];
    const told: boolean[] = [];
    const asking = upTo(count).map((n) =>
      sender.node.run(async (self: Self<unknown>) => {
        try {
          told.push(self.send(to, { n, data }));
          await self.receive({ timeoutMs: 0 });
        } catch (error) {
          refused.push(error);
        }
      })
    );
    await waitFor(() => told.length + refused.length === count, {
      what: "all of them to have sent",
    });
    // Far above four high marks, and all actors but the first few are held.
    expect(refused).toEqual([]);
    expect(told.filter((hasRoom) => hasRoom).length).toBeLessThan(20);
    expect(heard).toEqual([]);
    dam.flow(true);
    await Promise.all(asking);
    expect(refused).toEqual([]);
    await waitFor(() => heard.length === count, { what: "everything" });
    expect(heard).toEqual(upTo(count));
  });

  test("the runtime's own actors still answer", async () => {
    const { dam, sender, receiver } = await dammed(16 * KIB, 16 * KIB);
    dam.stem();
    expect(() => {
      for (;;) sender.node.send(to, { n: 0, data });
    }).toThrow(BusyError);
    const before = sender.node.stats();
    const pong = receiver.node.ping("a@a.host");
    await waitFor(() => sender.node.stats().messages > before.messages, {
      what: "the ping to come",
    });
    dam.flow(true);
    expect(await pong).toBe("pong");
    expect(sender.node.stats().crashes).toBe(before.crashes);
  });

  test("a held sender goes on when the connection is lost", async () => {
    const { dam, sender } = await dammed(64 * KIB, 16 * KIB);
    const events = busyEventsOf(sender);
    dam.stem();
    const actor = sender.node.spawn<number>(relays["a function actor"]);
    for (const n of upTo(100)) sender.node.send(actor, n);
    await waitFor(() => sender.node.info(actor)?.status === "held", {
      what: "the sender to be held",
    });
    const before = sender.node.info(actor)!.reductions;
    sender.node.disconnect(RECEIVER);
    expect(events).toEqual([true, false]);
    await waitFor(() => sender.node.info(actor)!.reductions > before, {
      what: "the sender to go on",
    });
  });

  test("a sender that waits learns that the connection is lost", async () => {
    const { dam, sender } = await dammed(64 * KIB, 16 * KIB);
    dam.stem();
    const sent = { count: 0 };
    const all = politely(sender, RECEIVER, 100, sent);
    await waitFor(() => sent.count > 50, { what: "the mark to be reached" });
    sender.node.disconnect(RECEIVER);
    // The rest goes to a new connection or is lost; no sender waits for ever.
    await all;
    expect(sent.count).toBe(100);
  });
});

/** A receiver in a process of its own, connected to `sender`. */
async function receiverOf(
  sender: Logged,
  name = "sink@127.0.0.1",
): Promise<SpawnedProcess> {
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests/fixtures/cluster_node.ts"),
    [JSON.stringify({
      name,
      cookie: COOKIE,
      epmdPort: false,
      peers: { [sender.node.name]: `${HOST}:${sender.node.port}` },
      connect: [sender.node.name],
    })],
  );
  await child.waitForLine(/^ready/);
  return child;
}

/** The numbers that the receiver's sink has counted. */
async function report(sender: Logged, node: string): Promise<unknown> {
  return await sender.node.run<unknown>(async (self) => {
    self.send({ name: "sink", node }, { report: self.pid });
    return await self.receive({ timeoutMs: 10_000 });
  });
}

/** No node becomes suspect, however slow this machine is. */
const patience = { suspectAfterMs: 60_000, downAfterMs: 120_000 };

// Signals are sent by process id: on Deno, `kill` of a child works only once.
describe("a process that is stopped", () => {
  test.each([["small", 128], ["default", 4_096]])(
    "holds a sender at a %s mark and gets everything when it goes on",
    async (what, markKib) => {
      const high = markKib * KIB;
      const mark = what === "default" ? {} : { highMarkBytes: high };
      const sender = await startNode({
        name: "source@127.0.0.1",
        limits: { ...patience, ...mark },
      });
      const child = await receiverOf(sender);
      process.kill(child.pid, "SIGSTOP");
      const count = 24_000;
      const sent = { count: 0 };
      const all = politely(sender, "sink@127.0.0.1", count, sent);
      // The system's buffers are filled first.
      let last = -1;
      let peak = 0;
      await waitFor(async () => {
        last = sent.count;
        await new Promise((resolve) => setTimeout(resolve, 100));
        const { waitingBytes } = connectionTo(sender, "sink@127.0.0.1");
        peak = Math.max(peak, waitingBytes);
        return sent.count === last && peak > 0;
      }, { what: "the sender to stand still", timeoutMs: 10_000 });
      expect(last).toBeLessThan(count);
      // At most the high mark and one flush.
      expect(peak).toBeLessThanOrEqual(high + 128 * KIB);
      expect(peak).toBeGreaterThanOrEqual(high / 2);
      expect(sender.node.nodes()).toEqual(["sink@127.0.0.1"]);
      process.kill(child.pid, "SIGCONT");
      await all;
      expect(await report(sender, "sink@127.0.0.1"))
        .toEqual({ count, failure: "" });
      expect(sender.logs.complaints).toEqual([]);
      await child.stop();
    },
  );

  test("holds its senders at receive, and no other connection", async () => {
    const [stopped, other] = ["stopped@127.0.0.1", "other@127.0.0.1"] as const;
    const high = 1_024 * KIB;
    const sender = await startNode({
      name: "source@127.0.0.1",
      limits: { ...patience, highMarkBytes: high },
    });
    const child = await receiverOf(sender, stopped);
    const friend = await receiverOf(sender, other);
    const events = busyEventsOf(sender);
    process.kill(child.pid, "SIGSTOP");
    const count = 15_000;
    const actor = sender.node.spawn<number>(async (self) => {
      const sink = { name: "sink", node: stopped };
      for await (const n of self) self.send(sink, { n, data });
    });
    for (const n of upTo(count)) sender.node.send(actor, n);
    await waitFor(() => sender.node.info(actor)?.status === "held", {
      what: "the sender to be held",
      timeoutMs: 10_000,
    });
    const { reductions } = sender.node.info(actor)!;
    expect(reductions).toBeLessThan(count);
    // The same number arrives meanwhile at a receiver that reads.
    await politely(sender, other, count, { count: 0 });
    expect(await report(sender, other)).toEqual({ count, failure: "" });
    expect(sender.node.info(actor)).toMatchObject({
      status: "held",
      reductions,
    });
    const { waitingBytes, isBusy } = connectionTo(sender, stopped);
    expect(isBusy).toBe(true);
    expect(waitingBytes).toBeLessThanOrEqual(high + 128 * KIB);
    process.kill(child.pid, "SIGCONT");
    await waitFor(() => sender.node.info(actor)?.reductions === count, {
      what: "the sender to send the rest",
      timeoutMs: 15_000,
    });
    expect(await report(sender, stopped)).toEqual({ count, failure: "" });
    await waitFor(
      () => events.filter((isBusy) => isBusy).length * 2 === events.length,
      { what: "no connection to be busy" },
    );
    expect(sender.logs.complaints).toEqual([]);
    await child.stop();
    await friend.stop();
  });

  test("refuses a sender that does not wait, and stays connected", async () => {
    const sender = await startNode({
      name: "source@127.0.0.1",
      limits: { ...patience, highMarkBytes: 256 * KIB },
    });
    const child = await receiverOf(sender);
    process.kill(child.pid, "SIGSTOP");
    const to = { name: "sink", node: "sink@127.0.0.1" };
    const data = "x".repeat(4 * KIB);
    const accepted = await sender.node.run(async (self) => {
      for (let n = 0; n < 20_000; n++) {
        const message = { n, data };
        try {
          self.send(to, message);
        } catch (error) {
          expect((error as BusyError).unsent).toBe(message);
          return n;
        }
        // Sockets are written when the event loop turns.
        if (n % 64 === 0) {
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
      }
      return Infinity;
    });
    expect(accepted).toBeLessThan(20_000);
    process.kill(child.pid, "SIGCONT");
    // The refused message is not lost: it is sent when there is room.
    await sender.node.run(async (self) => {
      await self.ready(to);
      self.send(to, { n: accepted, data });
    });
    expect(await report(sender, "sink@127.0.0.1"))
      .toEqual({ count: accepted + 1, failure: "" });
    expect(sender.node.nodes()).toEqual(["sink@127.0.0.1"]);
    expect(sender.logs.complaints).toEqual([]);
    await child.stop();
  });
});
