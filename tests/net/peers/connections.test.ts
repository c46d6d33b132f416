/**
 * Connections that come up, go down, are replaced and are made on demand.
 * `connect`, monitors, links and node events report each change exactly once.
 */
import { describe, expect, test } from "vitest";
import {
  memoryNetwork,
  type Network,
  reasons,
  type RunningNode,
  type StartOptions,
} from "../../../runtime/mod.ts";
import { waitFor } from "../../helpers/wait.ts";
import {
  eventsOf,
  expectDone,
  FakeNode,
  HOST,
  type Logged,
  nameFrame,
  pairInMemory,
  RawPeer,
  startNode,
} from "./raw_peer.ts";

const OWN = "m@127.0.0.1";
/** Names less and greater than the node's: the greater name decides. */
const [smaller, greater] = ["a@127.0.0.1", "z@127.0.0.1"];

async function startOwn(options: StartOptions = {}): Promise<Logged> {
  return await startNode({
    name: OWN,
    limits: { setupTimeoutMs: 1_000 },
    ...options,
  });
}

/** Dials the node and reads its answer to the name. */
async function sayName(
  node: RunningNode,
  name: string,
): Promise<{ peer: RawPeer; status: string | null }> {
  const peer = await RawPeer.dial(node.port);
  peer.send(nameFrame({ name }));
  const answer = await peer.frame();
  return { peer, status: answer && new TextDecoder().decode(answer.slice(1)) };
}

/** All messages that an actor gets for its monitor of a name on a node. */
function monitor(node: RunningNode, target: string): unknown[] {
  const told: unknown[] = [];
  node.spawn(async (self) => {
    self.monitor({ name: "somebody", node: target });
    for await (const message of self) told.push(message);
  });
  return told;
}

describe("a peer that connects again before its loss was noticed", () => {
  test.each([smaller, greater])(
    "as %s replaces its connection",
    async (name) => {
      const { node, logs } = await startOwn();
      const events = eventsOf(node);
      const first = await RawPeer.dial(node.port);
      expectDone(await first.shakeHands(OWN, { name, creation: 10 }));
      await waitFor(() => events.length === 1, { what: "the nodeup" });
      const told = monitor(node, name);
      const second = await RawPeer.dial(node.port);
      expectDone(await second.shakeHands(OWN, { name, creation: 11 }));
      await first.closed();
      await waitFor(() => events.length === 3, { what: "the new nodeup" });
      expect(events).toEqual([`+${name}`, `-${name}`, `+${name}`]);
      expect(node.nodes()).toEqual([name]);
      await waitFor(() => told.length > 0, { what: "the monitor" });
      second.send(new Uint8Array(4));
      expect(told).toMatchObject([{ reason: reasons.noconnection }]);
      expect(second.isClosed).toBe(false);
      expect(logs.complaints).toEqual([]);
    },
  );

  test("is accepted although the old connection ends meanwhile", async () => {
    for (const name of [smaller, greater]) {
      const { node, logs } = await startOwn();
      const events = eventsOf(node);
      const first = await RawPeer.dial(node.port);
      expectDone(await first.shakeHands(OWN, { name }));
      await waitFor(() => events.length === 1, { what: "the nodeup" });
      const second = await RawPeer.dial(node.port);
      const send = second.send.bind(second);
      let sent = 0;
      second.send = (bytes) => {
        // Before it answers `alive`, the other socket is closed.
        if (++sent !== 2) return send(bytes);
        first.socket.destroy();
        void waitFor(() => events.length === 2, { what: "the nodedown" })
          .then(() => send(bytes));
      };
      expectDone(await second.shakeHands(OWN, { name }));
      await waitFor(() => events.length === 3, { what: "the new nodeup" });
      expect(node.nodes()).toEqual([name]);
      expect(node.disconnect(name)).toBe(true);
      await second.closed();
      expect(node.nodes()).toEqual([]);
      expect(logs.complaints).toEqual([]);
      await node.stop();
    }
  });

  test("may be the reason why the node stops", async () => {
    const { node } = await startOwn();
    const events = eventsOf(node);
    node.onNodeEvent((event) => {
      if (event.type === "nodedown") void node.stop();
    });
    const first = await RawPeer.dial(node.port);
    expectDone(await first.shakeHands(OWN, { name: greater }));
    const second = await RawPeer.dial(node.port);
    expectDone(await second.shakeHands(OWN, { name: greater }));
    await second.closed();
    expect(events).toEqual([`+${greater}`, `-${greater}`]);
    expect(node.nodes()).toEqual([]);
  });

  test("must complete its handshake first", async () => {
    // On a busy machine, two handshakes took longer than 200 ms.
    const limits = { setupTimeoutMs: 1_000 };
    const { node, logs } = await startOwn({ limits });
    const events = eventsOf(node);
    const first = await RawPeer.dial(node.port);
    expectDone(await first.shakeHands(OWN, { name: greater }));
    await waitFor(() => events.length === 1, { what: "the nodeup" });

    const liar = await RawPeer.dial(node.port);
    const end = await liar.shakeHands(OWN, { name: greater, cookie: "guess" });
    expect(end).toMatchObject({ type: "failed" });
    await waitFor(() => logs.complaints.length === 1, { what: "a line" });
    expect(logs.complaints[0]).toMatch(/to prove our cookie/);

    const silent = await sayName(node, greater);
    expect(silent.status).toBe("alive");
    // One challenger at a time; the next one is closed without an answer.
    const other = await sayName(node, greater);
    expect(other.status).toBeNull();
    await silent.peer.closed();
    await waitFor(() => logs.complaints.length === 2, { what: "a line" });

    const modest = await sayName(node, greater);
    modest.peer.send("\0\x06sfalse");
    await modest.peer.closed();
    const quitter = await sayName(node, greater);
    quitter.peer.socket.end();
    await quitter.peer.closed();
    expect(events).toEqual([`+${greater}`]);
    expect(first.isClosed).toBe(false);
    expect(logs.complaints).toHaveLength(2);
  });

  test("during its first handshake can begin again at once", async () => {
    for (const name of [smaller, greater]) {
      const { node, logs } = await startOwn();
      const events = eventsOf(node);
      const dead = await sayName(node, name);
      expect(dead.status).toBe("ok");
      const alive = await RawPeer.dial(node.port);
      expectDone(await alive.shakeHands(OWN, { name }));
      await dead.peer.closed();
      await waitFor(() => events.length === 1, { what: "the nodeup" });
      expect(node.nodes()).toEqual([name]);
      expect(logs.complaints).toEqual([]);
    }
  });
});

