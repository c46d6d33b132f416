/**
 * The outbox of a node: encodes signals for peers, decides when bytes are
 * written, and which senders have to wait.
 *
 * Signals gather in the queue of a peer (`Peer.out`). They are written at once
 * at the end of the scheduler's turn, or as soon as they fill a chunk: one
 * write of 64 frames costs a fortieth of 64 writes. Large messages go to the
 * peer's lane (`lane.ts`). They are written after the queue, in fragments, and
 * only while the carrier has room, so that later signals need not wait for a
 * whole large message.
 *
 * The outbox drops nothing. Above the high mark a sender is told to wait, and
 * at the hard limit it is refused. Both limits count the bytes in the peer's
 * queue, which all senders share, or the bytes that the sender itself has in
 * the lane, whichever is more. So the large message of one sender does not hold
 * up the others.
 */

import type { Node } from "../../core/node/node.ts";
import type { Signal } from "../../core/host/signal.ts";
import type { Way } from "../../core/host/remote.ts";
import type { Pid } from "../../core/terms/terms.ts";
import {
  ACKNOWLEDGED_BYTES,
  acknowledgement,
  ACKNOWLEDGEMENT_MARK,
  FRAGMENT_MARK,
  readAcknowledgement,
} from "../../wire/framing/fragments.ts";
import { type Lane, type Parties, partiesOf } from "../lanes/lane.ts";
import { BusyError, type Peer } from "./peer.ts";
import { withReasonInWords } from "./unencodable.ts";
import { errorText } from "../../core/terms/error_text.ts";

/** The hard limit, at which `send` throws, in high marks. */
const HARD_LIMIT_FACTOR = 4;
/** Limit of a lane, for all senders together, in hard limits. */
const LANE_LIMITS = 16;
/** A queue of this size is written before the turn has ended. */
const FLUSH_BYTES = 64 * 1024;
/** At most this much of a lane is written before other work has a turn. */
const LANE_RUN_BYTES = 512 * 1024;
/** One byte of a full lane is written for so many bytes that overtake it. */
const LANE_SHARE = 4;
/** Time between two checks for room that the carrier does not report. */
const ROOM_CHECK_MS = 5;

type Chunks = readonly Uint8Array<ArrayBuffer>[];

export class Outbox {
  readonly #node: Node;
  /** `send` returns false from this many waiting bytes on. */
  readonly #highMarkBytes: number;
  /** `send` throws from this many on; `HARD_LIMIT_FACTOR` high marks. */
  readonly #hardLimitBytes: number;
  /**
   * Peers whose queue is written at the end of the turn: exactly those with
   * `isDirty`, each once.
   */
  #dirty: Peer[] = [];
  /** Peers with a running timer that checks for room. */
  readonly #watched = new Set<Peer>();
  /** Peers with a scheduled macrotask that goes on to write their lane. */
  readonly #running = new Set<Peer>();
  /**
   * Large payloads of the signal that is being encoded, until they are added to
   * the lane. Empty between two calls.
   */
  readonly #large: { payload: Chunks; bytes: number }[] = [];

  constructor(node: Node, highMarkBytes: number) {
    this.#node = node;
    this.#highMarkBytes = highMarkBytes;
    this.#hardLimitBytes = highMarkBytes * HARD_LIMIT_FACTOR;
  }

  /** Sends a message to an actor; see `Remote.send`. */
  send(peer: Peer, from: Pid, to: Pid, message: unknown): boolean {
    if (!peer.isUp) peer.assumeCreation(to.creation);
    this.#refuseWhenFull(peer, from, message);
    const { lane } = peer;
    const isAlone = lane !== null && lane.isBehind(from, to);
    peer.codec.encodeSend(from, to, message, peer.out, isAlone);
    if (this.#large.length > 0) {
      this.#refuseWhenCrowded(peer, from, message);
      this.#toLane(peer, { from, to });
    }
    return this.#afterEncode(peer, from);
  }

