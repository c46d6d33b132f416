/**
 * The record of one other node: its connection, if there is one, and the bytes
 * that wait for it.
 *
 * Signals are encoded when they are sent, also while the connection is still
 * being made. So a message is a snapshot, and a message that cannot be encoded
 * raises at its sender. Codec and bytes outlive an attempt to connect, but
 * never a connection. Before the handshake has told whether the peer is a BEAM
 * node, it is taken for a Hornbeam node.
 *
 * A peer is in one of four states. `Distribution` makes the transitions:
 *
 * ```text
 *  state          isDialling  attempt  connection
 *  unconnected    false       null     null
 *  dialling       true        null     null
 *  handshaking    false       set      null
 *  up             false       null     set        (challenger: null or set)
 *
 *  unconnected --becomeDialling--> dialling --becomeHandshaking--> handshaking
 *  unconnected --becomeHandshaking (the peer dialled)-----------> handshaking
 *  handshaking --becomeUp--> up
 *  dialling, handshaking --becomeUnconnected--> unconnected
 *  up --becomeLost--> unconnected, or handshaking with its challenger
 * ```
 *
 * Only while a challenger replaces a connection, `attempt` and `connection` are
 * both set, until the old connection has ended.
 */

import type { Signal } from "../../core/host/signal.ts";
import { internPid, Pid, type PidTable } from "../../core/terms/terms.ts";
import { ByteQueue } from "../../wire/shared/byte_queue.ts";
import { BeamCodec, type BeamLink } from "../../wire/beam/beam_codec.ts";
import { CborCodec } from "../../wire/cbor/cbor.ts";
import type { SignalCodec, SignalSink } from "../../wire/shared/codec.ts";
import { FrameParser } from "../../wire/framing/frames.ts";
import { ConnectWaiters } from "./connect_waiters.ts";
import type { Connection } from "./connection.ts";
import { Lane } from "../lanes/lane.ts";
import { messageClasses } from "./message_classes.ts";
import { withReasonInWords } from "./unencodable.ts";

/** A message was refused at the hard limit of a connection. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  /** The message that was not sent. */
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

/** A signal that waited and cannot be encoded for the peer as it is. */
export type Refusal = { readonly signal: Signal; readonly error: unknown };

/** The result of `becomeUp`, for the signals that had waited. */
export type Readdressed = {
  /** False when all of them had to be dropped. */
  readonly fits: boolean;
  /** Signals that could not be sent, or only with another reason. */
  readonly refusals: readonly Refusal[];
};

export class Peer {
  /** Its node name, `part@host`. */
  readonly name: string;
  /** The creation of the connected incarnation; 0 exactly while not up. */
  creation = 0;
  /** The one handshake that counts, in either direction; see the states. */
  attempt: Connection | null = null;
  /** The established connection; null exactly while not up. */
  connection: Connection | null = null;
  /**
   * An incoming handshake by which the peer says that `connection` is dead. Set
   * only while up.
   */
  challenger: Connection | null = null;
  /** Whether this node is looking for the address or opens the carrier. */
  isDialling = false;
  /**
   * Callers of `connect`. While up, they wait until all that had arrived was
   * read.
   */
  readonly connectWaiters: ConnectWaiters = new ConnectWaiters();
  /**
   * How often this node has dialled after a handshake of the peer had failed,
   * since the last connection.
   */
  redials = 0;
  /**
   * Senders that wait for room. They are resolved when there is room, and all
   * of them when the connection is lost.
   */
  readonly roomWaiters: {
    readonly from: Pid;
    readonly resolve: () => void;
  }[] = [];
  /** Whether the peer is on the outbox's list of queues to write. */
  isDirty = false;
  /** Whether both nodes list each other in `nodes()` while up. */
  isVisible = true;
  /** Whether the peer has been silent for too long; see `Ticks`. */
  isSuspect = false;
  /**
   * Set when more than the high mark waits, cleared when less than the low mark
   * waits or the connection is lost.
   */
  isBusy = false;
  /** How often `isBusy` was set, over all connections. */
  timesBusy = 0;
  /** Encodes for the assumed incarnation, or while up for the real one. */
  codec: SignalCodec;
  /** Encoded signals that were not written to a carrier, in order. */
  out: ByteQueue;
  /**
   * Bytes of fragments that have arrived and were not acknowledged yet; less
   * than `acknowledgedBytes` between two frames. Always 0 for a BEAM node.
   */
  unacknowledged = 0;
  /** Large messages that wait; null exactly while not up. */
  lane: Lane | null = null;
  /** Whether the carrier had no room after the last write. */
  isFull = false;
  readonly #options: PeerOptions;
  /**
   * The incarnation for which `codec` encodes: the real one while up, else the
   * assumed one. `creation` is 0 while nothing was assumed.
   */
  #incarnation: { node: string; creation: number };
  /**
   * Whether a signal was dropped because it was for another incarnation than
   * the assumed one. False while up.
   */
  #hasDropped = false;
  /** The agreement with a BEAM node; null for a Hornbeam node. */
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

