/**
 * What goes to peers: encoding, when bytes are written, and who has to wait.
 *
 * Signals gather in a peer's queue and go out in one write at the end of the
 * scheduler's turn, or as soon as there is a chunk full of them: 64 frames in
 * one write cost a fortieth of 64 writes. Large ones go out behind them, piece
 * by piece and only while the carrier has room (`lane.ts`), so that what comes
 * later need not wait for the whole.
 *
 * Nothing is dropped; senders are told to wait above the high mark and refused
 * at the hard limit. Both hold for what waits in the queue of all, and for what
 * a sender has in the lane itself: one large message holds up nobody else.
 */

import type { Node } from "../../core/node/node.ts";
import type { Signal } from "../../core/host/signal.ts";
import type { Way } from "../../core/host/remote.ts";
import type { Pid } from "../../core/terms/terms.ts";
import {
  acknowledgedBytes,
  acknowledgement,
  acknowledgementMark,
  fragmentMark,
  readAcknowledgement,
} from "../../wire/framing/fragments.ts";
import { type Lane, type Parties, partiesOf } from "../lanes/lane.ts";
import { BusyError, type Peer } from "./peer.ts";
import { withReasonInWords } from "./unencodable.ts";
import { errorText } from "../../core/terms/error_text.ts";

/** `send` throws above this many times the high mark. */
const HARD_LIMIT_FACTOR = 4;
/** Of large messages of all senders together, so many hard limits may wait. */
const LANE_LIMITS = 16;
/** Output is written without waiting for the turn to end above this. */
const FLUSH_BYTES = 64 * 1024;
/** Of the lane at most this much is written before others have a turn. */
const LANE_RUN_BYTES = 512 * 1024;
/** One byte of the lane is written for so many that overtake it. */
const LANE_SHARE = 4;
/** How often to look for room that the carrier does not report. */
const LOOK_MS = 5;

type Chunks = readonly Uint8Array<ArrayBuffer>[];

export class Outbox {
  readonly #node: Node;
  readonly #highMarkBytes: number;
  readonly #hardLimitBytes: number;
  /** Peers whose queue is to be written at the end of the turn. */
  #dirty: Peer[] = [];
  /** Peers with a timer that looks for room. */
  readonly #watched = new Set<Peer>();
  /** Peers whose lane goes on in a macrotask that is on its way. */
  readonly #running = new Set<Peer>();
  /** Payloads of the signal that was encoded last, if it is a large one. */
  readonly #large: { payload: Chunks; bytes: number }[] = [];

  constructor(node: Node, highMarkBytes: number) {
    this.#node = node;
    this.#highMarkBytes = highMarkBytes;
    this.#hardLimitBytes = highMarkBytes * HARD_LIMIT_FACTOR;
  }

  /** A message to an actor; see `Remote.send`. */
  send(peer: Peer, from: Pid, to: Pid, message: unknown): boolean {
    if (!peer.isUp) peer.assume(to.creation);
    this.#refuseWhenFull(peer, from, message);
    const { lane } = peer;
    const isAlone = lane !== null && lane.isBehind(from, to);
    peer.codec.encodeSend(from, to, message, peer.out, isAlone);
    if (this.#large.length > 0) {
      this.#refuseWhenCrowded(peer, from, message);
      this.#toLane(peer, { from, to });
    }
    return this.#wrote(peer, from);
  }

  /** Any other signal; see `Remote.signal`. */
  signal(peer: Peer, signal: Signal): boolean {
    const parties = partiesOf(signal);
    const { from, to } = parties;
    const mayRefuse = signal.type === "sendNamed" ||
      signal.type === "sendAlias" || signal.type === "spawnRequest";
    const message = signal.type === "spawnRequest"
      ? signal.args
      : mayRefuse && signal.message;
    if (mayRefuse) this.#refuseWhenFull(peer, from, message);
    if (!peer.isUp) assumeFor(peer, signal);
    const { lane } = peer;
    const isAlone = lane !== null && lane.isBehind(from, to);
    try {
      peer.codec.encode(signal, peer.out, isAlone);
    } catch (error) {
      this.#encodeRefused(peer, signal, error, isAlone);
    }
    if (this.#large.length > 0) {
      if (mayRefuse) this.#refuseWhenCrowded(peer, from, message);
      this.#toLane(peer, parties);
    }
    return this.#wrote(peer, from);
  }