describe("a client without the cookie that uses the name of a peer", () => {
  /** A peer that answers when it is told to, and what it has received then. */
  async function patientPeer(name: string, port = 0) {
    let open = () => {};
    const opened = new Promise<void>((resolve) => open = resolve);
    const fake = await FakeNode.listen(async (peer) => {
      await opened;
      await peer.awaitHandshake({ name });
    }, port);
    return { fake, open };
  }

  test.each([smaller, greater])(
    "%s while it is being dialled costs nothing",
    async (name) => {
      const { fake, open } = await patientPeer(name);
      const { node } = await startOwn({
        peers: { [name]: `${HOST}:${fake.port}` },
      });
      const outcome = node.tryConnect(name);
      const told = monitor(node, name);
      node.send({ name: "inbox", node: name }, "precious");
      await waitFor(() => fake.accepted[0]?.received, { what: "our name" });

      const stranger = await sayName(node, name);
      expect(stranger.status).toBe(name < OWN ? "nok" : "ok_simultaneous");
      stranger.peer.socket.end();
      await stranger.peer.closed();
      open();
      expect(await outcome).toEqual({ isUp: true });
      const last = fake.accepted.at(-1)!;
      const bytes = await last.frame();
      expect(new TextDecoder().decode(bytes!)).toContain("precious");
      expect(told).toEqual([]);
      expect(node.nodes()).toEqual([name]);
    },
  );

  test("before it is dialled only costs its time limit", async () => {
    const { fake, open } = await patientPeer(greater);
    open();
    const { node, logs } = await startOwn({
      peers: { [greater]: `${HOST}:${fake.port}` },
      limits: { setupTimeoutMs: 200 },
    });
    const stranger = await sayName(node, greater);
    expect(stranger.status).toBe("ok");
    expect(await node.tryConnect(greater)).toEqual({ isUp: true });
    expect(logs.complaints).toHaveLength(1);
  });

  test("again and again only delays the failure", async () => {
    const { fake } = await patientPeer(greater);
    const { node } = await startOwn({
      peers: { [greater]: `${HOST}:${fake.port}` },
    });
    let isOver = false;
    const outcome = node.tryConnect(greater).finally(() => isOver = true);
    let strangers = 0;
    while (!isOver && strangers < 20) {
      const stranger = await sayName(node, greater);
      stranger.peer.socket.end();
      await stranger.peer.closed();
      strangers++;
    }
    expect(await outcome).toMatchObject({ isUp: false });
    expect(strangers).toBeLessThan(20);
  });
});

