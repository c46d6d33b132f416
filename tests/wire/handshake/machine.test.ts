/**
 * Both machines against each other, against recorded bytes and against random
 * bytes: for any input, each ends exactly once and never throws.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  announce,
  digest,
  encodeAck,
  encodeChallenge,
  encodeReply,
  encodeStatus,
  type HandshakePeer,
} from "../../../runtime/wire/handshake/messages.ts";
import {
  BASE_FLAGS,
  flag,
  type Flags,
} from "../../../runtime/wire/handshake/flags.ts";
import {
  Acceptor,
  type HandshakeOptions,
  type HandshakeStep,
  Initiator,
  type StatusAnswer,
} from "../../../runtime/wire/handshake/machine.ts";
import { odd, session } from "../../fixtures/handshake_captures.ts";
import { fromHex, toHex } from "../../helpers/hex.ts";

function md5(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("md5").update(data).digest());
}

function peer(name: string, flags: Flags = BASE_FLAGS): HandshakePeer {
  return { name, flags, creation: 77, announcement: announce(5) };
}

function beam(side: "initiator" | "acceptor"): HandshakePeer {
  const { name, flags, creation } = session[side];
  return { name, flags, creation, announcement: null };
}

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
  const b = setup.acceptor ?? peer("b@127.0.0.1", BASE_FLAGS | flag.published);
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
        peer: peer("b@127.0.0.1", BASE_FLAGS | flag.published),
        ourFlags: BASE_FLAGS,
        chosenFlags: BASE_FLAGS,
      });
      expect(acceptor.end).toEqual({
        type: "done",
        peer: peer("a@127.0.0.1"),
        ourFlags: BASE_FLAGS | flag.published,
        chosenFlags: BASE_FLAGS,
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
          BASE_FLAGS & ~flag.mapTag & ~flag.mandatory25Digest,
        ),
      },
      "not-allowed",
      "missing-flags",
    ],
    [
      "an acceptor without the OTP 26 flags",
      { acceptor: peer("b@127.0.0.1", BASE_FLAGS & ~flag.v4Nc) },
      "missing-flags",
      "closed",
    ],
    [
      "an initiator that wants a name",
      { initiator: peer("127.0.0.1", BASE_FLAGS | flag.nameMe) },
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

  test("let the initiator detect an acceptor with another cookie", () => {
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

describe("handshake machines against random messages", () => {
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

  /** Counts the final steps: nothing throws, and there is at most one. */
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