  /** Whether the peer is dialling or handshaking. */
  get isConnecting(): boolean {
    return this.isDialling || this.attempt !== null;
  }

  /** Whether a caller or a signal waits for the connection. */
  get isNeeded(): boolean {
    return this.connectWaiters.count > 0 || this.out.length > 0;
  }

  /** Bytes of sent signals that the system has not taken yet. */
  get pendingBytes(): number {
    const { out, lane, connection } = this;
    return out.length + (lane?.bytes ?? 0) + (connection?.bufferedBytes ?? 0);
  }

  /** This node begins to look for the peer's address. */
  becomeDialling(): void {
    this.isDialling = true;
  }

  /**
   * A carrier is open, and this handshake is the one that counts. Returns the
   * handshake that it replaces.
   */
  becomeHandshaking(attempt: Connection): Connection | null {
    const previous = this.attempt;
    this.isDialling = false;
    this.attempt = attempt;
    return previous;
  }

  /** Dialling or the handshake has failed. */
  becomeUnconnected(): void {
    this.isDialling = false;
    this.attempt = null;
  }

  /** The peer dials although a connection is up. */
  becomeChallenged(challenger: Connection): void {
    this.challenger = challenger;
  }

  /** The challenger is the handshake that counts from now on. */
  promoteChallenger(): void {
    if (this.challenger === null) return;
    this.attempt = this.challenger;
    this.challenger = null;
  }

  /** The connection has ended. What belonged to it stays until `reset`. */
  becomeLost(): void {
    this.connection = null;
    this.promoteChallenger();
  }

  /**
   * A signal is sent to this incarnation while the real one is unknown. The
   * first such incarnation is the assumed one: `codec` encodes for it, and
   * signals to other incarnations are dropped.
   */
  assumeCreation(creation: number): void {
    const assumed = this.#incarnation.creation;
    if (assumed === 0) this.#incarnation.creation = creation;
    else if (assumed !== creation) this.#hasDropped = true;
  }

  /**
   * The handshake is done, with this incarnation of a Hornbeam node (`link` is
   * null) or of a BEAM node. Signals that had waited are encoded again where
   * the peer is not what was assumed.
   */
  becomeUp(
    connection: Connection,
    creation: number,
    link: BeamLink | null,
  ): Readdressed {
    this.attempt = null;
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

  /** Forgets all that belonged to a connection, and all signals that wait. */
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
   * The waiting signals were encoded for another incarnation, or for a Hornbeam
   * node. They are decoded as that node would have decoded them, and those that
   * still have a receiver are encoded again. `isAlive`: the peer is the assumed
   * incarnation, so messages have receivers. Returns false when all signals had
   * to be dropped.
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
      // Refs of this node are decoded as copies; the originals must stay known.
      add: (key, value) => {
        if (pids.find(key) === undefined) pids.add(key, value);
      },
    });
    this.codec = fresh;
    const encode = (signal: Signal) => {
      try {
        fresh.encode(signal, this.out);
      } catch (error) {
        // A signal may have become too large by a few bytes of its pids.
        if (link === null) throw error;
        refusals.push({ signal, error });
        const instead = withReasonInWords(signal, error);
        if (instead !== null) fresh.encode(instead, this.out);
      }
    };
    // The bytes do not hold the sender of a message, so the node stands for it.
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
