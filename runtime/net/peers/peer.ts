/**
 * What a node keeps about one other node: the connection if there is one, and
 * the bytes that wait for it.
 *
 * Signals are encoded when they are sent, even while the connection is still
 * being made: the message is a snapshot, and what cannot be encoded raises at
 * its sender. Codec and bytes outlive an attempt but never a connection. Until
 * it is known what the peer is, it is taken for a Hornbeam node.
 */

import type { Signal } from "../../core/host/signal.ts";
import { internPid, Pid, type PidTable } from "../../core/terms/terms.ts";
import { ByteQueue } from "../../wire/shared/byte_queue.ts";
import { BeamCodec, type BeamLink } from "../../wire/beam/beam_codec.ts";
import { CborCodec } from "../../wire/cbor/cbor.ts";
import type { SignalCodec, SignalSink } from "../../wire/shared/codec.ts";
import { FrameParser } from "../../wire/framing/frames.ts";
import type { Connection } from "./connection.ts";
import { Lane } from "../lanes/lane.ts";
import { messageClasses } from "./message_classes.ts";
import { withReasonInWords } from "./unencodable.ts";

/** Refused at the hard limit of a connection; carries the message back. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  /** What was not sent. */
  readonly unsent: unknown;
  constructor(peer: string, limitBytes: number, unsent: unknown) {
    super(
      `expected less than ${limitBytes} bytes to wait for ${peer}, but it ` +
        "cannot keep up; await self.ready(to) when send returns false",
    );
    this.unsent = unsent;
  }
}

export type PeerOptions = {
  readonly name: string;
  readonly self: { readonly node: string; readonly creation: number };
  readonly pids: PidTable;
  readonly maxFrameBytes: number;
  /** The host's clock, in ms. */
  readonly now: () => number;
};

/** A signal that cannot be sent to what the peer turned out to be. */
export type Refusal = { readonly signal: Signal; readonly error: unknown };

/** What `established` did with the signals that had waited. */
export type Readdressed = {
  /** False when all of them had to be dropped. */
  readonly fits: boolean;
  readonly refusals: readonly Refusal[];
};

