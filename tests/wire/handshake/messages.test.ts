import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  announce,
  decodeHandshake,
  digest,
  encodeAck,
  encodeChallenge,
  encodeName,
  encodeReply,
  encodeStatus,
  type HandshakePeer,
  sameDigest,
} from "../../../runtime/wire/handshake/messages.ts";
import {
  BASE_FLAGS,
  expandFlags,
  flag,
  type Flags,
  MANDATORY_25,
  missingFlags,
} from "../../../runtime/wire/handshake/flags.ts";
import { decideStatus } from "../../../runtime/wire/handshake/simultaneous.ts";
import { digests, odd, session } from "../../fixtures/handshake_captures.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";

function md5(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("md5").update(data).digest());
}

function peer(
  name: string,
  flags: Flags = BASE_FLAGS,
  capabilities: number | null = 5,
): HandshakePeer {
  const announcement = capabilities === null ? null : announce(capabilities);
  return { name, flags, creation: 77, announcement };
}

function beam(side: "initiator" | "acceptor"): HandshakePeer {
  const { name, flags, creation } = session[side];
  return { name, flags, creation, announcement: null };
}

describe("handshake messages", () => {
  const { acceptor, initiator } = session;

  test("are written as OTP 25 writes them", () => {
    expect(toHex(encodeName(beam("initiator")))).toBe(session.sendName);
    expect(toHex(encodeStatus("ok"))).toBe(session.status);
    expect(toHex(encodeStatus("alive"))).toBe(odd.alive);
    expect(toHex(encodeStatus("true"))).toBe(odd.true);
    expect(toHex(encodeStatus("false"))).toBe(odd.false);
    expect(toHex(encodeStatus("nok"))).toBe(odd.nok);
    expect(toHex(encodeStatus("not_allowed"))).toBe(odd.notAllowed);
    expect(toHex(encodeStatus("ok_simultaneous"))).toBe(odd.okSimultaneous);
    expect(toHex(encodeChallenge(beam("acceptor"), acceptor.challenge)))
      .toBe(session.challenge);
    const proof = digest(md5, "secret", acceptor.challenge);
    expect(toHex(encodeReply(initiator.challenge, proof))).toBe(session.reply);
    expect(toHex(encodeAck(digest(md5, "secret", initiator.challenge))))
      .toBe(session.ack);
  });

  test("are read as OTP 25 writes them", () => {
    expect(decodeHandshake(fromHex(session.sendName), "initiator"))
      .toEqual({ type: "name", peer: beam("initiator") });
    expect(decodeHandshake(fromHex(session.challenge), "acceptor")).toEqual({
      type: "challenge",
      peer: beam("acceptor"),
      challenge: acceptor.challenge,
    });
    expect(decodeHandshake(fromHex(session.reply), "initiator")).toEqual({
      type: "reply",
      challenge: initiator.challenge,
      digest: fromHex(digests[0]![2]),
    });
    expect(decodeHandshake(fromHex(session.ack), "acceptor"))
      .toEqual({ type: "ack", digest: fromHex(digests[1]![2]) });
    expect(decodeHandshake(fromHex(odd.named), "acceptor")).toEqual({
      type: "named",
      name: odd.namedName,
      creation: odd.namedCreation,
    });
    expect(decodeHandshake(fromHex(odd.oldName), "initiator"))
      .toEqual({ type: "oldName", name: "old@127.0.0.1" });
    for (
      const [hex, status] of [
        [session.status, "ok"],
        [odd.okSimultaneous, "ok_simultaneous"],
        [odd.nok, "nok"],
        [odd.notAllowed, "not_allowed"],
        [odd.alive, "alive"],
        [odd.true, "true"],
        [odd.false, "false"],
      ] as const
    ) {
      expect(decodeHandshake(fromHex(hex), "acceptor"))
        .toEqual({ type: "status", status });
    }
  });

  test("carry an announcement that Erlang does not look at", () => {
    const own = peer("h@127.0.0.1", BASE_FLAGS, 0x80000001);
    const hex = toHex(encodeName(own));
    expect(hex.endsWith("48424d01000480000001")).toBe(true);
    const whole = [encodeName(own), encodeChallenge(own, 9)];
    expect(decodeHandshake(whole[0]!, "initiator"))
      .toEqual({ type: "name", peer: own });
    expect(decodeHandshake(whole[1]!, "acceptor"))
      .toEqual({ type: "challenge", peer: own, challenge: 9 });
  });

  test("read longer and newer announcements, and leave the rest alone", () => {
    const plain = toHex(encodeName(peer("h@127.0.0.1", BASE_FLAGS, null)));
    const read = (extra: string) => {
      const message = decodeHandshake(fromHex(plain + extra), "initiator");
      return message.type === "name" ? message.peer.announcement : message;
    };
    expect(read("48424d010004000000ff"))
      .toEqual({ version: 1, capabilities: 255 });
    expect(read("48424d010006000000ff0102"))
      .toEqual({ version: 1, capabilities: 255 });
    expect(read("48424d070004000000ffaabb"))
      .toEqual({ version: 7, capabilities: 255 });
    for (
      const other of [
        "",
        "ff",
        "48424d",
        "48424d0100040000",
        "48424d000004000000ff",
        "48424d010003000000ff",
        "48424d010005000000ff",
        "0048424d010004000000ff",
      ]
    ) expect(read(other)).toBeNull();
  });

  test("that are broken are malformed, with what was expected and what came", () => {
    for (
      const [hex, sender] of [
        ["", "initiator"],
        ["ff", "initiator"],
        ["4e00", "initiator"],
        [session.sendName.slice(0, -2), "initiator"],
        [session.challenge.slice(0, -2), "acceptor"],
        // A name with a space in it.
        [session.sendName.slice(0, -2) + "20", "initiator"],
        [session.reply.slice(0, -2), "initiator"],
        [session.ack + "00", "acceptor"],
        ["736f6b6f6b", "acceptor"],
        ["736e616d65643a", "acceptor"],
        [odd.named.slice(0, -2), "acceptor"],
      ] as const
    ) {
      const message = decodeHandshake(fromHex(hex), sender);
      expect(message).toMatchObject({
        type: "malformed",
        detail: expect.stringMatching(/^expected .*, got \d+ bytes: /),
      });
    }
  });
});

