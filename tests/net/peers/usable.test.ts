/**
 * `connect` says true for a connection that can be used: all that had arrived
 * from the peer by then was read, and no end was among it.
 */
import { describe, expect, test } from "vitest";
import { waitFor } from "../../helpers/wait.ts";
import {
  eventsOf,
  expectDone,
  HOST,
  pairInMemory,
  RawPeer,
  startNode,
} from "./raw_peer.ts";

describe("connect", () => {
  test("dials again when the end of the old connection is on its way", async () => {
    const [{ node: a }, { node: b }] = await pairInMemory();
    expect(await a.connect(b.name)).toBe(true);
    await waitFor(() => b.nodes().length === 1, { what: "the other side" });
    const arrived: unknown[] = [];
    const echo = b.spawn(async (self) => {
      for await (const message of self) arrived.push(message);
    });
    for (let round = 0; round < 5; round++) {
      const events = eventsOf(a);
      expect(b.disconnect(a.name)).toBe(true);
      expect(await a.connect(b.name)).toBe(true);
      if (events.length === 0) {
        // On a busy machine the end is still a task of the network in memory:
        // it has not arrived, and the next call dials.
        await waitFor(() => events.length > 0, { what: "the nodedown" });
        expect(await a.connect(b.name)).toBe(true);
      }
      expect(events).toEqual([`-${b.name}`, `+${b.name}`]);
      expect(a.nodes()).toEqual([b.name]);
      a.send(echo, round);
      await waitFor(() => arrived.length > round, { what: "the message" });
    }
    expect(arrived).toEqual([0, 1, 2, 3, 4]);
  });

  test("is false when the peer ends right after the handshake", async () => {
    const [{ node: a }, { node: b }] = await pairInMemory();
    b.onNodeEvent(({ type, node }) => {
      if (type === "nodeup") b.disconnect(node);
    });
    const outcome = await a.tryConnect(b.name);
    expect(outcome).toEqual({
      isUp: false,
      why: "the connection ended right after the handshake: " +
        "connection-closed: closed by peer",
    });
    expect(a.nodes()).toEqual([]);
  });

  test("is true for callers that come at any moment of one connection", async () => {
    const [{ node: a }, { node: b }] = await pairInMemory();
    const events = eventsOf(a);
    const early = [a.connect(b.name), a.connect(b.name)];
    await waitFor(() => events.length > 0, { what: "the nodeup" });
    const all = [...early, a.connect(b.name), b.connect(a.name)];
    expect(await Promise.all(all)).toEqual([true, true, true, true]);
    expect(events).toEqual([`+${b.name}`]);
  });

  test("sees an end that has arrived at a socket and was not read", async () => {
    const { node } = await startNode({ name: `m@${HOST}` });
    const name = `raw@${HOST}`;
    for (let round = 0; round < 10; round++) {
      const events = eventsOf(node);
      const peer = await RawPeer.dial(node.port);
      expectDone(await peer.shakeHands(node.name, { name }));
      await waitFor(() => events.length === 1, { what: "the nodeup" });
      const ended = Promise.withResolvers<void>();
      peer.socket.end(() => ended.resolve());
      await ended.promise;
      expect(await node.tryConnect(name)).toMatchObject({ isUp: false });
      expect(events).toEqual([`+${name}`, `-${name}`]);
    }
  });

  test("is false when the node stops meanwhile", async () => {
    const [{ node: a }, { node: b }] = await pairInMemory();
    expect(await a.connect(b.name)).toBe(true);
    const late = a.tryConnect(b.name);
    await a.stop();
    expect(await late).toMatchObject({ isUp: false });
  });
});
