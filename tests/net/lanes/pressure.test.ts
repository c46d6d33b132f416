/**
 * Large messages that wait, and the other senders. Only a sender of large
 * messages waits for them, large messages get their share of the connection
 * beside any number of small ones, and all of them stay within bounds.
 */
import { describe, expect, test } from "vitest";
import {
  BusyError,
  type ConnectionInfo,
  type Pid,
  type RunningNode,
  type Self,
} from "../../../runtime/mod.ts";
import { WINDOW_BYTES_MIN } from "../../../runtime/wire/framing/fragments.ts";
import { waitFor } from "../../helpers/wait.ts";
import { Dam, dammed, KIB, RECEIVER, sink, upTo } from "./dam.ts";
import { type Logged, startNode } from "../peers/raw_peer.ts";

const MIB = 1_024 * KIB;

function connectionOf({ node }: Logged): ConnectionInfo {
  const [info] = node.connections();
  if (info === undefined) throw new Error("expected a connection");
  return info;
}

/** An actor of another node, with its own view of itself. */
function pidOf(node: RunningNode, name: string): Pid<unknown> {
  const pid = node.whereis(name);
  if (pid === null) throw new Error(`expected an actor ${name}`);
  return pid as Pid<unknown>;
}

/** The pid of an actor of another node, received in a message. */
async function askFor(
  from: Logged,
  to: Logged,
  name: string,
): Promise<Pid<unknown>> {
  return await from.node.run<Pid<unknown>, Pid<unknown>>(async (self) => {
    to.node.send(
      { name: "asking", node: from.node.name },
      pidOf(to.node, name),
    );
    return await self.receive();
  }, { name: "asking" });
}

describe("beside a large message that waits", () => {
  const high = 256 * KIB;

  test("other senders are neither told to wait nor refused", async () => {
    const { dam, sender, heard } = await dammed(high, 16 * KIB);
    dam.stem();
    const blob = new Uint8Array(MIB);
    await sender.node.run(async (self) => {
      expect(self.send(sink, { n: 1_000, blob })).toBe(false);
      // Far above the hard limit, so it can send no more for now.
      expect(() => self.send(sink, { n: 1_001, blob })).toThrow(BusyError);
      expect(self.trySend(sink, 1, { noSuspend: true })).toBe("nosuspend");
      const others = upTo(20).map((n) =>
        sender.node.run((other) => {
          expect(other.send(sink, { n })).toBe(true);
          expect(other.trySend(sink, { n }, { noSuspend: true })).toBe("ok");
          return other.ready(sink);
        })
      );
      await Promise.all(others);
      expect(connectionOf(sender))
        .toMatchObject({ waitingLarge: 1, isBusy: true, timesBusy: 1 });
      dam.flow(true);
      await self.ready(sink);
    });
    await waitFor(() => heard.length === 41, { what: "everything" });
    // The small messages first, each twice, and the large one after them.
    expect(heard).toEqual([...upTo(20).flatMap((n) => [n, n]), 1_000]);
    expect(connectionOf(sender)).toMatchObject({ isBusy: false });
  });

  test("other senders wait for the queue before them, and no longer", async () => {
    // The lane takes more room at a time than there is for senders.
    const { dam, sender } = await dammed(64 * KIB, 16 * KIB);
    dam.stem();
    const free: string[] = [];
    sender.node.spawn(async (self) => {
      self.send(sink, { n: 0, blob: new Uint8Array(3 * MIB) });
      await self.ready(sink);
      free.push("large");
    });
    const data = "x".repeat(KIB);
    const small = sender.node.run(async (self) => {
      while (self.send(sink, { n: 1, data }));
      await self.ready(sink);
      free.push("small");
    });
    await waitFor(() => connectionOf(sender).waitingLarge === 1, {
      what: "both to wait",
    });
    for (let i = 0; free.length === 0; i++) {
      expect(i).toBeLessThan(100);
      dam.trickle(32 * KIB);
      await new Promise((resolve) => setTimeout(resolve, 6));
    }
    await small;
    expect(free).toEqual(["small"]);
    expect(connectionOf(sender).waitingBytes).toBeGreaterThan(2 * MIB);
    dam.flow(true);
    await waitFor(() => free.length === 2, { what: "the other one" });
  });

  test("other senders may send large messages, up to a limit for all", async () => {
    const { dam, sender, heard } = await dammed(high, 16 * KIB);
    dam.stem();
    const count = 30;
    let refused = 0;
    const all = upTo(count).map((n) =>
      sender.node.run(async (self) => {
        for (;;) {
          const message = { n, blob: new Uint8Array(MIB) };
          try {
            self.send(sink, message);
            return;
          } catch (error) {
            expect((error as BusyError).unsent).toBe(message);
            refused++;
            await self.ready(sink);
          }
        }
      })
    );
    // A refused sender tries again when there is room. That happens now and
    // then, until the operating system's buffers are full, and then never.
    await waitFor(async () => {
      const before = refused;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return refused === before &&
        connectionOf(sender).waitingLarge + refused >= count;
    }, { what: "all senders to have tried, and no sender to try again" });
    expect(refused).toBeLessThan(count * count);
    const { waitingBytes, waitingLarge } = connectionOf(sender);
    // The hard limit is 4 * 256 KiB, and the lane's limit 16 of these.
    expect(waitingLarge).toBeGreaterThanOrEqual(16);
    expect(waitingLarge).toBeLessThanOrEqual(17);
    expect(waitingBytes).toBeLessThan(17 * (MIB + KIB));
    // Small messages do not count for that limit.
    await sender.node.run((self) =>
      expect(self.send(sink, { n: count })).toBe(true)
    );
    dam.flow(true);
    await Promise.all(all);
    await waitFor(() => heard.length === count + 1, { what: "everything" });
    expect(heard.toSorted((x, y) => x - y)).toEqual(upTo(count + 1));
    expect(connectionOf(sender)).toMatchObject({ waitingBytes: 0 });
  });
});