  /** A connection is up: large messages have a lane from now on. */
  opened(peer: Peer): void {
    const lane = peer.lane as Lane;
    peer.out.onLargeFrame = (payload, bytes, isAlone) => {
      if (!isAlone && lane.isTooSmall(bytes)) return false;
      this.#large.push({ payload, bytes });
      return true;
    };
    this.flush(peer);
  }

  /** Who sends is known only here: getters of a message may send as well. */
  #toLane(peer: Peer, parties: Parties): void {
    const lane = peer.lane as Lane;
    for (const { payload, bytes } of this.#large.splice(0)) {
      lane.add(parties, payload, bytes);
    }
  }

  /**
   * Throws `BusyError` when the sender has reached the hard limit, and was told
   * to wait before. Whoever was not is told so after this message, as Erlang
   * does it: that it is others who fill the connection is not its fault.
   */
  #refuseWhenFull(peer: Peer, from: Pid, message: unknown): void {
    if (waitingOf(peer, from) < this.#hardLimitBytes) return;
    const actor = this.#node.localActor(from);
    if (actor !== null && actor.heldBy?.has(peer.name) !== true) return;
    this.#refuse(peer, from, message);
  }

  /** The same when all senders together have filled the lane. */
  #refuseWhenCrowded(peer: Peer, from: Pid, message: unknown): void {
    if (this.#isCrowded(peer)) this.#refuse(peer, from, message);
  }

  #isCrowded({ lane }: Peer): boolean {
    return lane !== null && lane.bytes >= LANE_LIMITS * this.#hardLimitBytes;
  }

  #refuse(peer: Peer, from: Pid, message: unknown): void {
    // The runtime's own only answer, and nobody would in their place.
    if (this.#node.localActor(from)?.isExempt) return;
    this.#large.length = 0;
    throw new BusyError(peer.name, this.#hardLimitBytes, message);
  }

  #encodeRefused(
    peer: Peer,
    signal: Signal,
    error: unknown,
    isAlone: boolean,
  ): void {
    const instead = withReasonInWords(signal, error);
    if (instead === null) throw error;
    this.#node.log("warning", "net", "an exit reason could not be sent as is", {
      error: errorText(error),
    });
    peer.codec.encode(instead, peer.out, isAlone);
  }

  /** Something was encoded; returns whether the peer has room for more. */
  #wrote(peer: Peer, from: Pid): boolean {
    if (peer.isUp) {
      if (peer.out.length >= FLUSH_BYTES) {
        this.flush(peer);
      } else if (!peer.isDirty) {
        peer.isDirty = true;
        this.#dirty.push(peer);
        this.#node.scheduler.poke();
      }
    }
    if (waitingOf(peer, from) < this.#highMarkBytes) return true;
    if (!peer.isBusy) this.#becameBusy(peer);
    return false;
  }

  #becameBusy(peer: Peer): void {
    peer.isBusy = true;
    peer.timesBusy++;
    this.#lookLater(peer);
    this.#node.nodeEvents.busy(peer.name, true);
  }

  /** Writes what is in the queue, and of the lane what there is room for. */
  flush(peer: Peer): void {
    const { out, lane } = peer;
    if (peer.connection === null) return;
    const overtaking = out.length;
    if (overtaking > 0) this.#write(peer, out.take());
    if (lane === null || lane.bytes === 0 || this.#running.has(peer)) return;
    // Whoever fills the carrier again and again must not starve the lane.
    lane.owedBytes += overtaking / LANE_SHARE;
    let written = 0;
    while (lane.bytes > 0) {
      if (!peer.isFull) lane.owedBytes = 0;
      else if (lane.owedBytes <= 0) return;
      if (written >= LANE_RUN_BYTES) return this.#runLater(peer);
      const before = lane.bytes;
      const frame = lane.take();
      if (frame === null) return;
      this.#write(peer, frame);
      written += before - lane.bytes;
    }
  }

  #write(peer: Peer, chunks: Chunks): void {
    peer.isFull = peer.connection?.write(chunks) === false;
  }

  /**
   * Acknowledges fragments that have come. True for a frame that is an
   * acknowledgement itself, and so no signal. Throws a `DecodeError`.
   */
  concerns(peer: Peer, frame: Uint8Array, bytes: number): boolean {
    if (frame[0] === fragmentMark && !peer.isBeam) {
      peer.unacknowledged += bytes;
      if (peer.unacknowledged >= acknowledgedBytes) {
        peer.connection?.write([acknowledgement(peer.unacknowledged)]);
        peer.unacknowledged = 0;
      }
      return false;
    }
    if (frame[0] !== acknowledgementMark || peer.isBeam) return false;
    peer.lane?.acknowledged(readAcknowledgement(frame));
    this.flush(peer);
    this.wakeWaiting(peer);
    return true;
  }

  /** The lane goes on when sockets, timers and actors had their turn. */
  #runLater(peer: Peer): void {
    this.#running.add(peer);
    this.#node.host.macrotask(() => {
      this.#running.delete(peer);
      this.flush(peer);
      this.wakeWaiting(peer);
    });
  }

  flushAll(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const peer of dirty) {
      peer.isDirty = false;
      this.flush(peer);
    }
  }

  /** Writes everything, whatever room there is: the connection is to end. */
  writeOut(peer: Peer): void {
    const { connection, lane } = peer;
    if (connection === null) return;
    connection.write(peer.out.take());
    while (lane !== null && lane.bytes > 0) {
      connection.write(lane.take(true) ?? []);
    }
  }

  /** See `Remote.way`; no peer is one that nobody has asked for yet. */
  way(peer: Peer | undefined, from: Pid): Way {
    if (peer === undefined) return { isUp: false, hasRoom: true };
    const hasRoom = waitingOf(peer, from) < this.#highMarkBytes;
    return { isUp: peer.isUp, hasRoom, isBeam: peer.isBeam };
  }

  /** Resolves when there is room again, or no connection any more. */
  room(peer: Peer | undefined, from: Pid): Promise<void> {
    if (peer === undefined || this.#hasRoom(peer, from)) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      peer.waitingForRoom.push({ from, resolve });
      this.#lookLater(peer);
    });
  }

  /** The carrier has room: for who waits for it, and for the lane. */
  drained(peer: Peer): void {
    peer.isFull = false;
    // First, because the lane takes as much of it as there is.
    this.wakeWaiting(peer);
    this.flush(peer);
    this.wakeWaiting(peer);
  }

  /** Whoever waits for room and has some may go on. */
  wakeWaiting(peer: Peer): void {
    if (peer.pendingBytes < this.#highMarkBytes / 2) {
      this.releaseWaiting(peer);
      return;
    }
    const { waitingForRoom } = peer;
    if (waitingForRoom.length === 0) return;
    for (const waiting of waitingForRoom.splice(0)) {
      if (this.#hasRoom(peer, waiting.from)) waiting.resolve();
      else waitingForRoom.push(waiting);
    }
  }

  /** Everybody may go on. */
  releaseWaiting(peer: Peer): void {
    for (const { resolve } of peer.waitingForRoom.splice(0)) resolve();
    if (!peer.isBusy) return;
    peer.isBusy = false;
    this.#node.nodeEvents.busy(peer.name, false);
  }

  #hasRoom(peer: Peer, from: Pid): boolean {
    return waitingOf(peer, from) < this.#highMarkBytes / 2 &&
      !this.#isCrowded(peer);
  }

  /**
   * A carrier reports room only after it was above its own mark, which may be
   * higher than ours.
   */
  #lookLater(peer: Peer): void {
    if (this.#watched.has(peer)) return;
    this.#watched.add(peer);
    this.#node.timers.set(LOOK_MS, () => {
      this.#watched.delete(peer);
      this.wakeWaiting(peer);
      if (peer.waitingForRoom.length > 0 || peer.isBusy) this.#lookLater(peer);
    });
  }
}

/** Bytes that what this sender sends next would wait for, at the most. */
function waitingOf(peer: Peer, from: Pid): number {
  const { lane, out, connection } = peer;
  const queued = out.length + (connection?.bufferedBytes ?? 0);
  if (lane === null || lane.bytes === 0) return queued;
  return Math.max(queued, lane.bytesOf(from));
}

/** A link goes out to whatever incarnation, because it is always answered. */
function assumeFor(peer: Peer, signal: Signal): void {
  if (signal.type === "sendAlias") peer.assume(signal.alias.creation);
  else if ("to" in signal && signal.type !== "link") {
    peer.assume(signal.to.creation);
  }
}
