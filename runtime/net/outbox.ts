/**
 * When a peer's bytes are written, and who has to wait.
 *
 * Signals gather in a peer's queue and go out in one write at the end of the
 * scheduler's turn, or as soon as there is a chunk full of them: 64 frames in
 * one write cost a fortieth of 64 writes. Nothing is dropped; senders are told
 * to wait above the high mark and refused at the hard limit.
 */

import type { Node } from "../core/node.ts";
import { BusyError, type Peer } from "./peer.ts";

/** `send` throws above this many times the high mark. */
const HARD_LIMIT_FACTOR = 4;
/** Output is written without waiting for the turn to end above this. */
const FLUSH_BYTES = 64 * 1024;

export class Outbox {
  readonly #node: Node;
  readonly #highMarkBytes: number;
  /** Peers whose queue is to be written at the end of the turn. */
  #dirty: Peer[] = [];

  constructor(node: Node, highMarkBytes: number) {
    this.#node = node;
    this.#highMarkBytes = highMarkBytes;
  }

  /** Throws `BusyError` when the peer has reached the hard limit. */
  refuseWhenFull(peer: Peer, message: unknown): void {
    const limit = this.#highMarkBytes * HARD_LIMIT_FACTOR;
    if (peer.pendingBytes >= limit) {
      throw new BusyError(peer.name, limit, message);
    }
  }

  /** Something was encoded; returns whether the peer has room for more. */
  wrote(peer: Peer): boolean {
    if (peer.isUp) {
      if (peer.out.length >= FLUSH_BYTES) {
        this.flush(peer);
      } else if (!peer.isDirty) {
        peer.isDirty = true;
        this.#dirty.push(peer);
        this.#node.scheduler.poke();
      }
    }
    return peer.pendingBytes < this.#highMarkBytes;
  }

  flush(peer: Peer): void {
    const connection = peer.connection;
    if (connection !== null && peer.out.length > 0) {
      connection.write(peer.out.take());
    }
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

  hasRoom(peer: Peer): boolean {
    return peer.pendingBytes < this.#highMarkBytes / 2;
  }

  /** The carrier has taken bytes: whoever waits for room may go on. */
  wakeWaiting(peer: Peer): void {
    if (peer.waitingForRoom.length > 0 && this.hasRoom(peer)) {
      this.releaseWaiting(peer);
    }
  }

  releaseWaiting(peer: Peer): void {
    for (const resolve of peer.waitingForRoom.splice(0)) resolve();
  }
}