describe("a large message", () => {
  test("gets its share of a carrier that small messages keep full", async () => {
    // The carrier's mark is below the mark at which senders go on, as by
    // default: it never reports room while senders have more to send.
    const high = 512 * KIB;
    const { dam, sender, heard } = await dammed(high, 64 * KIB);
    dam.stem();
    const data = "x".repeat(KIB);
    let isOver = false;
    const small = sender.node.run(async (self) => {
      while (!isOver) {
        if (!self.send(sink, { n: -1, data })) await self.ready(sink);
      }
    });
    await waitFor(() => connectionOf(sender).isBusy, {
      what: "a full carrier",
    });
    const blob = new Uint8Array(2 * MIB);
    sender.node.spawn((self) => void self.send(sink, { n: 7, blob }));
    let passed = 0;
    while (!heard.includes(7)) {
      await waitFor(() => dam.heldBytes >= high / 2, {
        what: "small ones to go on",
      });
      dam.trickle(64 * KIB);
      passed += 64 * KIB;
      // One byte of the lane is written for four other bytes.
      expect(passed).toBeLessThan(6 * 2 * MIB);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(passed).toBeGreaterThan(2 * 2 * MIB);
    isOver = true;
    dam.flow(true);
    await small;
  });

  test("is not written while there is no room, for any sender", async () => {
    const { dam, sender, heard } = await dammed(4 * MIB, 64 * KIB);
    dam.stem();
    const send = (n: number, bytes: number) =>
      sender.node.run((self) =>
        void self.send(sink, { n, blob: new Uint8Array(bytes) })
      );
    await send(0, 2 * MIB);
    await waitFor(() => dam.heldBytes > 64 * KIB, { what: "the first of it" });
    const before = dam.heldBytes;
    for (const n of upTo(20)) {
      await send(1 + n, 200 * KIB);
      await send(21 + n, 100);
    }
    // The small messages, and the one fragment that is written for them.
    expect(dam.heldBytes - before).toBeLessThan(80 * KIB);
    expect(connectionOf(sender)).toMatchObject({ waitingLarge: 21 });
    dam.flow(true);
    await waitFor(() => heard.length === 41, { what: "everything" });
    // The small messages first, and the longest last.
    expect(heard.slice(0, 20)).toEqual(upTo(20).map((n) => 21 + n));
    expect(heard.at(-1)).toBe(0);
  });

  test("has at most a window of bytes on its way, for any carrier", async () => {
    const { dam, sender, heard } = await dammed(64 * MIB, 1_024 * MIB);
    dam.stem();
    const sends = sender.node.run((self) =>
      void self.send(sink, { n: 0, blob: new Uint8Array(16 * MIB) })
    );
    await sends;
    await waitFor(() => dam.heldBytes >= WINDOW_BYTES_MIN, {
      what: "the window",
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(dam.heldBytes).toBeLessThan(WINDOW_BYTES_MIN + 128 * KIB);
    await sender.node.run((self) => void self.send(sink, { n: 1 }));
    expect(connectionOf(sender)).toMatchObject({ waitingLarge: 1 });
    dam.flow(true);
    await waitFor(() => heard.length === 2, { what: "everything" });
    expect(heard).toEqual([1, 0]);
    expect(connectionOf(sender))
      .toMatchObject({ waitingLarge: 0, waitingBytes: 0 });
  });

  test("of no more than two fragments does not use the lane", async () => {
    const { dam, sender, heard } = await dammed(4 * MIB, 64 * KIB);
    dam.stem();
    const send = (n: number, bytes: number) =>
      sender.node.run((self) =>
        void self.send(sink, { n, blob: new Uint8Array(bytes) })
      );
    await send(0, 127 * KIB);
    expect(connectionOf(sender)).toMatchObject({ waitingLarge: 0 });
    // Unless it has to wait for another large message.
    await sender.node.run((self) => {
      self.send(sink, { n: 1, blob: new Uint8Array(129 * KIB) });
      self.send(sink, { n: 2, blob: new Uint8Array(127 * KIB) });
    });
    expect(connectionOf(sender)).toMatchObject({ waitingLarge: 2 });
    await send(3, 127 * KIB);
    dam.flow(true);
    await waitFor(() => heard.length === 4, { what: "everything" });
    expect(heard).toEqual([0, 3, 1, 2]);
  });

  test("keeps its sender's order although a getter of it sends", async () => {
    const dam = new Dam(16 * KIB);
    const common = { network: dam.network, port: 1, peerPort: 1 };
    const from = await startNode({ ...common, name: "a@a.host" });
    const got: unknown[] = [];
    const others: Logged[] = [];
    for (const name of [RECEIVER, "c@c.host"]) {
      const other = await startNode({ ...common, name });
      other.node.spawn(async (self: Self) => {
        for await (const message of self) {
          got.push((message as { kind?: string }).kind ?? message);
        }
      }, { name: "sink" });
      others.push(other);
      expect(await from.node.connect(name)).toBe(true);
    }
    const [there, elsewhere] = [
      await askFor(from, others[0]!, "sink"),
      await askFor(from, others[1]!, "sink"),
    ];
    dam.stem();
    await from.node.run((self) => {
      self.send(there, {
        kind: "large",
        get blob() {
          self.send(elsewhere, "by a getter");
          return new Uint8Array(MIB);
        },
      });
      self.send(there, "second");
    });
    await waitFor(() => from.node.connections().length === 2, {
      what: "both connections",
    });
    dam.flow(true);
    // The getter is called more than once.
    const inOrder = () => got.filter((one) => one !== "by a getter");
    await waitFor(() => inOrder().length === 2, { what: "everything" });
    expect(inOrder()).toEqual(["large", "second"]);
    expect(got).toContain("by a getter");
  });
});