export class Peer {
  readonly name: string;
  /**
   * Its incarnation; 0, which no node has, until the first connection is up.
   */
  creation = 0;
  /** The handshake that counts, in either direction. */
  attempt: Connection | null = null;
  /** The connection that is established. */
  connection: Connection | null = null;
  /** An incoming handshake that claims `connection` to be dead. */
  challenger: Connection | null = null;
  /** An outgoing attempt is looking for the address or the socket. */
  isDialling = false;
  /**
   * Told why there is no connection, or null when there is one; then dropped.
   */
  readonly waiting: ((failure: string | null) => void)[] = [];
  /** Attempts of our own in place of failed ones that the peer had begun. */
  redials = 0;
  /** Senders to be told of room, or that the connection is gone. */
  readonly waitingForRoom: {
    readonly from: Pid;
    readonly resolve: () => void;
  }[] = [];
  /** Whether `out` is on the list of queues to flush. */
  isDirty = false;
  /** Whether the connection, once up, makes both ends see each other. */
  isVisible = true;
  /** No byte for a while; see `Ticks`. */
  isSuspect = false;
  /** Above the high mark, and not below the low one since. */
  isBusy = false;
  /** How often it became busy, over all connections. */
  timesBusy = 0;
  codec: SignalCodec;
  out: ByteQueue;
  /** Bytes of fragments that have come and were not acknowledged yet. */
  unacknowledged = 0;
  /** Large messages of the connection that is up; null before it is. */
  lane: Lane | null = null;
  /** The carrier had no room after what was written last. */
  isFull = false;
  readonly #options: PeerOptions;
  /** What the codec takes for the peer's incarnation; 0 while unknown. */
  #incarnation: { node: string; creation: number };
  /** Whether something was dropped that was not for the one assumed. */
  #hasDropped = false;
  /** How to speak with a BEAM node; null for a Hornbeam node. */
  #link: BeamLink | null = null;

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#incarnation = { node: options.name, creation: 0 };
    this.codec = this.#makeCodec();
    this.out = this.#makeQueue();
  }

  get isUp(): boolean {
    return this.connection !== null;
  }

  /** Whether the connection is one with a BEAM node. */
  get isBeam(): boolean {
    return this.#link !== null;
  }

  /** Whether anything is under way that may end in a connection. */
  get isConnecting(): boolean {
    return this.isDialling || this.attempt !== null;
  }

  /** Whether anybody or anything waits for a connection to be made. */
  get isNeeded(): boolean {
    return this.waiting.length > 0 || this.out.length > 0;
  }

  /** Bytes that were sent and that the system has not taken yet. */
  get pendingBytes(): number {
    const { out, lane, connection } = this;
    return out.length + (lane?.bytes ?? 0) + (connection?.bufferedBytes ?? 0);
  }

  /**
   * A signal goes to this incarnation while the real one is unknown: the bytes
   * are written for that one, and what is for another one is dropped.
   */
  assume(creation: number): void {
    const assumed = this.#incarnation.creation;
    if (assumed === 0) this.#incarnation.creation = creation;
    else if (assumed !== creation) this.#hasDropped = true;
  }

  /**
   * A connection is up, to this incarnation of a Hornbeam node (`link` is null)
   * or of a BEAM node. What had waited for it is written anew if need be.
   */
  established(
    connection: Connection,
    creation: number,
    link: BeamLink | null,
  ): Readdressed {
    const assumed = this.#incarnation.creation;
    const isAssumed = assumed === 0 || assumed === creation;
    const refusals: Refusal[] = [];
    let fits = isAssumed || !this.#hasDropped;
    if (!fits) this.reset();
    this.#link = link;
    if (link !== null || !isAssumed) {
      fits = this.#readdress(creation, isAssumed, refusals) && fits;
    }
    this.#hasDropped = false;
    this.connection = connection;
    this.creation = creation;
    this.#incarnation.creation = creation;
    this.isSuspect = false;
    this.redials = 0;
    this.lane = new Lane(link === null, this.#options.now);
    this.isFull = false;
    return { fits, refusals };
  }

  /** Forgets everything that belonged to a connection or to hopes of one. */
  reset(): void {
    this.connection = null;
    this.creation = 0;
    this.#incarnation = { node: this.name, creation: 0 };
    this.#hasDropped = false;
    this.#link = null;
    this.codec = this.#makeCodec();
    this.out = this.#makeQueue();
    this.lane = null;
    this.unacknowledged = 0;
    this.isSuspect = false;
  }

  /**
   * What waits was written for another incarnation, or for a Hornbeam node. It
   * is read as that one would have read it, and what still has a receiver is
   * written anew. `isAlive`: that one is the peer, so messages have receivers.
   */
  #readdress(creation: number, isAlive: boolean, refusals: Refusal[]): boolean {
    const { pids, self, maxFrameBytes } = this.#options;
    const link = this.#link;
    const reader = new CborCodec({
      pids,
      self: this.#incarnation,
      peer: self,
      recordClasses: messageClasses,
    });
    const frames = new FrameParser({ headerBytes: 4, maxFrameBytes });
    for (const chunk of this.out.take()) frames.push(chunk);
    this.reset();
    this.#link = link;
    this.#incarnation.creation = creation;
    const fresh = this.#makeCodec({
      find: (key) => pids.find(key),
      // Refs of this node are read as copies; the originals must stay known.
      add: (key, value) => {
        if (pids.find(key) === undefined) pids.add(key, value);
      },
    });
    this.codec = fresh;
    const encode = (signal: Signal) => {
      try {
        fresh.encode(signal, this.out);
      } catch (error) {
        // With its pids in full, a signal may be too large by a few bytes.
        if (link === null) throw error;
        refusals.push({ signal, error });
        const instead = withReasonInWords(signal, error);
        if (instead !== null) fresh.encode(instead, this.out);
      }
    };
    // Who sent a message did not cross; to the receiver that is the node.
    const from = new Pid(self.node, 0, 0, self.creation, null);
    const sink: SignalSink = {
      message: (id, serial, message) => {
        if (!isAlive) return;
        const to = internPid(pids, this.name, id, serial, creation);
        encode({ type: "send", from, to, message });
      },
      signal: encode,
    };
    try {
      for (let frame = frames.next(); frame; frame = frames.next()) {
        reader.decode(frame, sink);
      }
    } catch {
      this.reset();
      this.#link = link;
      this.codec = this.#makeCodec();
      return false;
    }
    return true;
  }

  #makeCodec(pids: PidTable = this.#options.pids): SignalCodec {
    const { self, maxFrameBytes } = this.#options;
    const peer = this.#incarnation;
    return this.#link === null
      ? new CborCodec({
        ...{ pids, self, peer, recordClasses: messageClasses },
        limits: { payloadBytes: maxFrameBytes },
      })
      : new BeamCodec({ pids, self, peer, maxFrameBytes, ...this.#link });
  }

  #makeQueue(): ByteQueue {
    return new ByteQueue({ maxFrameBytes: this.#options.maxFrameBytes });
  }
}
