/**
 * Peers that dial and send nonsense, half a handshake, the wrong cookie or
 * nothing at all. Each is closed within the time limit and logged in one line,
 * and other connections are not disturbed. Peers that are dialled are in
 * bad_answers.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import fc from "fast-check";
import { frame } from "../../../runtime/wire/framing/frames.ts";
import { encodeReply } from "../../../runtime/wire/handshake/messages.ts";
import { BASE_FLAGS, flag } from "../../../runtime/wire/handshake/flags.ts";
import { fromHex } from "../../helpers/hex.ts";
import { waitFor } from "../../helpers/wait.ts";
import { Chatter } from "../lanes/chatter.ts";
import {
  addresses,
  expectDone,
  HOST,
  type Identity,
  type Logged,
  nameFrame,
  RawPeer,
  startNode,
} from "./raw_peer.ts";

/** Long enough for a good handshake on a busy machine. */
const SETUP_TIMEOUT_MS = 1_000;
const LATE = /within 1000 ms, but it did not come/;
const MAX_FRAME_BYTES = 1_000_000;
const MAX_HANDSHAKES = 40;
/** Limit for a peer to see that it is closed: several handshake steps. */
const DEADLINE_MS = 10_000;

const HTTP_REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const tlsHello = fromHex(
  "16030100c8010000c4030367a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4" +
    "e5f60718293a4b5c6d7e20",
);

/** Two nodes with a conversation; the tests attack the node `victim`. */
let victim: Logged;
let friend: Logged;
let chatter: Chatter;

beforeAll(async () => {
  const table = await addresses("victim@127.0.0.1", "friend@127.0.0.1");
  const limits = {
    setupTimeoutMs: SETUP_TIMEOUT_MS,
    maxFrameBytes: MAX_FRAME_BYTES,
    maxHandshakes: MAX_HANDSHAKES,
  };
  const startOne = (name: string) =>
    startNode({ name, port: table.port(name), peers: table.peers, limits });
  victim = await startOne("victim@127.0.0.1");
  friend = await startOne("friend@127.0.0.1");
  expect(await friend.node.connect(victim.node.name)).toBe(true);
  chatter = new Chatter(friend.node, victim.node);
});

