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

import type { Node } from "../core/node.ts";
import type { Signal, Way } from "../core/signal.ts";
import type { Pid } from "../core/terms.ts";
import {
  acknowledgedBytes,
  acknowledgement,
  acknowledgementMark,
  fragmentMark,
  readAcknowledgement,
} from "../wire/fragments.ts";
import { type Lane, partiesOf } from "./lane.ts";
import { BusyError, type Peer } from "./peer.ts";
import { sayable } from "./sayable.ts";

/** `send` throws above this many times the high mark. */
const HARD_LIMIT_FACTOR = 4;
/** Of large messages of all senders together, so many hard limits may wait. */
const LANE_LIMITS = 16;
/** Output is written without waiting for the turn to end above this. */
const FLUSH_BYTES = 64 * 1024;
/** Of the lane at most this much is written before others have a turn. */
const LANE_RUN_BYTES = 512 * 1024;
/** How often to look for room that the carrier does not report. */
const LOOK_MS = 5;

export class Outbox {
  readonly #node: Node;
  readonly #highMarkBytes: number;
  /** Peers whose queue is to be written at the end of the turn. */
  #dirty: Peer[] = [];
  /** Peers with a timer that looks for room. */
  readonly #watched = new Set<Peer>();
  /** Peers whose lane goes on in a macrotask that is on its way. */
  readonly #running = new Set<Peer>();
  /** Between whom the signal is that is being encoded. */
  #from: Pid | null = null;
  #to: Pid | null = null;
  /** Whether it has to wait behind a large one. */
  #isAlone = false;

  constructor(node: Node, highMarkBytes: number) {
    this.#node = node;
    this.#highMarkBytes = highMarkBytes;
  }

  /** A message to an actor; see `Remote.send`. */
  send(peer: Peer, from: Pid, to: Pid, message: unknown): boolean {
    if (!peer.isUp) peer.assume(to.creation);
    this.#refuseWhenFull(peer, from, message);
    const { lane } = peer;
    this.#from = from;
    this.#to = to;
    const isAlone = lane !== null && lane.isBehind(from, to);
    this.#isAlone = isAlone;
    peer.codec.encodeSend(from, to, message, peer.out, isAlone);
    return this.#wrote(peer, from);
  }

  /** Any other signal; see `Remote.signal`. */
  signal(peer: Peer, signal: Signal): boolean {
    if (signal.type === "sendNamed") {
      this.#refuseWhenFull(peer, signal.from, signal.message);
    } else if (signal.type === "spawnRequest") {
      this.#refuseWhenFull(peer, signal.from, signal.args);
    }
    if (!peer.isUp) assumeFor(peer, signal);
    const { lane } = peer;
    const { from, to } = partiesOf(signal);
    this.#from = from;
    this.#to = to;
    const isAlone = lane !== null && lane.isBehind(from, to);
    this.#isAlone = isAlone;
    try {
      peer.codec.encode(signal, peer.out, isAlone);
    } catch (error) {
      this.#encodeRefused(peer, signal, error, isAlone);
    }
    return this.#wrote(peer, from);
  }

  /** A connection is up: large messages have a lane from now on. */
  opened(peer: Peer): void {
    const lane = peer.lane as Lane;
    peer.out.onLargeFrame = (payload, bytes) => {
      if (!this.#isAlone && lane.isTooSmall(bytes)) return false;
      lane.add({ from: this.#from as Pid, to: this.#to }, payload, bytes);
      return true;
    };
    this.flush(peer);
  }

  /** Throws `BusyError` when the peer has reached the hard limit. */
  #refuseWhenFull(peer: Peer, from: Pid, message: unknown): void {
    const limit = this.#highMarkBytes * HARD_LIMIT_FACTOR;
    if (
      waitingOf(peer, from) >= limit ||
      (peer.lane !== null && peer.lane.bytes >= LANE_LIMITS * limit)
    ) throw new BusyError(peer.name, limit, message);
  }

  #encodeRefused(
    peer: Peer,
    signal: Signal,
    error: unknown,
    isAlone: boolean,
  ): void {
    const instead = sayable(signal, error);
    if (instead === null) throw error;
    this.#node.log("warning", "net", "an exit reason could not be sent as is", {
      error: error instanceof Error ? error.message : String(error),
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
    const { connection, lane } = peer;
    if (connection === null) return;
    let hasRoom = true;
    if (peer.out.length > 0) hasRoom = connection.write(peer.out.take());
    if (lane === null || this.#running.has(peer)) return;
    let written = 0;
    while (hasRoom && lane.bytes > 0) {
      if (written >= LANE_RUN_BYTES) return this.#runLater(peer);
      const before = lane.bytes;
      const frame = lane.take();
      if (frame === null) return;
      hasRoom = connection.write(frame);
      written += before - lane.bytes;
    }
  }

  /**
   * Acknowledges fragments that have come. True for a frame that is an
   * acknowledgement itself, and so no signal. Throws a `DecodeError`.
   */
  concerns(peer: Peer, frame: Uint8Array): boolean {
    if (frame[0] === fragmentMark && !peer.isBeam) {
      peer.unacknowledged += frame.length;
      if (peer.unacknowledged >= acknowledgedBytes) {
        peer.connection?.write([acknowledgement(peer.unacknowledged)]);
        peer.unacknowledged = 0;
      }
      return false;
    }
    if (frame[0] !== acknowledgementMark || peer.isBeam) return false;
    peer.lane?.acknowledged(readAcknowledgement(frame));
    this.drained(peer);
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
    return { isUp: peer.isUp, hasRoom };
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

  /** The carrier has room: for the lane first, then for who waits for it. */
  drained(peer: Peer): void {
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
    return waitingOf(peer, from) < this.#highMarkBytes / 2;
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
