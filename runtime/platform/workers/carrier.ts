/**
 * Carriers between nodes in threads of one process. A link has a ring of shared
 * memory for each direction, and a message port by which one end wakes the
 * other end when it sleeps.
 *
 * This module does not make links between two threads (`runtime/workers/`
 * does). A link ends like a socket: bytes that were written before an end
 * arrive, also when the thread that wrote them has ended; bytes that were
 * written before a cut may be lost. `ARCHITECTURE.md` has the measurements that
 * led to rings and ports.
 */

import { availableParallelism } from "node:os";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Carrier, CarrierHandlers } from "../../net/carrier/carrier.ts";
import {
  clearTimer,
  macrotask,
  microtask,
  setTimer,
} from "../host/event_loop.ts";
import { DEFAULT_HIGH_MARK_BYTES } from "../sockets/socket_carrier.ts";
import { createRing, RingReader, RingWriter } from "./ring.ts";
import { WATCH_MS, WatchPolicy } from "../host/watch_policy.ts";

/** One end of a link, on its way to the thread that will use it. */
export type LinkEnd = {
  readonly inward: SharedArrayBuffer;
  readonly outward: SharedArrayBuffer;
  /** Must be transferred together with the rest. */
  readonly port: MessagePort;
};

/** Capacity of a ring. */
const RING_BYTES = 256 * 1024;
/** Most bytes of one read. */
const CHUNK_BYTES = 64 * 1024;
/** How long a stream is read before actors get their turn, in ms. */
const BULK_READ_MS = 2;

const CORES = availableParallelism();

/** Makes a link. */
export function createLink(
  capacityBytes: number = RING_BYTES,
): readonly [LinkEnd, LinkEnd] {
  const there = createRing(capacityBytes);
  const back = createRing(capacityBytes);
  const { port1, port2 } = new MessageChannel();
  return [
    { inward: back, outward: there, port: port1 },
    { inward: there, outward: back, port: port2 },
  ];
}

/** Settings of a worker carrier. */
export type WorkerCarrierOptions = {
  /** For logs. */
  readonly remote: string;
  /** `write` returns false above this many bytes. Default 1 MiB. */
  readonly highMarkBytes?: number;
  /** Called when the carrier has ended. */
  readonly onEnd?: () => void;
};

/** A carrier over one end of a link. */
export class WorkerCarrier implements Carrier {
  readonly remote: string;
  readonly #port: MessagePort;
  readonly #reader: RingReader;
  readonly #writer: RingWriter;
  readonly #highMark: number;
  readonly #onEnd: () => void;
  /** Null until `open`. */
  #handlers: CarrierHandlers | null = null;
  /** Chunks that are not in the ring, in order, from index `#first` on. */
  #waiting: Uint8Array[] = [];
  /**
   * Index in `#waiting` of the first such chunk; those before are in the ring.
   */
  #first = 0;
  /** How many bytes of the first such chunk are in the ring. */
  #taken = 0;
  /** Bytes of these chunks that are not in the ring. */
  #waitingBytes = 0;
  /** Whether a `write` returned false since the last `drain`. */
  #isFull = false;
  /** Whether a microtask is scheduled that calls `drain` if there is room. */
  #isDraining = false;
  /** Whether a macrotask is scheduled that goes on reading. */
  #isReadingOn = false;
  /** Whether a macrotask is scheduled that watches for more bytes. */
  #isWatching = false;
  readonly #policy = new WatchPolicy(CORES);
  /** Set by `close`: only `closed` is called after that. */
  #isClosing = false;
  /** Timer that destroys the carrier after `close`; null when there is none. */
  #linger: unknown = null;
  /** Why the peer's thread has ended without closing the link; else null. */
  #peerEnd: string | null = null;
  /** Why the carrier has ended; null exactly until then. */
  #reason: string | null = null;
  /** Resolved when the handlers have been told of the end. */
  readonly #reported = Promise.withResolvers<void>();

