/**
 * What the two codecs of signals have in common: the one between two Hornbeam
 * nodes (`cbor.ts`) and the one towards a BEAM node (`beam_codec.ts`).
 */

import type { Signal } from "../../core/host/signal.ts";
import type { Pid, Ref } from "../../core/terms/terms.ts";
import type { Incarnation } from "./incarnation.ts";
import type { ByteQueue } from "./byte_queue.ts";

/** Where decoded signals go. */
export interface SignalSink {
  /** A message for the local actor with these numbers. */
  message(id: number, serial: number, message: unknown): void;
  signal(signal: Signal): void;
}

/**
 * Both directions of one connection. Each end learns from what it has seen, so
 * every byte must reach the peer in order, and a new connection needs a new
 * codec.
 */
export interface SignalCodec {
  /**
   * Appends a message. Throws an `EncodeError` that names the offending value;
   * then nothing was appended. A message to another incarnation of the peer is
   * dropped, because nobody is there to receive it.
   */
  encodeSend(
    from: Pid,
    to: Pid,
    message: unknown,
    out: ByteQueue,
    isAlone?: boolean,
  ): void;
  /**
   * Appends a signal; as `encodeSend`. Links and monitors go out even to
   * another incarnation of the peer, because they are always answered.
   *
   * With `isAlone` it becomes a large frame whatever its size: it stands alone
   * then, and others may overtake it.
   */
  encode(signal: Signal, out: ByteQueue, isAlone?: boolean): void;
  /**
   * Hands the signals of one frame to `sink`, in order. Throws a `DecodeError`
   * for bytes that break the protocol; then the connection is of no more use.
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
 * Whether nobody could receive a signal, because it is for another incarnation
 * of the peer. Those that are always answered go out all the same.
 */
export function isForNobody(peer: Incarnation, signal: Signal): boolean {
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