describe("connect", () => {
  test("fifty times at once makes one connection", async () => {
    const network = memoryNetwork();
    const [a, b] = await pairInMemory({ network });
    const events = [eventsOf(a.node), eventsOf(b.node)];
    const outcomes = await Promise.all(
      Array.from(
        { length: 50 },
        (_, i) =>
          i % 2 === 0 ? a.node.connect("b@b.host") : b.node.connect("a@a.host"),
      ),
    );
    expect(outcomes).toEqual(new Array(50).fill(true));
    await waitFor(() => network.links.length === 1, { what: "one link" });
    expect(events).toEqual([["+b@b.host"], ["+a@a.host"]]);
    expect(await a.node.connect("b@b.host")).toBe(true);
    expect(await a.node.connect("a@a.host")).toBe(true);
  });

  test("again after disconnect, on either side", async () => {
    const [a, b] = await pairInMemory();
    const reasonsSeen: string[] = [];
    for (const { node } of [a, b]) {
      node.onNodeEvent((event) => {
        if (event.type === "nodedown") reasonsSeen.push(event.reason);
      });
    }
    expect(a.node.disconnect("b@b.host")).toBe(false);
    for (const quick of [a.node, b.node]) {
      const other = quick === a.node ? "b@b.host" : "a@a.host";
      expect(await quick.connect(other)).toBe(true);
      expect(quick.disconnect(other)).toBe(true);
      expect(quick.nodes()).toEqual([]);
      expect(quick.disconnect(other)).toBe(false);
      await waitFor(() => reasonsSeen.length === 2, { what: "both ends" });
      expect(reasonsSeen.map((reason) => reason.split(":")[0]))
        .toEqual(["disconnect", "connection-closed"]);
      reasonsSeen.length = 0;
    }
    expect([...a.logs.complaints, ...b.logs.complaints]).toEqual([]);
  });

  test("reaches a node that tries to dial back and cannot", async () => {
    // The node with the greater name dials, but has not sent its name.
    const network = memoryNetwork();
    const lost: Network = {
      connect: () => new Promise(() => {}),
      listen: (at, accept) => network.listen(at, accept),
    };
    const common = { port: 1, peerPort: 1 };
    const a = await startNode({ ...common, name: "a@a.host", network });
    const b = await startNode({ ...common, name: "b@b.host", network: lost });
    const back = b.node.tryConnect("a@a.host");
    const heard = b.node.run<unknown>((self) => self.receive(), { name: "in" });
    expect(await a.node.tryConnect("b@b.host")).toEqual({ isUp: true });
    expect(await back).toEqual({ isUp: true });
    a.node.send({ name: "in", node: "b@b.host" }, "hello");
    expect(await heard).toBe("hello");
  });

  test.each(["says nothing", "promises to come"])(
    "ends with the node, when the peer %s",
    async (what) => {
      const fake = await FakeNode.listen((peer) => {
        if (what === "promises to come") peer.send("\0\x04snok");
      });
      const { node, logs } = await startOwn({
        peers: { [greater]: `${HOST}:${fake.port}` },
        limits: { setupTimeoutMs: 60_000 },
      });
      const outcome = node.tryConnect(greater);
      await waitFor(() => fake.accepted[0]?.received, { what: "our name" });
      await node.stop();
      expect(await outcome).toEqual({ isUp: false, why: "the node stops" });
      expect(await node.tryConnect(greater)).toMatchObject({ isUp: false });
      await fake.accepted[0]!.closed();
      expect(logs.complaints).toEqual([]);
    },
  );

  test("to a node that stops during the handshake fails at once", async () => {
    const { node } = await startOwn({ limits: { setupTimeoutMs: 60_000 } });
    const dialler = await startNode({
      name: "d@127.0.0.1",
      peers: { [OWN]: `${HOST}:${node.port}` },
      limits: { setupTimeoutMs: 60_000 },
    });
    const half = await sayName(node, greater);
    expect(half.status).toBe("ok");
    const outcome = dialler.node.tryConnect(OWN);
    await node.stop();
    await half.peer.closed();
    expect(await outcome).toMatchObject({ isUp: false });
  });
});
