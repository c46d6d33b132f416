/**
 * Random handshakes: both machines against each other with an attacker between
 * them who changes, drops, repeats and invents messages, and each machine
 * alone with messages in any order.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  announce,
  decodeHandshake,
  encodeAck,
  encodeChallenge,
  encodeName,
  encodeReply,
  encodeStatus,
  type HandshakeMessage,
  type HandshakePeer,
} from "../../runtime/wire/handshake/messages.ts";
import { BASE_FLAGS, flag } from "../../runtime/wire/handshake/flags.ts";
import {
  Acceptor,
  type HandshakeOptions,
  type HandshakeStep,
  Initiator,
} from "../../runtime/wire/handshake/machine.ts";
import {
  bytesOf,
  type Draw,
  mutate,
  type Note,
  pick,
  run,
  type Tally,
  u32Of,
} from "./inputs.ts";

const names = ["a@h", "b@h", "c@127.0.0.1", "", "@", "x@y@z", "n".repeat(300)];
const statuses = [
  ...["ok", "ok_simultaneous", "nok", "not_allowed", "alive", "true", "false"],
] as const;
const answers = [
  "ok",
  "ok_simultaneous",
  "nok",
  "not_allowed",
  "alive",
] as const;

function peerOf(draw: Draw): HandshakePeer {
  const flags = pick(draw, [
    BASE_FLAGS,
    BASE_FLAGS | flag.published,
    BASE_FLAGS | flag.nameMe,
    flag.mandatory25Digest | flag.unlinkId | flag.v4Nc,
    0n,
    BigInt(u32Of(draw)) << 32n | BigInt(u32Of(draw)),
  ]);
  return {
    name: pick(draw, names),
    flags,
    creation: u32Of(draw),
    announcement: draw(2) === 0 ? null : announce(u32Of(draw)),
  };
}

/** A valid message of either side, and how it is read. */
function messageOf(draw: Draw): [Uint8Array, HandshakeMessage] {
  const peer = peerOf(draw);
  const challenge = u32Of(draw);
  const digest = bytesOf(draw, 16);
  switch (draw(5)) {
    case 0:
      return [encodeName(peer), { type: "name", peer }];
    case 1:
      return [
        encodeChallenge(peer, challenge),
        { type: "challenge", peer, challenge },
      ];
    case 2: {
      const status = pick(draw, statuses);
      return [encodeStatus(status), { type: "status", status }];
    }
    case 3:
      return [
        encodeReply(challenge, digest),
        { type: "reply", challenge, digest },
      ];
    default:
      return [encodeAck(digest), { type: "ack", digest }];
  }
}

function md5(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("md5").update(data).digest());
}

function optionsOf(draw: Draw, name: string, cookie: string): HandshakeOptions {
  const hidden = draw(2) === 0 ? 0n : flag.published;
  const announcement = draw(3) === 0 ? null : announce(u32Of(draw));
  return {
    own: {
      name,
      flags: BASE_FLAGS | hidden,
      creation: u32Of(draw),
      announcement,
    },
    cookie: () => cookie,
    md5,
    randomU32: () => u32Of(draw),
  };
}

/** One side of a handshake, and what it has come to. */
class Side {
  readonly machine: Initiator | Acceptor;
  readonly ends: HandshakeStep[] = [];
  /** What it has sent and the other side has not taken. */
  readonly sent: Uint8Array[] = [];
  readonly #draw: Draw;
  readonly #isPlain: boolean;

  constructor(machine: Initiator | Acceptor, draw: Draw, isPlain: boolean) {
    this.machine = machine;
    this.#draw = draw;
    this.#isPlain = isPlain;
  }

  take(steps: readonly HandshakeStep[]): void {
    for (const step of steps) {
      if (step.type === "send") this.sent.push(step.payload);
      else if (step.type !== "askStatus") this.ends.push(step);
      else if (this.machine instanceof Acceptor) {
        const answer = this.#isPlain ? "ok" : pick(this.#draw, answers);
        this.take(this.machine.answerStatus(answer));
      }
    }
  }

