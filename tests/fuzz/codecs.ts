/**
 * Both codecs with random signals, whole and changed. What was not changed must
 * arrive equal; and each accepted signal must be equal once more when it is
 * written and read again.
 */
import type { Signal } from "../../runtime/core/host/signal.ts";
import { asOtpTerm } from "../../runtime/core/messages/otp_terms.ts";
import { termEquals } from "../../runtime/core/terms/order.ts";
import { Pid, type PidTable } from "../../runtime/core/terms/terms.ts";
import { BeamCodec } from "../../runtime/wire/beam/beam_codec.ts";
import { CborCodec } from "../../runtime/wire/cbor/cbor.ts";
import { BASE_FLAGS, flag } from "../../runtime/wire/handshake/flags.ts";
import { ByteQueue } from "../../runtime/wire/shared/byte_queue.ts";
import type { SignalCodec } from "../../runtime/wire/shared/codec.ts";
import { DecodeError, EncodeError } from "../../runtime/wire/shared/errors.ts";
import {
  alpha,
  beta,
  collector,
  type Delivered,
  difference,
  framesOf,
  strongTable,
} from "../wire/cbor/pair.ts";
import { type Draw, mutate, type Note, run, type Tally } from "./inputs.ts";
import { type Ends, signalOf } from "./signals.ts";

const FRAME_BYTES_MAX = 1_000_000;
const ends: Ends = { from: alpha, to: beta };

/** Two codecs that face each other. */
type Link = { readonly near: SignalCodec; readonly far: SignalCodec };

/** With one table of pids for both ends, so that equal pids are one object. */
function cborLink(pids: PidTable): Link {
  const limits = { payloadBytes: FRAME_BYTES_MAX };
  return {
    near: new CborCodec({ pids, self: alpha, peer: beta, limits }),
    far: new CborCodec({ pids, self: beta, peer: alpha, limits }),
  };
}

/** With or without a distribution header, as the flags decide. */
function beamLink(pids: PidTable, chosen: bigint): Link {
  const shared = {
    ...{ pids, chosen, exact: true },
    ...{ maxFrameBytes: FRAME_BYTES_MAX },
  };
  return {
    near: new BeamCodec({ ...shared, self: alpha, peer: beta }),
    far: new BeamCodec({ ...shared, self: beta, peer: alpha }),
  };
}

const headers = BASE_FLAGS | flag.fragments | flag.distHdrAtomCache;

/** The frames of signals; a signal that cannot be written is left out. */
function written(
  { near }: Link,
  signals: readonly Signal[],
): { readonly frames: Uint8Array[]; readonly sent: Signal[] } {
  const out = new ByteQueue();
  const sent = signals.filter((signal) => {
    try {
      if (signal.type === "send") {
        near.encodeSend(signal.from, signal.to, signal.message, out);
      } else near.encode(signal, out);
      return true;
    } catch (error) {
      if (error instanceof EncodeError) return false;
      throw error;
    }
  });
  return { frames: framesOf(out), sent };
}

const from = new Pid(alpha.node, 1, 1, alpha.creation, null);

/**
 * What was delivered as a signal that can be sent again. A codec reads signals
 * for actors of other nodes, which the node drops, and does not write them; so
 * of these only the term is sent.
 */
function signalOfDelivered(one: Delivered): Signal {
  if (!("type" in one)) {
    const { id, serial, message } = one;
    const to = new Pid(beta.node, id, serial, beta.creation, null);
    return { type: "send", from, to, message };
  }
  const to = "to" in one ? one.to : "alias" in one ? one.alias : from;
  if (to === from || to.node === beta.node) return one;
  const message: unknown = "message" in one ? one.message : "reason" in one
    // A reason stays as it is; a message may be one of OTP.
    ? [one.reason]
    : 0;
  const other = new Pid(beta.node, 1, 1, beta.creation, null);
  return { type: "send", from, to: other, message };
}

function expectSame(got: Delivered, expected: Delivered): void {
  const [a, b] = [got, expected].map((one) => Object.entries(one));
  for (const [key, value] of b!) {
    // What only a reader says of a request.
    if (key === "isBadOption" || key === "isCall") continue;
    const other = a!.find(([name]) => name === key)?.[1];
    if (isSame(other, value)) continue;
    const where = difference(value, other, key) ?? key;
    throw new Error(`expected an equal ${kindOf(expected)}: ${where}`);
  }
}

function kindOf(one: Delivered): string {
  return "type" in one ? one.type : "message";
}

/** Maps of BEAM nodes come back with their keys in another order. */
function isSame(a: unknown, b: unknown): boolean {
  return difference(a, b) === null || termEquals(asOtpTerm(a), asOtpTerm(b));
}

function codecInput(
  makeLink: (pids: PidTable, chosen: bigint) => Link,
  isOurs: boolean,
): (draw: Draw, note: Note) => boolean {
  return (draw, note) => {
    const pids = strongTable();
    const chosen = draw(2) === 0 ? BASE_FLAGS : headers;
    const link = makeLink(pids, chosen);
    const signals = Array.from(
      { length: 1 + draw(3) },
      () => signalOf(draw, ends, isOurs),
    );
    const { frames, sent } = written(link, signals);
    const isChanged = draw(4) > 0;
    const sink = collector();
    let isRefused = false;
    try {
      for (const frame of frames) {
        const other = frames[draw(frames.length)]!;
        const input = isChanged ? mutate(frame, draw, other) : frame;
        note(input);
        const before = Uint8Array.prototype.toHex.call(
          input.subarray(0, 4_000),
        );
        link.far.decode(input, sink);
        if (before !== input.subarray(0, 4_000).toHex()) {
          throw new Error("the input was changed");
        }
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (!isChanged) {
        throw new Error("expected what was written", { cause: error });
      }
      isRefused = true;
    }
    if (!isChanged && sink.delivered.length !== sent.length) {
      throw new Error(
        `expected ${sent.length} signals, got ${sink.delivered.length}`,
      );
    }
    const back = makeLink(pids, chosen);
    for (const one of sink.delivered) again(back, one);
    if (Object.keys(Object.prototype).length > 0) {
      throw new Error("a prototype was changed");
    }
    return !isRefused && sink.delivered.length > 0;
  };
}

/** Writes and reads what was accepted once more. */
function again(link: Link, one: Delivered): void {
  const signal = signalOfDelivered(one);
  const { frames, sent } = written(link, [signal]);
  if (sent.length === 0) {
    // Named as it must be, or refused as too long: an answer, not a fault.
    return;
  }
  const sink = collector();
  for (const frame of frames) link.far.decode(frame, sink);
  const [got] = sink.delivered;
  if (got === undefined) {
    // For another incarnation; links and monitors are always sent.
    return;
  }
  if (!("type" in one) || signal === one) expectSame(got, one);
  else if (!("type" in got) && "message" in signal) {
    if (!isSame(got.message, signal.message)) {
      throw new Error(`expected an equal term of a ${one.type}`);
    }
  }
}

export function fuzzCbor(first: number, count: number): Tally {
  return run(first, count, codecInput(cborLink, true));
}

export function fuzzEtf(first: number, count: number): Tally {
  return run(first, count, codecInput(beamLink, false));
}
