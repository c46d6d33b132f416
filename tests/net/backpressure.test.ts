/**
 * A receiver that cannot keep up: senders that wait are held within bounds,
 * senders that do not are refused with their message, and nothing that was
 * accepted is lost.
 */
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import {
  BusyError,
  type Carrier,
  type CarrierHandlers,
  memoryNetwork,
  type Network,
  SpawnError,
} from "../../runtime/mod.ts";
import { createTcpNetwork } from "../../runtime/platform/tcp.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";
import { cookie, host, type Logged, startNode } from "./raw_peer.ts";

const KIB = 1024;

/** A network that shows its carriers. */
function shown(network: Network): { network: Network; carriers: Carrier[] } {
  const carriers: Carrier[] = [];
  const show = (carrier: Carrier) => {
    carriers.push(carrier);
    return carrier;
  };
  return {
    carriers,
    network: {
      connect: async (to) => show(await network.connect(to)),
      listen: (at, accept) =>
        network.listen(at, (carrier) => accept(show(carrier))),
    },
  };
}

/** A network whose dialled carriers keep what is written until `flow`. */
class Dam {
  readonly network: Network;
  readonly #inner = memoryNetwork();
  #isOpen = true;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #carrier: Carrier | null = null;
  #handlers: CarrierHandlers | null = null;

