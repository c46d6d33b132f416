/**
 * Dialled nodes that answer with nonsense, with the wrong cookie or not at all.
 * The caller of `connect` is told why within the time limit, in one line, and
 * no signal waits for the connection for ever.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { reasons } from "../../../runtime/mod.ts";
import { frame } from "../../../runtime/wire/framing/frames.ts";
import { freePort } from "../../helpers/ports.ts";
import {
  FakeNode,
  HOST,
  nameFrame,
  type RawPeer,
  startNode,
} from "./raw_peer.ts";

const SETUP_TIMEOUT_MS = 300;
const LATE = /within 300 ms, but it did not come/;
/** Limit for a peer to see that it is closed: several handshake steps. */
const DEADLINE_MS = 3_000;

/** What a dialled node does instead of a correct handshake. */
const fakes: Record<
  string,
  { readonly greet: (peer: RawPeer) => unknown; readonly says: RegExp }
> = {
  "says nothing": { greet: () => {}, says: LATE },
  "speaks HTTP": {
    greet: (peer) => peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"),
    says: LATE,
  },
  "sends a tick": {
    greet: (peer) => peer.send(new Uint8Array(2)),
    says: /expected a status from fake@127.0.0.1, got expected a handshake/,
  },
  "closes at once": {
    greet: (peer) => peer.socket.destroy(),
    says: /fake@127.0.0.1 closed the connection during the handshake/,
  },
  "accepts and falls silent": {
    greet: (peer) => peer.send("\0\x03sok"),
    says: LATE,
  },
  "drips its status": {
    greet: async (peer) => {
      for (const byte of "\0\x0fsok_simultaneous") {
        peer.send(byte);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    says: LATE,
  },
  "refuses": {
    greet: (peer) => peer.send("\0\x0csnot_allowed"),
    says: /fake@127.0.0.1 does not allow us/,
  },
  "wants to dial itself and does not": {
    greet: (peer) => peer.send("\0\x04snok"),
    says: /fake@127.0.0.1 said that it dials this node, and did not/,
  },
  "asks whether we live and falls silent": {
    greet: (peer) => peer.send("\0\x06salive"),
    says: LATE,
  },
  "has another cookie": {
    greet: async (peer) => {
      await peer.awaitHandshake({ name: "fake@127.0.0.1", cookie: "guess" });
      peer.socket.destroy();
    },
    says: /most likely the cookies differ/,
  },
  "does not prove the cookie": {
    greet: (peer) => acceptAnyDigest(peer),
    says: /expected fake@127.0.0.1 to prove our cookie/,
  },
  "has another name": {
    greet: (peer) => peer.awaitHandshake({ name: "other@127.0.0.1" }),
    says: /expected the node fake@127.0.0.1, got other@127.0.0.1/,
  },
};

/** Accepts the handshake without the cookie; the node must refuse that. */
async function acceptAnyDigest(peer: RawPeer): Promise<void> {
  await peer.frame();
  peer.send("\0\x03sok");
  const name = nameFrame({ name: "fake@127.0.0.1" }).subarray(2);
  const challenge = Uint8Array.from([
    ...name.subarray(0, 9),
    ...[1, 2, 3, 4],
    ...name.subarray(9),
  ]);
  peer.send(frame(challenge, 2));
  await peer.frame();
  peer.send(frame(Uint8Array.from([0x61, ...new Array(16).fill(7)]), 2));
}

describe("a dialled node that", () => {
  /** Dials twice, because the first attempt must leave no state; then sends. */
  const deal = async (what: string) => {
    const fake = await FakeNode.listen(fakes[what]!.greet);
    const { node, logs } = await startNode({
      name: "dialler@127.0.0.1",
      peers: { "fake@127.0.0.1": `${HOST}:${fake.port}` },
      limits: { setupTimeoutMs: SETUP_TIMEOUT_MS },
    });
    const connected = [
      await node.connect("fake@127.0.0.1"),
      await node.connect("fake@127.0.0.1"),
    ];
    const lines = [...logs.complaints];
    const heard = await node.run(async (self) => {
      const target = { name: "anybody", node: "fake@127.0.0.1" };
      const ref = self.monitor(target);
      self.send(target, "lost");
      const down = await self.receive({ timeoutMs: DEADLINE_MS });
      expect(down).toMatchObject({ type: "DOWN", ref, target });
      return [down, await self.receive({ timeoutMs: 0 })];
    });
    return { fake, node, logs, connected, lines, heard };
  };
  const outcomes = new Map<string, ReturnType<typeof deal>>();
  beforeAll(() => {
    for (const what of Object.keys(fakes)) {
      const outcome = deal(what);
      outcome.catch(() => {});
      outcomes.set(what, outcome);
    }
  });

  test.each(Object.keys(fakes))("%s", async (what) => {
    const { says } = fakes[what]!;
    const { fake, node, logs, connected, lines, heard } = await outcomes.get(
      what,
    )!;
    expect(connected).toEqual([false, false]);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(says);
    // The sender is told by its monitor, once, and the log has one more line.
    expect(heard).toMatchObject([{ reason: reasons.noconnection }, undefined]);
    expect(logs.complaints).toHaveLength(3);
    expect(logs.complaints[2]).toMatch(says);
    expect(fake.accepted).toHaveLength(3);
    for (const peer of fake.accepted) await peer.closed(DEADLINE_MS);
    expect(node.nodes()).toEqual([]);
  });

  test("has no listener", async () => {
    const peers = { "gone@127.0.0.1": `${HOST}:${await freePort()}` };
    const { node, logs } = await startNode({ name: "d@127.0.0.1", peers });
    expect(await node.tryConnect("gone@127.0.0.1")).toMatchObject({
      isUp: false,
      why: expect.stringContaining("ECONNREFUSED"),
    });
    expect(await node.tryConnect("unknown@127.0.0.1")).toMatchObject({
      why: "no such node is registered",
    });
    expect(await node.tryConnect("d@short")).toMatchObject({
      why: expect.stringContaining("long name"),
    });
    expect(await node.tryConnect("no name")).toMatchObject({ isUp: false });
    expect(logs.complaints).toEqual([]);
  });
});
