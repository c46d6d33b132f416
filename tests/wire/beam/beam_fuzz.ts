/**
 * Recorded bytes of BEAM nodes, mutated. For any such bytes, the parser of frames,
 * the handshake and the codec must end soon, with a result or with their own
 * error. Input `n` is the same in every run. A failure names it, and
 * `HORNBEAM_SEED=n` runs only that input.
 */
import { createHash } from "node:crypto";
import { Node } from "../../../runtime/core/node/node.ts";
import {
  receiveMessage,
  receiveSignal,
} from "../../../runtime/core/node/inbound.ts";
import { createHost } from "../../../runtime/platform/host/host.ts";
import { BeamCodec } from "../../../runtime/wire/beam/beam_codec.ts";
import { DecodeError } from "../../../runtime/wire/shared/errors.ts";
import {
  FrameError,
  FrameParser,
} from "../../../runtime/wire/framing/frames.ts";
import {
  announce,
  decodeHandshake,
} from "../../../runtime/wire/handshake/messages.ts";
import { BASE_FLAGS, flag } from "../../../runtime/wire/handshake/flags.ts";
import {
  Acceptor,
  type HandshakeStep,
  Initiator,
} from "../../../runtime/wire/handshake/machine.ts";
import { odd, session } from "../../fixtures/handshake_captures.ts";
import { joined, mutate, run, type Tally } from "../../fuzz/inputs.ts";
import { fromHex } from "../../helpers/hex.ts";
import { type Capture, captures, pidTable } from "./dist_captures.ts";

/** Frames of up to this many bytes are accepted. */
const FRAME_BYTES_MAX = 100_000;
const recorded = captures();
/** Creation of the receiving node in the longest recording. */
const CREATION = 0x6b02c445;

/** The codec, and a node that acts on the signals that it decodes. */
export function fuzzCodec(first: number, count: number): Tally {
  const host = createHost({ log: () => {} });
  let capture: Capture = recorded[0]!;
  let codec: BeamCodec | null = null;
  let node: Node;
  return run(first, count, (random, note) => {
    // A codec is used for several frames, so that it keeps state between them.
    if (codec === null) {
      capture = recorded[random(recorded.length)]!;
      codec = codecFor(capture);
      node = new Node({ name: capture.to, creation: CREATION, host });
    }
    const { frames } = capture;
    const frame = frames[random(frames.length)]!.bytes;
    const other = recorded[random(recorded.length)]!;
    const input = random(5) === 0
      ? frame
      : mutate(frame, random, other.frames[random(other.frames.length)]!.bytes);
    note(input);
    try {
      codec.decode(input, {
        message: (id, serial, message) =>
          receiveMessage(node, id, serial, message),
        signal: (signal) => receiveSignal(node, signal),
      });
      return true;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      codec = null;
      return false;
    }
  });
}

function codecFor({ form, from, to }: Capture): BeamCodec {
  const withHeader = flag.fragments | flag.distHdrAtomCache;
  return new BeamCodec({
    pids: pidTable(),
    self: { node: to, creation: CREATION },
    peer: { node: from, creation: 0x6b02c447 },
    chosen: form === "header" ? BASE_FLAGS | withHeader : BASE_FLAGS,
    maxFrameBytes: FRAME_BYTES_MAX,
  });
}

/** The parser of frames, fed with a damaged stream in pieces. */
export function fuzzFrames(first: number, count: number): Tally {
  return run(first, count, (random, note) => {
    const { frames } = recorded[random(recorded.length)]!;
    const parts: Uint8Array[] = [];
    for (let n = 1 + random(5); n > 0; n--) {
      const { bytes } = frames[random(frames.length)]!;
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length);
      parts.push(length, bytes);
    }
    const whole = joined(...parts);
    const stream = mutate(whole, random, whole);
    note(stream);
    const parser = new FrameParser({
      headerBytes: 2,
      maxFrameBytes: FRAME_BYTES_MAX,
    });
    if (random(2) === 0) parser.switchTo(4);
    let taken = 0;
    try {
      for (let at = 0; at < stream.length;) {
        const size = 1 + random(random(3) === 0 ? 5 : 400);
        parser.push(stream.subarray(at, at + size));
        at += size;
        for (let frame = parser.next(); frame !== null; frame = parser.next()) {
          taken += frame.length + 2;
          if (random(8) === 0) parser.switchTo(4);
        }
      }
      if (taken > stream.length) {
        throw new Error(`took ${taken} bytes of ${stream.length}`);
      }
      return true;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return false;
    }
  });
}

const { ack, challenge, reply, sendName, status } = session;
/** The messages that each machine gets in a successful handshake. */
const inOrder = {
  initiator: [status, challenge, ack].map(fromHex),
  acceptor: [sendName, reply].map(fromHex),
};
const handshakes = [
  ...[...inOrder.initiator, ...inOrder.acceptor],
  ...[odd.oldName, odd.nameMe, odd.named, odd.alive, odd.true, odd.false],
  ...[odd.nok, odd.notAllowed, odd.okSimultaneous],
].map((message) => typeof message === "string" ? fromHex(message) : message);

/** Both machines of the handshake, each with messages, some of them damaged. */
export function fuzzHandshake(first: number, count: number): Tally {
  const statuses = ["ok", "ok_simultaneous", "nok", "alive"] as const;
  return run(first, count, (random, note) => {
    const pick = () => handshakes[random(handshakes.length)]!;
    const side = random(2) === 0 ? "initiator" : "acceptor";
    const options = {
      own: { ...session[side], announcement: announce(0) },
      cookie: () => "secret",
      md5: (data: Uint8Array) =>
        new Uint8Array(createHash("md5").update(data).digest()),
      randomU32: () => session[side].challenge,
    };
    const machine = side === "initiator"
      ? new Initiator(options, session.acceptor.name, () => random(2) === 0)
      : new Acceptor(options);
    const steps: HandshakeStep[] = machine instanceof Initiator
      ? machine.start()
      : [];
    for (const usual of [...inOrder[side], pick()]) {
      const message = random(8) === 0 ? pick() : usual;
      const input = random(4) === 0 ? mutate(message, random, pick()) : message;
      note(input);
      decodeHandshake(input, random(2) === 0 ? "initiator" : "acceptor");
      steps.push(...machine.receive(input));
      if ("answerStatus" in machine) {
        steps.push(
          ...machine.answerStatus(statuses[random(6)] ?? "ok"),
        );
      }
    }
    steps.push(...machine.closed());
    const ends = steps.filter(isEnd);
    if (ends.length !== 1) {
      throw new Error(`expected one end, got ${JSON.stringify(ends)}`);
    }
    return ends[0]?.type === "done";
  });
}

function isEnd({ type }: HandshakeStep): boolean {
  return type === "done" || type === "failed";
}