  /** Sends any other signal; see `Remote.signal`. */
  signal(peer: Peer, signal: Signal): boolean {
    const parties = partiesOf(signal);
    const { from, to } = parties;
    const mayRefuse = signal.type === "sendNamed" ||
      signal.type === "sendAlias" || signal.type === "spawnRequest";
    const message = signal.type === "spawnRequest"
      ? signal.args
      : mayRefuse && signal.message;
    if (mayRefuse) this.#refuseWhenFull(peer, from, message);
    if (!peer.isUp) assumeCreationFor(peer, signal);
    const { lane } = peer;
    const isAlone = lane !== null && lane.isBehind(from, to);
    try {
      peer.codec.encode(signal, peer.out, isAlone);
    } catch (error) {
      this.#encodeReplacement(peer, signal, error, isAlone);
    }
    if (this.#large.length > 0) {
      if (mayRefuse) this.#refuseWhenCrowded(peer, from, message);
      this.#toLane(peer, parties);
    }
    return this.#afterEncode(peer, from);
  }

  /** A connection is up: large messages go to its lane from now on. */
  openLane(peer: Peer): void {
    const lane = peer.lane as Lane;
    peer.out.onLargeFrame = (payload, bytes, isAlone) => {
      if (!isAlone && lane.isTooSmall(bytes)) return false;
      this.#large.push({ payload, bytes });
      return true;
    };
    this.flush(peer);
  }

