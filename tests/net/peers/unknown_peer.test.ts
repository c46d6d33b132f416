/**
 * Signals that wait for a peer before it is known whether it is a Hornbeam
 * node. For a BEAM node they are encoded again, and a signal that cannot be
 * encoded does not affect the others. The same with real nodes is in
 * `tests/beam/connections/waiting.test.ts`.
 */
import { describe, expect, test } from "vitest";
import type { Signal } from "../../../runtime/core/host/signal.ts";
import {
  atom,
  internPid,
  Ref,
  tuple,
} from "../../../runtime/core/terms/terms.ts";
import type { Connection } from "../../../runtime/net/peers/connection.ts";
import { Peer } from "../../../runtime/net/peers/peer.ts";
import {
  BeamCodec,
  type BeamLink,
} from "../../../runtime/wire/beam/beam_codec.ts";
import { FrameParser } from "../../../runtime/wire/framing/frames.ts";
import { BASE_FLAGS, flag } from "../../../runtime/wire/handshake/flags.ts";
import { pidTable, printCaptured } from "../../wire/beam/dist_captures.ts";

const self = { node: "self@h", creation: 21 };
const theirs = { node: "peer@h", creation: 22 };
const pids = pidTable();
const own = internPid(pids, self.node, 1, 0, self.creation);
const to = internPid(pids, theirs.node, 5, 0, theirs.creation);
const stale = internPid(pids, theirs.node, 5, 0, 20);
const MAX_FRAME_BYTES = 1_000_000;
const link: BeamLink = { chosen: BASE_FLAGS | flag.fragments };
/** Nothing is written to it: the tests read `out`. */
const connection = { bufferedBytes: 0 } as Connection;

function unknownPeer(): Peer {
  return new Peer({
    name: theirs.node,
    self,
    pids,
    maxFrameBytes: MAX_FRAME_BYTES,
    now: () => 0,
  });
}

/** The signals that the BEAM node `peer@h` reads from the peer's output. */
function readBy(peer: Peer): string[] {
  const codec = new BeamCodec({
    ...{
      pids: pidTable(),
      self: theirs,
      peer: self,
      maxFrameBytes: MAX_FRAME_BYTES,
      ...link,
    },
  });
  const parser = new FrameParser({
    headerBytes: 4,
    maxFrameBytes: MAX_FRAME_BYTES,
  });
  for (const chunk of peer.out.take()) parser.push(chunk);
  const read: string[] = [];
  for (let frame = parser.next(); frame !== null; frame = parser.next()) {
    codec.decode(frame, {
      message: (id, _, message) =>
        read.push(`${id}: ${printCaptured(message)}`),
      signal: (signal) => read.push(signal.type),
    });
  }
  return read;
}

/** Sends as the outbox does while there is no connection. */
function send(peer: Peer, target: typeof to, message: unknown): void {
  peer.assumeCreation(target.creation);
  peer.codec.encodeSend(own, target, message, peer.out);
}

function signal(peer: Peer, one: Signal): void {
  peer.codec.encode(one, peer.out);
}

describe("towards a BEAM node", () => {
  test("messages and signals are encoded again, in order", () => {
    const peer = unknownPeer();
    const ref = new Ref(self.node, self.creation, [1, 2, 3]);
    send(peer, to, tuple(atom("a"), [1.5, "two"]));
    signal(peer, { type: "link", from: own, to });
    send(peer, to, "x".repeat(70_000));
    signal(peer, { type: "monitor", from: own, target: "name", ref });
    signal(peer, { type: "sendNamed", from: own, name: "n", message: ref });
    expect(peer.isBeam).toBe(false);
    expect(peer.becomeUp(connection, theirs.creation, link))
      .toEqual({ fits: true, refusals: [] });
    expect(peer.isBeam).toBe(true);
    send(peer, to, "afterwards");
    expect(readBy(peer)).toEqual([
      "5: {a,[1.5, b'two']}",
      "link",
      `5: b'${"x".repeat(70_000)}'`,
      "monitor",
      "sendNamed",
      "5: b'afterwards'",
    ]);
  });

  test("signals that it cannot be sent are reported, and the rest arrives", () => {
    const peer = unknownPeer();
    const request: Signal = {
      ...{ type: "spawnRequest", ref: new Ref("self@h", 21, [1]), from: own },
      ...{ groupLeader: own, behaviour: "no function", args: [] },
      flags: { link: true, monitor: false },
    };
    send(peer, to, 1);
    signal(peer, request);
    send(peer, to, 2);
    const { fits, refusals } = peer.becomeUp(
      connection,
      theirs.creation,
      link,
    );
    expect(fits).toBe(true);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatchObject({
      signal: { type: "spawnRequest", behaviour: "no function" },
      error: { message: expect.stringMatching(/module:function/) as string },
    });
    expect(readBy(peer)).toEqual(["5: 1", "5: 2"]);
  });

  test("a reason that it cannot be sent is replaced by a text", () => {
    const peer = unknownPeer();
    const many = new Map(
      Array.from({ length: 10_500 }, (_, i) => [{ [`key${i}`]: 1 }, 1]),
    );
    peer.assumeCreation(to.creation);
    signal(peer, { type: "exit", from: own, to, reason: many });
    const { refusals } = peer.becomeUp(connection, theirs.creation, link);
    expect(refusals).toHaveLength(1);
    expect(readBy(peer)).toEqual(["exit"]);
  });

  test("signals for another incarnation are dropped or answered", () => {
    const peer = unknownPeer();
    send(peer, stale, "for an ended actor");
    signal(peer, { type: "link", from: own, to: stale });
    signal(peer, { type: "sendNamed", from: own, name: "n", message: 1 });
    expect(peer.becomeUp(connection, theirs.creation, link).fits).toBe(true);
    send(peer, to, "for a live actor");
    expect(readBy(peer)).toEqual([
      "link",
      "sendNamed",
      "5: b'for a live actor'",
    ]);
  });

  test("with messages for two incarnations, all are dropped and reported", () => {
    const peer = unknownPeer();
    send(peer, stale, "for an ended actor");
    send(peer, to, "for a live actor, or not");
    expect(peer.becomeUp(connection, theirs.creation, link).fits).toBe(
      false,
    );
    send(peer, to, "afterwards");
    expect(readBy(peer)).toEqual(["5: b'afterwards'"]);
  });

  test("a new connection begins with an empty queue", () => {
    const peer = unknownPeer();
    peer.becomeUp(connection, theirs.creation, link);
    send(peer, to, "lost with the connection");
    peer.reset();
    expect(peer.isBeam).toBe(false);
    send(peer, to, "waits");
    peer.becomeUp(connection, theirs.creation, link);
    expect(readBy(peer)).toEqual(["5: b'waits'"]);
  });
});