  constructor(highMarkBytes: number) {
    this.network = {
      connect: async (to) => {
        const carrier = this.#carrier = await this.#inner.connect(to);
        return this.#dammed(carrier, highMarkBytes);
      },
      listen: (at, accept) => this.#inner.listen(at, accept),
    };
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  stem(): void {
    this.#isOpen = false;
  }

  /** Lets everything go; the carrier says so as carriers do. */
  flow(withDrain: boolean): void {
    this.#isOpen = true;
    this.#heldBytes = 0;
    for (const chunk of this.#held.splice(0)) this.#carrier?.write(chunk);
    if (withDrain) this.#handlers?.drain();
  }

  #dammed(carrier: Carrier, highMarkBytes: number): Carrier {
    const heldBytes = () => this.#heldBytes;
    return {
      remote: carrier.remote,
      get bufferedBytes() {
        return heldBytes();
      },
      open: (handlers) => {
        this.#handlers = handlers;
        carrier.open(handlers);
      },
      write: (chunk) => {
        if (this.#isOpen) return carrier.write(chunk);
        this.#held.push(chunk);
        this.#heldBytes += chunk.length;
        return this.#heldBytes <= highMarkBytes;
      },
      close: (lingerMs) => carrier.close(lingerMs),
      destroy: () => carrier.destroy(),
    };
  }
}

const b = "b@b.host";

/** A sender behind a dam, and a receiver that counts in order. */
async function dammed(highMarkBytes: number, carrierMarkBytes: number) {
  const dam = new Dam(carrierMarkBytes);
  const common = { network: dam.network, port: 1, peerPort: 1 };
  const limits = { highMarkBytes };
  const sender = await startNode({ ...common, name: "a@a.host", limits });
  const receiver = await startNode({ ...common, name: b });
  const heard: number[] = [];
  receiver.node.spawn<{ n: number }>(async (self) => {
    for await (const { n } of self) heard.push(n);
  }, { name: "sink" });
  expect(await sender.node.connect(b)).toBe(true);
  return { dam, sender, receiver, heard };
}

/** Sends numbered messages of 1 KiB and waits whenever it is told to. */
function politely(
  sender: Logged,
  node: string,
  count: number,
  sent: { count: number },
): Promise<void> {
  const data = "x".repeat(KIB);
  const to = { name: "sink", node };
  return sender.node.run(async (self) => {
    for (let n = 0; n < count; n++) {
      const hasRoom = self.send(to, { n, data });
      sent.count = n + 1;
      if (!hasRoom) await self.ready(to);
    }
  });
}

describe("behind a carrier that takes nothing", () => {
  // A carrier's own mark may lie below ours or above it, in which case it will
  // never report that there is room again.
  test.each([
    ["a lower mark", 16 * KIB, true],
    ["a higher mark", 1_024 * KIB, false],
  ])("with %s, whoever waits is held", async (_, mark, withDrain) => {
    const high = 64 * KIB;
    const { dam, sender, heard } = await dammed(high, mark);
    dam.stem();
    const sent = { count: 0 };
    const all = politely(sender, b, 1_000, sent);
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
    expect(heard).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  });

  test("whoever does not wait is refused, and told what", async () => {
    const high = 64 * KIB;
    const { dam, sender, receiver, heard } = await dammed(high, 16 * KIB);
    dam.stem();
    const to = { name: "sink", node: b };
    const data = "x".repeat(KIB);
    let accepted = 0;
    let refused: unknown = null;
    while (refused === null && accepted < 10_000) {
      const message = { n: accepted, data };
      try {
        sender.node.send(to, message);
        accepted++;
      } catch (error) {
        expect(error).toBeInstanceOf(BusyError);
        expect((error as BusyError).unsent).toBe(message);
        expect((error as BusyError).message).toMatch(/262144 bytes to wait/);
        refused = message;
      }
    }
    expect(accepted).toBeGreaterThan(4 * high / KIB - 8);
    expect(accepted).toBeLessThanOrEqual(4 * high / KIB);
    // To a pid and in a spawn's arguments it is the same.
    await sender.node.run(async (self) => {
      await expect(self.spawnOn(b, "worker", [data])).rejects
        .toBeInstanceOf(BusyError);
      // What cannot be refused still passes: links and monitors speak.
      const ref = self.monitor({ name: "nobody", node: b });
      dam.flow(true);
      expect(await self.receive()).toMatchObject({ type: "DOWN", ref });
      await expect(self.spawnOn(b, "worker", [data])).rejects
        .toBeInstanceOf(SpawnError);
    });
    sender.node.send(to, refused);
    await waitFor(() => heard.length === accepted + 1, { what: "everything" });
    expect(heard).toEqual(Array.from({ length: accepted + 1 }, (_, n) => n));
    expect(receiver.node.nodes()).toEqual(["a@a.host"]);
    expect(sender.logs.complaints).toEqual([]);
  });

  test("whoever waits learns that the connection is gone", async () => {
    const { dam, sender } = await dammed(64 * KIB, 16 * KIB);
    dam.stem();
    const sent = { count: 0 };
    const all = politely(sender, b, 100, sent);
    await waitFor(() => sent.count > 50, { what: "the mark to be reached" });
    sender.node.disconnect(b);
    // The rest goes to a new connection or to nobody; nobody waits for ever.
    await all;
    expect(sent.count).toBe(100);
  });

  test("messages to a node that is being connected are bounded too", async () => {
    let refuse = () => {};
    const network: Network = {
      connect: () =>
        new Promise((_, reject) => {
          refuse = () => reject(new Error("no way"));
        }),
      listen: (at, accept) => memoryNetwork().listen(at, accept),
    };
    const limits = { highMarkBytes: 64 * KIB };
    const sender = await startNode({
      name: "a@a.host",
      network,
      port: 1,
      peerPort: 1,
      limits,
    });
    const sent = { count: 0 };
    const all = politely(sender, b, 100, sent);
    await waitFor(() => sent.count > 50, { what: "the mark to be reached" });
    expect(sent.count).toBeLessThanOrEqual(65);
    expect(() => {
      for (let i = 0; i < 500; i++) {
        sender.node.send({ name: "sink", node: b }, "x".repeat(KIB));
      }
    }).toThrow(BusyError);
    refuse();
    await waitFor(() => sent.count > 65, { what: "the sender to go on" });
    await sender.node.stop();
    await all.catch(() => {});
  });
});

/** A receiver in a process of its own, connected to `sender`. */
async function receiverOf(sender: Logged): Promise<SpawnedProcess> {
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests/fixtures/cluster_node.ts"),
    [JSON.stringify({
      name: "sink@127.0.0.1",
      cookie,
      epmdPort: false,
      peers: { [sender.node.name]: `${host}:${sender.node.port}` },
      connect: [sender.node.name],
    })],
  );
  await child.waitForLine(/^ready/);
  return child;
}

/** What the receiver's sink has counted. */
async function report(sender: Logged, node: string): Promise<unknown> {
  return await sender.node.run<unknown>(async (self) => {
    self.send({ name: "sink", node }, { report: self.pid });
    return await self.receive({ timeoutMs: 10_000 });
  });
}

// Signals go by number of process: Deno's children take but one from `kill`.
describe("a process that is stopped", () => {
  test.each([["small", 128], ["default", 4_096]])(
    "holds a sender at a %s mark and gets everything when it goes on",
    async (what, markKib) => {
      const high = markKib * KIB;
      const { network, carriers } = shown(createTcpNetwork());
      const sender = await startNode({
        name: "source@127.0.0.1",
        network,
        ...(what === "default" ? {} : { limits: { highMarkBytes: high } }),
      });
      const child = await receiverOf(sender);
      process.kill(child.pid, "SIGSTOP");
      const count = 24_000;
      const sent = { count: 0 };
      const all = politely(sender, "sink@127.0.0.1", count, sent);
      // The system's own buffers come first.
      let last = -1;
      let peak = 0;
      await waitFor(async () => {
        last = sent.count;
        await new Promise((resolve) => setTimeout(resolve, 100));
        peak = Math.max(peak, carriers[0]!.bufferedBytes);
        return sent.count === last && peak > 0;
      }, { what: "the sender to stand still", timeoutMs: 10_000 });
      expect(last).toBeLessThan(count);
      // At most the mark and what one flush adds.
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

  test("refuses a sender that does not wait, and stays connected", async () => {
    const sender = await startNode({
      name: "source@127.0.0.1",
      limits: { highMarkBytes: 256 * KIB },
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
        // Sockets are written to when the event loop turns.
        if (n % 64 === 0) {
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
      }
      return Infinity;
    });
    expect(accepted).toBeLessThan(20_000);
    process.kill(child.pid, "SIGCONT");
    // The refused one is not lost: it goes out when there is room.
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