describe("flags", () => {
  test("of OTP 25 and ours lack nothing", () => {
    expect(missingFlags(session.initiator.flags)).toBe(0n);
    expect(missingFlags(BASE_FLAGS)).toBe(0n);
  });

  test("stand for others where there is a shorthand", () => {
    const short = flag.mandatory25Digest | flag.unlinkId | flag.v4Nc;
    expect(missingFlags(short)).toBe(0n);
    expect(expandFlags(short) & MANDATORY_25).toBe(MANDATORY_25);
    expect(missingFlags(flag.mandatory25Digest))
      .toBe(flag.unlinkId | flag.v4Nc);
    expect(missingFlags(MANDATORY_25 & ~flag.mapTag))
      .toBe(flag.unlinkId | flag.v4Nc | flag.mapTag);
  });
});

describe("digest", () => {
  test.each(digests)("of %j and %d", (cookie, challenge, expected) => {
    expect(toHex(digest(md5, cookie, challenge))).toBe(expected);
  });

  test("takes a cookie as latin1 where that is possible", () => {
    const seen: number[][] = [];
    const spy = (data: Uint8Array) => {
      seen.push([...data]);
      return md5(data);
    };
    digest(spy, "\u00e9", -1);
    digest(spy, "\u20ac", 1);
    expect(seen).toEqual([
      [0xe9, ...new TextEncoder().encode("4294967295")],
      [0xe2, 0x82, 0xac, 0x31],
    ]);
  });

  test("comparison depends on every byte and the length", () => {
    const right = fromHex(digests[0]![2]);
    expect(sameDigest(right, right.slice())).toBe(true);
    for (let i = 0; i < 16; i++) {
      const wrong = right.slice();
      wrong[i]! ^= 1;
      expect(sameDigest(wrong, right)).toBe(false);
    }
    expect(sameDigest(right.subarray(0, 15), right)).toBe(false);
    expect(sameDigest(new Uint8Array(0), new Uint8Array(16))).toBe(false);
  });
});

describe("decideStatus", () => {
  test("lets exactly one of two attempts continue", () => {
    expect(decideStatus("b@x", "a0@x", "pending")).toBe("nok");
    expect(decideStatus("b@x", "z@x", "pending")).toBe("ok_simultaneous");
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
      fc.pre(a !== b);
      expect([decideStatus(a, b, "pending"), decideStatus(b, a, "pending")])
        .toContain("nok");
      expect(decideStatus(a, b, "pending"))
        .not.toBe(decideStatus(b, a, "pending"));
    }));
  });

  test("answers in all other cases", () => {
    expect(decideStatus("a@x", "b@x", "none")).toBe("ok");
    expect(decideStatus("a@x", "b@x", "up")).toBe("alive");
    expect(decideStatus("a@x", "b@x", "up-pending")).toBe("close");
  });
});