  /** Its only end. */
  end(): HandshakeStep {
    this.take(this.machine.closed());
    if (this.ends.length !== 1) {
      throw new Error(`expected one end, got ${this.ends.length}`);
    }
    return this.ends[0]!;
  }
}

/** What reaches the other side in place of a message. */
function between(draw: Draw, message: Uint8Array): Uint8Array[] {
  switch (draw(12)) {
    case 0:
      return [];
    case 1:
      return [message, message];
    case 2:
      return [messageOf(draw)[0], message];
    case 3:
      return [mutate(message, draw, messageOf(draw)[0])];
    case 4:
      return [messageOf(draw)[0]];
    default:
      return [message];
  }
}

/** Two machines with, mostly, an attacker between them. */
function pairInput(draw: Draw, note: Note): boolean {
  const isPlain = draw(6) === 0;
  const isSameCookie = isPlain ? draw(3) > 0 : draw(4) > 0;
  const [one, other] = isPlain || draw(4) > 0
    ? ["a@h", "b@h"]
    : [pick(draw, names), pick(draw, names)];
  const dialled = isPlain || draw(12) > 0 ? other : pick(draw, names);
  const initiator = new Side(
    new Initiator(optionsOf(draw, one, "x"), dialled, () => draw(2) === 0),
    draw,
    isPlain,
  );
  const acceptor = new Side(
    new Acceptor(optionsOf(draw, other, isSameCookie ? "x" : "y")),
    draw,
    isPlain,
  );
  initiator.take((initiator.machine as Initiator).start());
  const history: string[] = [];
  // Each message is answered by one at most, but some come twice.
  for (let left = 40; left > 0; left--) {
    const [from, to] = draw(2) === 0
      ? [initiator, acceptor]
      : [acceptor, initiator];
    const message = from.sent.shift();
    if (message === undefined) {
      if (to.sent.length === 0) break;
      continue;
    }
    for (const found of isPlain ? [message] : between(draw, message)) {
      history.push(`${from === initiator ? ">" : "<"} ${found.toHex()}`);
      note(history.join(" "));
      to.take(to.machine.receive(found));
    }
  }
  const ends = [initiator.end(), acceptor.end()] as const;
  const done = ends.filter(({ type }) => type === "done");
  if (!isSameCookie && done.length > 0) {
    throw new Error("expected no connection of two cookies");
  }
  if (isPlain && isSameCookie && done.length !== 2) {
    throw new Error(
      `expected a connection, got ${JSON.stringify(ends, shown)}`,
    );
  }
  const [left, right] = ends;
  if (
    isPlain && left.type === "done" && right.type === "done" &&
    left.chosenFlags !== right.chosenFlags
  ) throw new Error("expected the same flags on both sides");
  return done.length > 0;
}

function shown(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** One machine, and messages in any order, of either side. */
function aloneInput(draw: Draw, note: Note): boolean {
  const options = optionsOf(draw, "a@h", "x");
  const side = new Side(
    draw(2) === 0
      ? new Initiator(options, pick(draw, names), () => draw(2) === 0)
      : new Acceptor(options),
    draw,
    false,
  );
  const { machine } = side;
  if (machine instanceof Initiator && draw(8) > 0) side.take(machine.start());
  for (let count = draw(6); count >= 0; count--) {
    const [valid, meaning] = messageOf(draw);
    const sender = meaning.type === "challenge" ? "acceptor" : "initiator";
    const isShort = !("peer" in meaning) || /^[!-~]*$/.test(meaning.peer.name);
    if (
      isShort && !isDeepStrictEqual(decodeHandshake(valid, sender), meaning)
    ) {
      note(valid);
      throw new Error(`expected the ${meaning.type} that was written`);
    }
    const message = draw(3) === 0 ? mutate(valid, draw) : valid;
    note(message);
    side.take(machine.receive(message));
  }
  return side.end().type === "done" || side.sent.length > 0;
}

export function fuzzHandshakePairs(first: number, count: number): Tally {
  return run(first, count, pairInput);
}

export function fuzzHandshakeMessages(first: number, count: number): Tally {
  return run(first, count, aloneInput);
}
