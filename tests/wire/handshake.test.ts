import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  announce,
  baseFlags,
  decideStatus,
  decodeHandshake,
  digest,
  encodeAck,
  encodeChallenge,
  encodeName,
  encodeReply,
  encodeStatus,
  expandFlags,
  flag,
  type Flags,
  type HandshakePeer,
  mandatory25,
  missingFlags,
  sameDigest,
} from "../../runtime/wire/handshake.ts";
import {
  Acceptor,
  type HandshakeOptions,
  type HandshakeStep,
  Initiator,
  type StatusAnswer,
} from "../../runtime/wire/handshake_machine.ts";
import {
  complainAboutModes,
  nameMode,
  NodeNameError,
  parseNodeName,
} from "../../runtime/wire/node_name.ts";
import { digests, odd, session } from "../fixtures/handshake_captures.ts";
import { fromHex, toHex } from "../helpers/hex.ts";

function md5(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("md5").update(data).digest());
}

function peer(
  name: string,
  flags: Flags = baseFlags,
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
    const own = peer("h@127.0.0.1", baseFlags, 0x80000001);
    const hex = toHex(encodeName(own));
    expect(hex.endsWith("48424d01000480000001")).toBe(true);
    const whole = [encodeName(own), encodeChallenge(own, 9)];
    expect(decodeHandshake(whole[0]!, "initiator"))
      .toEqual({ type: "name", peer: own });
    expect(decodeHandshake(whole[1]!, "acceptor"))
      .toEqual({ type: "challenge", peer: own, challenge: 9 });
  });

  test("read longer and newer announcements, and leave the rest alone", () => {
    const plain = toHex(encodeName(peer("h@127.0.0.1", baseFlags, null)));
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

  test("that are broken are malformed, with both sides of the story", () => {
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
    expect(missingFlags(baseFlags)).toBe(0n);
  });

  test("stand for others where there is a shorthand", () => {
    const short = flag.mandatory25Digest | flag.unlinkId | flag.v4Nc;
    expect(missingFlags(short)).toBe(0n);
    expect(expandFlags(short) & mandatory25).toBe(mandatory25);
    expect(missingFlags(flag.mandatory25Digest))
      .toBe(flag.unlinkId | flag.v4Nc);
    expect(missingFlags(mandatory25 & ~flag.mapTag))
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

  test("comparison sees every byte and the length", () => {
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

describe("node names", () => {
  test("have a part and a host", () => {
    expect(parseNodeName("a-1_B@127.0.0.1"))
      .toEqual({ part: "a-1_B", host: "127.0.0.1" });
    expect(parseNodeName("a@my-host").host).toBe("my-host");
    expect(parseNodeName("a@::1").host).toBe("::1");
  });

  test.each([
    ["a", 'expected a node name "part@host", got "a"'],
    ["", 'got ""'],
    ["@host", "before the"],
    ["a.b@host", "before the"],
    ["a b@host", "before the"],
    ["a@", "after the"],
    ["a@b@c", "after the"],
    ["a@h\u00f6st", "after the"],
    ["a@host\n", "after the"],
    [`a@${"h".repeat(254)}`, "at most 255 characters, got 256"],
  ])("are refused: %j", (name, complaint) => {
    expect(() => parseNodeName(name)).toThrow(NodeNameError);
    expect(() => parseNodeName(name)).toThrow(complaint);
  });

  test("are short or long", () => {
    expect(nameMode("host")).toBe("short");
    expect(nameMode("host.example.org")).toBe("long");
    expect(nameMode("::1")).toBe("long");
    expect(complainAboutModes("a@one", "b@two")).toBeNull();
    expect(complainAboutModes("a@one", "b@127.0.0.1"))
      .toContain("got b@127.0.0.1 with a long one");
  });
});

describe("decideStatus", () => {
  test("lets exactly one of two attempts live", () => {
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

  test("answers what else may be", () => {
    expect(decideStatus("a@x", "b@x", "none")).toBe("ok");
    expect(decideStatus("a@x", "b@x", "up")).toBe("alive");
    expect(decideStatus("a@x", "b@x", "up-pending")).toBe("close");
  });
});

type Side = {
  readonly steps: HandshakeStep[];
  readonly end: HandshakeStep | undefined;
};

type Setup = {
  initiator?: HandshakePeer;
  acceptor?: HandshakePeer;
  dialled?: string;
  cookies?: [string, string];
  status?: StatusAnswer;
  wanted?: boolean;
};

function options(own: HandshakePeer, cookie: string): HandshakeOptions {
  let words = 0;
  return { own, cookie: () => cookie, md5, randomU32: () => 100 + words++ };
}

/** Both machines against each other, as two well-behaved owners run them. */
function run(setup: Setup = {}): { initiator: Side; acceptor: Side } {
  const a = setup.initiator ?? peer("a@127.0.0.1");
  const b = setup.acceptor ?? peer("b@127.0.0.1", baseFlags | flag.published);
  const cookies = setup.cookies ?? ["secret", "secret"];
  const initiator = new Initiator(
    options(a, cookies[0]),
    setup.dialled ?? b.name,
    () => setup.wanted ?? true,
  );
  const acceptor = new Acceptor(options(b, cookies[1]));
  const sides = {
    initiator: { machine: initiator, steps: [] as HandshakeStep[] },
    acceptor: { machine: acceptor, steps: [] as HandshakeStep[] },
  };
  const perform = (who: "initiator" | "acceptor", steps: HandshakeStep[]) => {
    const other = who === "initiator" ? "acceptor" : "initiator";
    for (const step of steps) {
      sides[who].steps.push(step);
      switch (step.type) {
        case "send":
          perform(other, sides[other].machine.receive(step.payload));
          break;
        case "askStatus":
          perform("acceptor", acceptor.answerStatus(setup.status ?? "ok"));
          break;
        case "failed":
          perform(other, sides[other].machine.closed());
          break;
        case "done":
          break;
        default:
          step satisfies never;
      }
    }
  };
  perform("initiator", initiator.start());
  const side = (steps: HandshakeStep[]): Side => {
    const ends = steps.filter((step) =>
      step.type === "done" || step.type === "failed"
    );
    expect(ends).toHaveLength(1);
    return { steps, end: ends[0] };
  };
  return {
    initiator: side(sides.initiator.steps),
    acceptor: side(sides.acceptor.steps),
  };
}

describe("handshake machines", () => {
  test.each(["ok", "ok_simultaneous", "alive"] as const)(
    "connect after %s",
    (status) => {
      const { initiator, acceptor } = run({ status });
      expect(initiator.end).toEqual({
        type: "done",
        peer: peer("b@127.0.0.1", baseFlags | flag.published),
        ourFlags: baseFlags,
        chosenFlags: baseFlags,
      });
      expect(acceptor.end).toEqual({
        type: "done",
        peer: peer("a@127.0.0.1"),
        ourFlags: baseFlags | flag.published,
        chosenFlags: baseFlags,
      });
    },
  );

  test("replay a session of two BEAM nodes byte by byte", () => {
    const cookie = "secret";
    const a = new Initiator(
      { ...options(beam("initiator"), cookie), randomU32: () => 3846424046 },
      "b@127.0.0.1",
      () => true,
    );
    const b = new Acceptor(
      { ...options(beam("acceptor"), cookie), randomU32: () => 4024410742 },
    );
    const sent = (steps: HandshakeStep[]) =>
      steps.flatMap((step) => step.type === "send" ? toHex(step.payload) : []);
    expect(sent(a.start())).toEqual([session.sendName]);
    expect(b.receive(fromHex(session.sendName)))
      .toEqual([{ type: "askStatus", peer: beam("initiator") }]);
    expect(sent(b.answerStatus("ok")))
      .toEqual([session.status, session.challenge]);
    expect(a.receive(fromHex(session.status))).toEqual([]);
    expect(sent(a.receive(fromHex(session.challenge))))
      .toEqual([session.reply]);
    const last = b.receive(fromHex(session.reply));
    expect(sent(last)).toEqual([session.ack]);
    expect(last[1]).toMatchObject({ type: "done", peer: beam("initiator") });
    expect(a.receive(fromHex(session.ack)))
      .toMatchObject([{ type: "done", peer: beam("acceptor") }]);
  });

  const failures: [string, Setup, string, string][] = [
    ["nok", { status: "nok" }, "superseded", "superseded"],
    ["not_allowed", { status: "not_allowed" }, "not-allowed", "not-allowed"],
    [
      "alive, and the attempt is not wanted",
      { status: "alive", wanted: false },
      "superseded",
      "superseded",
    ],
    ["other cookies", { cookies: ["x", "y"] }, "bad-cookie", "bad-cookie"],
    [
      "another name than dialled",
      { dialled: "c@127.0.0.1" },
      "wrong-name",
      "closed",
    ],
    [
      "an initiator without maps",
      {
        initiator: peer(
          "a@127.0.0.1",
          baseFlags & ~flag.mapTag & ~flag.mandatory25Digest,
        ),
      },
      "not-allowed",
      "missing-flags",
    ],
    [
      "an acceptor without the OTP 26 flags",
      { acceptor: peer("b@127.0.0.1", baseFlags & ~flag.v4Nc) },
      "missing-flags",
      "closed",
    ],
    [
      "an initiator that wants a name",
      { initiator: peer("127.0.0.1", baseFlags | flag.nameMe) },
      "not-allowed",
      "unsupported",
    ],
    [
      "a name without a host",
      { initiator: peer("a") },
      "closed",
      "protocol",
    ],
    [
      "the acceptor's own name",
      { initiator: peer("b@127.0.0.1") },
      "not-allowed",
      "not-allowed",
    ],
  ];
  test.each(failures)("fail after %s", (_what, setup, atA, atB) => {
    const { initiator, acceptor } = run(setup);
    expect(initiator.end).toMatchObject({ type: "failed", reason: atA });
    expect(acceptor.end).toMatchObject({ type: "failed", reason: atB });
  });

  test("let the initiator catch an acceptor with another cookie", () => {
    const a = new Initiator(
      options(peer("a@127.0.0.1"), "secret"),
      "b@127.0.0.1",
      () => true,
    );
    a.start();
    a.receive(encodeStatus("ok"));
    a.receive(encodeChallenge(peer("b@127.0.0.1"), 1));
    // An acceptor that does not check our digest and cannot prove its own.
    expect(a.receive(encodeAck(digest(md5, "other", 100))))
      .toMatchObject([{ type: "failed", reason: "bad-cookie" }]);
  });

  test("use the cookie that belongs to the peer", () => {
    const asked: string[] = [];
    const cookie = (name: string) => {
      asked.push(name);
      return `for ${name}`;
    };
    const a = new Initiator(
      { ...options(peer("a@127.0.0.1"), ""), cookie },
      "b@127.0.0.1",
      () => true,
    );
    a.start();
    a.receive(encodeStatus("ok"));
    const [reply] = a.receive(encodeChallenge(peer("b@127.0.0.1"), 1));
    expect(asked).toEqual(["b@127.0.0.1"]);
    expect(reply).toEqual({
      type: "send",
      payload: encodeReply(100, digest(md5, "for b@127.0.0.1", 1)),
    });
  });

  test("name an OTP that is too old", () => {
    const acceptor = new Acceptor(options(peer("b@127.0.0.1"), "x"));
    expect(acceptor.receive(fromHex(odd.oldName))).toEqual([{
      type: "failed",
      reason: "unsupported",
      detail: expect.stringContaining("old@127.0.0.1"),
    }]);
  });

  test("refuse a name that was not asked for", () => {
    const a = new Initiator(options(peer("a@x"), ""), "b@x", () => true);
    a.start();
    expect(a.receive(fromHex(odd.named)))
      .toMatchObject([{ type: "failed", reason: "protocol" }]);
  });

  test("do nothing before the start, twice, or after the end", () => {
    const a = new Initiator(options(peer("a@x"), ""), "b@x", () => true);
    expect(a.start()).toHaveLength(1);
    expect(a.start()).toEqual([]);
    expect(a.closed()).toMatchObject([{ type: "failed", reason: "closed" }]);
    expect(a.closed()).toEqual([]);
    expect(a.receive(fromHex(session.status))).toEqual([]);
    const b = new Acceptor(options(peer("b@x"), ""));
    expect(b.answerStatus("ok")).toEqual([]);
    expect(b.closed()).toHaveLength(1);
    expect(b.receive(fromHex(session.sendName))).toEqual([]);
  });
});

describe("handshake machines against anything", () => {
  const messages = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.constantFrom(
      ...[session.sendName, session.challenge, session.reply, session.ack],
      ...[odd.oldName, odd.nameMe, odd.named, odd.alive, odd.true, odd.false],
      ...[odd.nok, odd.notAllowed, odd.okSimultaneous, session.status],
    ).map(fromHex),
    // Right messages with one wrong byte.
    fc.tuple(
      fc.constantFrom(session.sendName, session.challenge, session.reply),
      fc.nat(),
      fc.nat(255),
    ).map(([hex, at, value]) => {
      const bytes = fromHex(hex);
      bytes[at % bytes.length] = value;
      return bytes;
    }),
  );

  /** Counts ends: nothing throws, and there is never more than one. */
  function ends(steps: readonly HandshakeStep[]): number {
    return steps.filter((step) =>
      step.type === "done" || step.type === "failed"
    ).length;
  }

  test("never throw and end once", () => {
    fc.assert(
      fc.property(
        fc.array(messages, { maxLength: 8 }),
        fc.constantFrom<StatusAnswer>("ok", "nok", "alive", "not_allowed"),
        fc.boolean(),
        (input, status, wanted) => {
          const a = new Initiator(
            options(beam("initiator"), "secret"),
            "b@127.0.0.1",
            () => wanted,
          );
          const b = new Acceptor(options(beam("acceptor"), "secret"));
          const seenA = [...a.start()];
          const seenB: HandshakeStep[] = [];
          for (const payload of input) {
            seenA.push(...a.receive(payload));
            const steps = b.receive(payload);
            seenB.push(...steps);
            if (steps.some((step) => step.type === "askStatus")) {
              seenB.push(...b.answerStatus(status));
            }
          }
          seenA.push(...a.closed());
          seenB.push(...b.closed());
          expect([ends(seenA), ends(seenB)]).toEqual([1, 1]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