afterAll(async () => {
  chatter.stop();
  // No later log line is about a connection that was closed before.
  expect(victim.logs.complaints).toHaveLength(complaintsExpected);
  expect(friend.logs.complaints).toEqual([]);
  const startedAt = performance.now();
  await Promise.all([victim.node.stop(), friend.node.stop()]);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

/** Complaints of the victim that tests have expected. */
let complaintsExpected = 0;

async function dialVictim(): Promise<RawPeer> {
  return await RawPeer.dial(victim.node.port);
}

/** The one line of the victim's log that matches. */
async function oneComplaint(about: string): Promise<string> {
  const lines = () =>
    victim.logs.complaints.filter((line) => line.includes(about));
  await waitFor(() => lines().length > 0, { what: `a line about ${about}` });
  await chatter.expectUndisturbed();
  expect(lines()).toHaveLength(1);
  complaintsExpected++;
  return lines()[0]!;
}

const OWN = "victim@127.0.0.1";

/** Handshakes that fail: what the peer does, and what the log says. */
const strangers: Record<
  string,
  { readonly act: (peer: RawPeer) => unknown; readonly says: RegExp }
> = {
  "nothing at all": { act: () => {}, says: LATE },
  "an HTTP request": {
    act: (peer) => peer.send(HTTP_REQUEST),
    says: LATE,
  },
  "a TLS hello": {
    act: (peer) => peer.send(tlsHello),
    says: /expected a node without TLS, got one with it/,
  },
  "a tick": {
    act: (peer) => peer.send(new Uint8Array(2)),
    says: /expected a handshake message, got 0 bytes/,
  },
  "a name, then silence": {
    act: (peer) => peer.send(nameFrame({ name: "silent@127.0.0.1" })),
    says: LATE,
  },
  "a name, then the end": {
    act: async (peer) => {
      peer.send(nameFrame());
      await peer.frame();
      peer.socket.end();
    },
    says: /raw@127.0.0.1 closed the connection during the handshake/,
  },
  "half a name, then silence": {
    act: (peer) => peer.send(nameFrame().subarray(0, 9)),
    says: LATE,
  },
  "half a name, then the end": {
    act: (peer) => peer.socket.end(nameFrame().subarray(0, 9)),
    says: /closed the connection during the handshake/,
  },
  "half a reply, then a reset": {
    act: async (peer) => {
      peer.send(nameFrame({ name: "resetting@127.0.0.1" }));
      await peer.frame();
      peer.send("\0\x15r");
      peer.socket.resetAndDestroy();
    },
    says: /closed the connection during the handshake/,
  },
  "a name, byte by byte": {
    act: async (peer) => {
      for (const byte of nameFrame()) {
        peer.send(Uint8Array.of(byte));
        // Each byte is in time, but the message as a whole is too slow.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    says: LATE,
  },
  "two names": {
    act: async (peer) => {
      peer.send(nameFrame({ name: "double@127.0.0.1" }));
      await peer.frame();
      peer.send(nameFrame({ name: "double@127.0.0.1" }));
    },
    says: /expected a challenge reply, got a message of type name/,
  },
  "a short reply": {
    act: async (peer) => {
      peer.send(nameFrame({ name: "short@127.0.0.1" }));
      await peer.frame();
      const reply = encodeReply(1, new Uint8Array(16));
      peer.send(frame(reply.subarray(0, 12), 2));
    },
    says: /expected a challenge reply of 21 bytes, got 12/,
  },
  "a status instead of a name": {
    act: (peer) => peer.send("\0\x03sok"),
    says: /expected a name, got the status ok/,
  },
  "the name of an old node": {
    act: (peer) => peer.send("\0\x0en\0\x05\0\0\0\0old@x.y"),
    says: /old@x.y speaks the handshake of OTP 22 or older/,
  },
};

describe("a client that breaks the handshake", () => {
  // All run at the same time; each test checks the result of its own.
  const outcomes = new Map<string, Promise<RawPeer>>();
  const misbehave = async (what: string): Promise<RawPeer> => {
    const peer = await dialVictim();
    await strangers[what]!.act(peer);
    await peer.closed(DEADLINE_MS);
    return peer;
  };
  beforeAll(() => {
    for (const what of Object.keys(strangers)) {
      const outcome = misbehave(what);
      outcome.catch(() => {});
      outcomes.set(what, outcome);
    }
  });

  test.each(Object.keys(strangers))("%s", async (what) => {
    const { localPort } = await outcomes.get(what)!;
    const who = `a handshake from 127.0.0.1:${localPort} failed`;
    const line = await oneComplaint(who);
    expect(line).toMatch(strangers[what]!.says);
    expect(line).toMatch(/^warning: /);
  });

  test("and closes without sending bytes is not logged as a warning", async () => {
    const peer = await dialVictim();
    peer.socket.end();
    await peer.closed(DEADLINE_MS);
    await chatter.expectUndisturbed();
    expect(victim.logs.complaints.join()).not.toContain(`:${peer.localPort}`);
  });
});

/** Correct handshakes of a peer that is not accepted. */
const unwelcome: Record<
  string,
  { readonly identity: Identity; readonly says: RegExp }
> = {
  "with another cookie": {
    identity: { cookie: "guess" },
    says: /expected raw@127.0.0.1 to prove our cookie/,
  },
  "with our own name": {
    identity: { name: OWN },
    says: /a peer has our own name victim@127.0.0.1/,
  },
  "with a short name": {
    identity: { name: "raw@localhost" },
    says: /expected a node with a long name like victim@127.0.0.1/,
  },
  "that lacks flags": {
    identity: { flags: BASE_FLAGS & ~flag.v4Nc },
    says: /got raw@127.0.0.1 that lacks 0x400000000/,
  },
  "that wants a name from us": {
    identity: { name: "127.0.0.1", flags: BASE_FLAGS | flag.nameMe },
    says: /asks for a name of our choice/,
  },
  "without a host in its name": {
    identity: { name: "raw" },
    says: /without an "@"/,
  },
  "without a name": { identity: { name: "" }, says: /without an "@"/ },
  "with a name that is too long": {
    identity: { name: `${"x".repeat(300)}@${HOST}` },
    says: /at most 255 characters, got 310/,
  },
  "with a name that breaks the log": {
    identity: { name: `raw\n${HOST}@${HOST}` },
    says: /expected a name message with a whole ASCII name/,
  },
};

describe("a node that dials", () => {
  test.each(Object.keys(unwelcome))("%s", async (what) => {
    const { identity, says } = unwelcome[what]!;
    const peer = await dialVictim();
    const end = await peer.shakeHands(OWN, identity);
    expect(end).toMatchObject({ type: "failed" });
    await peer.closed(DEADLINE_MS);
    expect(await oneComplaint(`127.0.0.1:${peer.localPort}`)).toMatch(says);
    expect(victim.node.nodes()).toEqual([friend.node.name]);
  });
});

/** Bytes after a correct handshake that are no frame. */
const nonsense: Record<
  string,
  { readonly bytes: Uint8Array; readonly says: RegExp }
> = {
  "a length of 4 GiB": {
    bytes: fromHex("ffffffff"),
    says: /at most 1000000 bytes, got one that announces 4294967295/,
  },
  "a length one too large": {
    bytes: fromHex("000f4241"),
    says: /at most 1000000 bytes, got one that announces 1000001/,
  },
  "a frame of garbage": {
    bytes: frame(fromHex("83680461026764"), 4),
    says: /cannot decode the frame/,
  },
  "an unknown signal": {
    bytes: frame(fromHex("82186300"), 4),
    says: /cannot decode the frame/,
  },
  "an HTTP request": {
    bytes: new TextEncoder().encode(HTTP_REQUEST),
    says: /got one that announces 1195725856/,
  },
};

describe("a node that was accepted and sends", () => {
  test.each(Object.keys(nonsense))("%s", async (what) => {
    const { bytes, says } = nonsense[what]!;
    const peer = await dialVictim();
    const name = `raw${Object.keys(nonsense).indexOf(what)}@127.0.0.1`;
    expectDone(await peer.shakeHands(OWN, { name }));
    chatter.events.length = 0;
    peer.send(bytes);
    await peer.closed(DEADLINE_MS);
    await waitFor(() => chatter.events.length > 0, { what: "a nodedown" });
    expect(chatter.events).toMatchObject([{
      type: "nodedown",
      node: name,
      reason: expect.stringContaining("bad-data"),
    }]);
    chatter.events.length = 0;
    const line = await oneComplaint(`closed the connection to ${name}`);
    expect(line).toMatch(says);
    expect(line).toMatch(/^error: /);
  });

  test("ticks and half a frame stays connected until it closes", async () => {
    const peer = await dialVictim();
    expectDone(await peer.shakeHands(OWN, { name: "half@127.0.0.1" }));
    peer.send(fromHex("00000000000000000000100083"));
    await waitFor(() => victim.node.nodes().length === 2, { what: "a join" });
    peer.socket.end();
    await peer.closed(DEADLINE_MS);
    await waitFor(() => victim.node.nodes().length === 1, { what: "the end" });
    chatter.events.length = 0;
    await chatter.expectUndisturbed();
    expect(victim.logs.complaints.join()).not.toContain("half@127.0.0.1");
  });

  test("garbage in the same segment as its last handshake message", async () => {
    const peer = await dialVictim();
    const send = peer.send.bind(peer);
    let sent = 0;
    peer.send = (bytes) =>
      send(
        ++sent === 2
          ? Uint8Array.of(...bytes as Uint8Array, 255, 255, 255, 255)
          : bytes,
      );
    await peer.shakeHands(OWN, { name: "hasty@127.0.0.1" });
    await peer.closed(DEADLINE_MS);
    chatter.events.length = 0;
    expect(await oneComplaint("closed the connection to hasty@127.0.0.1"))
      .toMatch(/announces 4294967295/);
  });
});

describe("many clients at once", () => {
  test("have the same limit again after all the others have ended", async () => {
    const peers = await Promise.all(
      Array.from({ length: MAX_HANDSHAKES }, () => dialVictim()),
    );
    for (const { localPort } of peers) {
      expect(await oneComplaint(`127.0.0.1:${localPort}`)).toMatch(LATE);
    }
  });

  test("random garbage of any length", async () => {
    const node = await startNode({
      name: "target@127.0.0.1",
      limits: { setupTimeoutMs: SETUP_TIMEOUT_MS },
    });
    const samples = fc.sample(
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      { numRuns: 60, seed: 20_261 },
    );
    const peers = await Promise.all(samples.map(async (bytes) => {
      const peer = await RawPeer.dial(node.node.port);
      peer.send(bytes);
      return peer;
    }));
    await Promise.all(peers.map((peer) => peer.closed(DEADLINE_MS)));
    await waitFor(() => node.logs.complaints.length >= samples.length, {
      what: "one line for each",
    });
    expect(node.logs.complaints).toHaveLength(samples.length);
  });

  test("random garbage after good handshakes", async () => {
    // With the default time limit: forty handshakes at once may take long.
    const node = await startNode({ name: "target@127.0.0.1" });
    const samples = fc.sample(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      { numRuns: 40, seed: 20_262 },
    );
    const names: string[] = [];
    node.node.onNodeEvent((event) => {
      if (event.type === "nodedown") names.push(event.node);
    });
    const peers = await Promise.all(samples.map(async (bytes, i) => {
      const peer = await RawPeer.dial(node.node.port);
      const name = `raw${i}@127.0.0.1`;
      expectDone(await peer.shakeHands(node.node.name, { name }));
      peer.send(frame(bytes, 4));
      // Bytes that are a valid signal to no actor are no reason to close.
      peer.send(fromHex("ffffffff"));
      return peer;
    }));
    await Promise.all(peers.map((peer) => peer.closed(DEADLINE_MS)));
    await waitFor(() => names.length >= samples.length, { what: "every end" });
    expect(new Set(names).size).toBe(samples.length);
    expect(node.logs.complaints).toHaveLength(samples.length);
    expect(node.node.nodes()).toEqual([]);
  });

  test("more silent clients than the limit", async () => {
    const [room, crowd] = [200, 300];
    const table = await addresses("target@127.0.0.1", "partner@127.0.0.1");
    const { peers } = table;
    const [target, partner] = await Promise.all(
      Object.keys(peers).map((name) =>
        startNode({
          name,
          peers,
          port: table.port(name),
          limits: { setupTimeoutMs: 1_000, maxHandshakes: room },
        })
      ),
    );
    expect(await partner!.node.connect(target!.node.name)).toBe(true);
    const talk = new Chatter(partner!.node, target!.node);
    const strangers = await Promise.all(
      Array.from({ length: crowd }, () => RawPeer.dial(target!.node.port)),
    );
    await talk.expectUndisturbed();
    const refused = () => strangers.filter((peer) => peer.isClosed).length;
    await waitFor(() => refused() >= crowd - room, { what: "the refusals" });
    await waitFor(() => refused() === crowd, { what: "every end" });
    await talk.expectUndisturbed();
    await waitFor(() => target!.logs.complaints.length >= crowd, {
      what: "a line for each",
    });
    const lines = target!.logs.complaints;
    expect(lines).toHaveLength(crowd);
    expect(lines.filter((line) => /too many handshakes; its/.test(line)))
      .toHaveLength(crowd - room);
    // There is room again for correct handshakes.
    const welcome = await RawPeer.dial(target!.node.port);
    expectDone(await welcome.shakeHands(target!.node.name));
    talk.stop();
  });
});