  constructor(end: LinkEnd, options: WorkerCarrierOptions) {
    this.remote = options.remote;
    this.#port = end.port;
    this.#reader = new RingReader(end.inward);
    this.#writer = new RingWriter(end.outward);
    this.#highMark = options.highMarkBytes ?? DEFAULT_HIGH_MARK_BYTES;
    this.#onEnd = options.onEnd ?? (() => {});
  }

  get bufferedBytes(): number {
    return this.#waitingBytes;
  }

  open(handlers: CarrierHandlers): void {
    if (this.#handlers !== null) {
      throw new Error(
        `expected a carrier to be opened once, got a second open`,
      );
    }
    this.#handlers = handlers;
    if (this.#reason !== null) {
      this.#report();
      return;
    }
    const look = () => this.#look();
    this.#port.addEventListener("message", look);
    // Some runtimes emit this when the thread at the other end has ended.
    this.#port.addEventListener("close", look);
    this.#port.start();
    this.#readOn();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isClosing || this.#reason !== null) return true;
    if (chunk.length === 0) return !this.#isFull;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#push();
    if (this.#waitingBytes <= this.#highMark) return true;
    this.#isFull = true;
    return false;
  }

  close(lingerMs: number): void {
    if (this.#isClosing || this.#reason !== null) return;
    this.#isClosing = true;
    if (this.#waitingBytes === 0) {
      this.#endStream();
      return;
    }
    // Room is reported by the port, also to a carrier that was never opened.
    this.#linger = setTimer(() => this.destroy(), lingerMs);
    if (this.#handlers === null) this.#listenForRoom();
  }

  destroy(): void {
    if (this.#reason !== null) return;
    this.#writer.cut();
    this.#wakeReader();
    this.#finish("closed here");
  }

  /**
   * The thread at the other end has ended. Bytes that it has written are
   * delivered first. Resolves when that is done and the handlers have been told
   * of the end; at once for a carrier that was not opened.
   */
  lose(reason: string): Promise<void> {
    if (this.#reason === null && this.#peerEnd === null) {
      this.#peerEnd = reason;
      if (this.#isClosing) this.#finish("closed here");
      else if (this.#handlers !== null) this.#readOn();
    }
    return this.#handlers === null ? Promise.resolve() : this.#reported.promise;
  }

  #listenForRoom(): void {
    this.#port.addEventListener("message", () => this.#push());
    this.#port.start();
  }

  /** The other end has written bytes, or has read some. */
  #look(): void {
    this.#push();
    this.#read();
  }

  #readOn(): void {
    if (this.#isReadingOn) return;
    this.#isReadingOn = true;
    macrotask(() => {
      this.#isReadingOn = false;
      this.#read();
    });
  }

  /** Reads until the ring is empty or actors must have their turn. */
  #read(): void {
    const handlers = this.#handlers;
    if (handlers === null || this.#isReadingOn) return;
    const reader = this.#reader;
    const begun = performance.now();
    while (this.#reason === null) {
      if (this.#endIfPeerEnded()) return;
      const chunk = reader.read(CHUNK_BYTES);
      if (chunk === null) {
        if (this.#watchSoon() || reader.sleep()) return;
        continue;
      }
      if (reader.claimWriter()) this.#port.postMessage(0);
      if (!this.#isClosing) handlers.data(chunk);
      if (performance.now() - begun > BULK_READ_MS) {
        this.#readOn();
        return;
      }
    }
  }

  /**
   * Watches for more bytes before sleeping, if that pays, once actors have
   * written their answers. Returns whether it will.
   */
  #watchSoon(): boolean {
    if (this.#isWatching) return true;
    if (!this.#policy.mayWatch()) return false;
    this.#isWatching = true;
    macrotask(() => {
      this.#isWatching = false;
      if (this.#reason !== null) return;
      if (this.#watch()) {
        this.#policy.hit();
        this.#read();
      } else {
        this.#policy.miss();
        if (!this.#reader.sleep()) this.#read();
      }
    });
    return true;
  }

  /** Whether bytes are there or arrive within `WATCH_MS`. */
  #watch(): boolean {
    const reader = this.#reader;
    const until = performance.now() + WATCH_MS;
    do {
      for (let looks = 0; looks < 20; looks++) {
        if (reader.length > 0) return true;
      }
    } while (performance.now() < until);
    return false;
  }

  /** Ends the carrier if the other end has ended and all bytes were read. */
  #endIfPeerEnded(): boolean {
    const ending = this.#reader.ending;
    if (ending === "cut") {
      this.#finish("reset by peer");
    } else if (ending === "ended") {
      this.#finish("closed by peer");
    } else if (this.#peerEnd !== null && this.#reader.length === 0) {
      this.#finish(this.#peerEnd);
    } else {
      return false;
    }
    return true;
  }

  /** Moves waiting chunks into the ring, as far as there is room. */
  #push(): void {
    if (this.#reason !== null || this.#waitingBytes === 0) return;
    const writer = this.#writer;
    while (this.#waitingBytes > 0) {
      const chunk = this.#waiting[this.#first]!;
      const count = writer.write(chunk, this.#taken);
      this.#taken += count;
      this.#waitingBytes -= count;
      if (this.#taken === chunk.length) {
        this.#first++;
        this.#taken = 0;
      } else if (writer.sleep()) {
        break;
      }
    }
    this.#wakeReader();
    if (this.#waitingBytes > 0) {
      this.#dropTaken();
      return;
    }
    this.#waiting.length = 0;
    this.#first = 0;
    if (this.#isClosing) this.#endStream();
    else if (this.#isFull) this.#drainSoon();
  }

  /**
   * Calls `drain` once the running code is done. That code may be in the middle
   * of writing a frame, and `drain` starts to write another frame.
   */
  #drainSoon(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    microtask(() => {
      this.#isDraining = false;
      if (!this.#isFull || this.#waitingBytes > 0) return;
      this.#isFull = false;
      if (this.#reason === null) this.#handlers?.drain();
    });
  }

  /** Removes chunks that are in the ring, many at a time. */
  #dropTaken(): void {
    if (this.#first < 64 || this.#first * 2 < this.#waiting.length) return;
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }

  #wakeReader(): void {
    if (this.#writer.claimReader()) this.#port.postMessage(0);
  }

  /** All bytes are in the ring: ends the stream. */
  #endStream(): void {
    this.#writer.end();
    this.#wakeReader();
    this.#finish("closed here");
  }

  #finish(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    if (this.#linger !== null) clearTimer(this.#linger);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#port.close();
    this.#onEnd();
    this.#report();
  }

  #report(): void {
    const handlers = this.#handlers;
    const reason = this.#reason;
    if (handlers === null || reason === null) return;
    microtask(() => {
      this.#reported.resolve();
      handlers.closed(reason);
    });
  }
}

/** The worker carriers of one thread, by the node at the other end. */
export class WorkerCarriers {
  /** Exactly the carriers that have not ended; no set is empty. */
  readonly #byNode = new Map<string, Set<WorkerCarrier>>();

  /** Makes a carrier from one end of a link. */
  take(nodeName: string, end: LinkEnd): Carrier {
    const carriers = this.#byNode.get(nodeName) ?? new Set();
    this.#byNode.set(nodeName, carriers);
    const carrier = new WorkerCarrier(end, {
      remote: `${nodeName} (in this process)`,
      onEnd: () => {
        carriers.delete(carrier);
        if (carriers.size === 0 && this.#byNode.get(nodeName) === carriers) {
          this.#byNode.delete(nodeName);
        }
      },
    });
    carriers.add(carrier);
    return carrier;
  }

  /** The thread of this node has ended. Resolves when all its bytes arrived. */
  async lose(nodeName: string, reason: string): Promise<void> {
    const carriers = this.#byNode.get(nodeName) ?? [];
    this.#byNode.delete(nodeName);
    await Promise.all([...carriers].map((carrier) => carrier.lose(reason)));
  }
}