  /**
   * Moves large payloads to the lane. Not done while encoding, because getters
   * of a message may send other messages, with other senders.
   */
  #toLane(peer: Peer, parties: Parties): void {
    const lane = peer.lane as Lane;
    for (const { payload, bytes } of this.#large.splice(0)) {
      lane.add(parties, payload, bytes);
    }
  }

  /**
   * Throws `BusyError` when the sender has reached the hard limit and was told
   * to wait before. A sender that was not told yet may send this one message,
   * and is told then, as in Erlang: other senders may have filled the queue.
   */
  #refuseWhenFull(peer: Peer, from: Pid, message: unknown): void {
    if (waitingOf(peer, from) < this.#hardLimitBytes) return;
    const actor = this.#node.localActor(from);
    if (actor !== null && actor.heldBy?.has(peer.name) !== true) return;
    this.#refuse(peer, from, message);
  }

  /** Throws `BusyError` when all senders together have filled the lane. */
  #refuseWhenCrowded(peer: Peer, from: Pid, message: unknown): void {
    if (this.#isCrowded(peer)) this.#refuse(peer, from, message);
  }

  #isCrowded({ lane }: Peer): boolean {
    return lane !== null && lane.bytes >= LANE_LIMITS * this.#hardLimitBytes;
  }

  #refuse(peer: Peer, from: Pid, message: unknown): void {
    // An actor of the runtime only answers, and no other actor could instead.
    if (this.#node.localActor(from)?.isExempt) return;
    this.#large.length = 0;
    throw new BusyError(peer.name, this.#hardLimitBytes, message);
  }

  #encodeReplacement(
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

  /** After a signal was encoded; returns whether the peer has room for more. */
  #afterEncode(peer: Peer, from: Pid): boolean {
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
    this.#checkRoomLater(peer);
    this.#node.nodeEvents.busy(peer.name, true);
  }

  /** Writes the queue, and as much of the lane as the carrier has room for. */
  flush(peer: Peer): void {
    const { out, lane } = peer;
    if (peer.connection === null) return;
    const overtaking = out.length;
    if (overtaking > 0) this.#write(peer, out.take());
    if (lane === null || lane.bytes === 0 || this.#running.has(peer)) return;
    // Signals that fill the carrier again and again must not starve the lane.
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
   * Looks at a frame that has arrived. Counts a fragment, and acknowledges
   * fragments from time to time; takes an acknowledgement of the peer. Returns
   * true for an acknowledgement, which holds no signal. Throws a `DecodeError`.
   */
  takeAcknowledgement(peer: Peer, frame: Uint8Array, bytes: number): boolean {
    if (frame[0] === FRAGMENT_MARK && !peer.isBeam) {
      peer.unacknowledged += bytes;
      if (peer.unacknowledged >= ACKNOWLEDGED_BYTES) {
        peer.connection?.write([acknowledgement(peer.unacknowledged)]);
        peer.unacknowledged = 0;
      }
      return false;
    }
    if (frame[0] !== ACKNOWLEDGEMENT_MARK || peer.isBeam) return false;
    peer.lane?.acknowledged(readAcknowledgement(frame));
    this.flush(peer);
    this.wakeSenders(peer);
    return true;
  }

  /** Goes on with the lane once sockets, timers and actors had their turn. */
  #runLater(peer: Peer): void {
    this.#running.add(peer);
    this.#node.host.macrotask(() => {
      this.#running.delete(peer);
      this.flush(peer);
      this.wakeSenders(peer);
    });
  }

  /** Writes the queues of all peers to which signals were sent in the turn. */
  flushAll(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const peer of dirty) {
      peer.isDirty = false;
      this.flush(peer);
    }
  }

  /**
   * Writes queue and lane without regard to room, before the connection ends.
   */
  writeOut(peer: Peer): void {
    const { connection, lane } = peer;
    if (connection === null) return;
    connection.write(peer.out.take());
    while (lane !== null && lane.bytes > 0) {
      connection.write(lane.take(true) ?? []);
    }
  }

  /**
   * See `Remote.way`. `peer` is undefined for a node that has no record yet.
   */
  way(peer: Peer | undefined, from: Pid): Way {
    if (peer === undefined) return { isUp: false, hasRoom: true };
    const hasRoom = waitingOf(peer, from) < this.#highMarkBytes;
    return { isUp: peer.isUp, hasRoom, isBeam: peer.isBeam };
  }

  /** Resolves when there is room again, or when the connection is lost. */
  waitForRoom(peer: Peer | undefined, from: Pid): Promise<void> {
    if (peer === undefined || this.#hasRoom(peer, from)) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      peer.roomWaiters.push({ from, resolve });
      this.#checkRoomLater(peer);
    });
  }

  /** The carrier has room again, for senders and for the lane. */
  drained(peer: Peer): void {
    peer.isFull = false;
    // Senders first, because the lane fills all the room there is.
    this.wakeSenders(peer);
    this.flush(peer);
    this.wakeSenders(peer);
  }

  /** Resolves senders that have room. */
  wakeSenders(peer: Peer): void {
    if (peer.pendingBytes < this.#highMarkBytes / 2) {
      this.wakeAllSenders(peer);
      return;
    }
    const { roomWaiters } = peer;
    if (roomWaiters.length === 0) return;
    for (const waiting of roomWaiters.splice(0)) {
      if (this.#hasRoom(peer, waiting.from)) waiting.resolve();
      else roomWaiters.push(waiting);
    }
  }

  /** Resolves all senders that wait, and ends the peer's busy state. */
  wakeAllSenders(peer: Peer): void {
    for (const { resolve } of peer.roomWaiters.splice(0)) resolve();
    if (!peer.isBusy) return;
    peer.isBusy = false;
    this.#node.nodeEvents.busy(peer.name, false);
  }

  #hasRoom(peer: Peer, from: Pid): boolean {
    return waitingOf(peer, from) < this.#highMarkBytes / 2 &&
      !this.#isCrowded(peer);
  }

  /**
   * Checks for room by a timer: a carrier reports room only after it was above
   * its own mark, which may be higher than the outbox's.
   */
  #checkRoomLater(peer: Peer): void {
    if (this.#watched.has(peer)) return;
    this.#watched.add(peer);
    this.#node.timers.set(ROOM_CHECK_MS, () => {
      this.#watched.delete(peer);
      this.wakeSenders(peer);
      if (peer.roomWaiters.length > 0 || peer.isBusy) {
        this.#checkRoomLater(peer);
      }
    });
  }
}

/** For how many bytes the next signal of this sender would wait, at most. */
function waitingOf(peer: Peer, from: Pid): number {
  const { lane, out, connection } = peer;
  const queued = out.length + (connection?.bufferedBytes ?? 0);
  if (lane === null || lane.bytes === 0) return queued;
  return Math.max(queued, lane.bytesOf(from));
}

/** A link assumes no incarnation, because a link is always answered. */
function assumeCreationFor(peer: Peer, signal: Signal): void {
  if (signal.type === "sendAlias") peer.assumeCreation(signal.alias.creation);
  else if ("to" in signal && signal.type !== "link") {
    peer.assumeCreation(signal.to.creation);
  }
}
