/**
 * The interface of the two codecs of signals: the one between two Hornbeam
 * nodes (`cbor/cbor.ts`) and the one towards a BEAM node
 * (`beam/beam_codec.ts`). Also the rule by which both drop signals.
 */

import type { Signal } from "../../core/host/signal.ts";
import type { Pid, Ref } from "../../core/terms/terms.ts";
import type { Incarnation } from "./incarnation.ts";
import type { ByteQueue } from "./byte_queue.ts";

/** Receives decoded signals. */
export interface SignalSink {
  /** A message for the local actor with these numbers. */
  message(id: number, serial: number, message: unknown): void;
  signal(signal: Signal): void;
}

/**
 * Encodes and decodes the signals of one connection. Both ends remember parts of
 * earlier signals, so every byte must reach the peer in order, and a new
 * connection needs a new codec.
 */
export interface SignalCodec {
  /**
   * Appends a message. Throws an `EncodeError` that names the value that cannot
   * be encoded; then nothing was appended. A message to another incarnation of
   * the peer is dropped, because its receiver does not exist any more.
   */
  encodeSend(
    from: Pid,
    to: Pid,
    message: unknown,
    out: ByteQueue,
    isAlone?: boolean,
  ): void;
  /**
   * Appends a signal; otherwise as `encodeSend`. Links and monitors are sent
   * even to another incarnation of the peer, because they are always answered.
   *
   * With `isAlone` the signal becomes a large frame of its own, however small it
   * is, so that other signals may overtake it.
   */
  encode(signal: Signal, out: ByteQueue, isAlone?: boolean): void;
  /**
   * Hands the signals of one frame to `sink`, in order. Throws a `DecodeError`
   * for bytes that break the protocol; then the connection has to be closed.
   */
  decode(frame: Uint8Array, sink: SignalSink): void;
  /** See `FragmentReader.land`. */
  land?(start: Uint8Array, frameBytes: number): Uint8Array | null;
}

/**
 * Whether an address belongs to this incarnation of the peer. Throws an `Error`
 * for one on another node.
 */
export function reaches(peer: Incarnation, to: Pid | Ref): boolean {
  if (to.node === peer.node) return to.creation === peer.creation;
  throw new Error(
    `expected an address on ${peer.node}, got ${to} on ${to.node}`,
  );
}

/**
 * Whether a signal has to be dropped, because it is for another incarnation of
 * the peer. A signal that is always answered is sent all the same.
 */
export function isDropped(peer: Incarnation, signal: Signal): boolean {
  switch (signal.type) {
    case "link":
    case "monitor":
    case "demonitor":
    case "sendNamed":
    case "spawnRequest":
      return false;
    case "sendAlias":
      return !reaches(peer, signal.alias);
    default:
      return !reaches(peer, signal.to);
  }
}
