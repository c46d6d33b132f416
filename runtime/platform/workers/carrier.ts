/**
 * Carriers between nodes in threads of one process: a ring of shared memory in
 * each direction, and a message port by which one end wakes the other when it
 * sleeps.
 *
 * Who makes such a link and hands its ends to the two threads is not decided
 * here. A link ends like a socket: what was written before an end arrives, also
 * when the thread that wrote it is gone, and what was written before a cut may
 * not. `ARCHITECTURE.md` has the measurements that led to rings and ports.
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
import { defaultHighMarkBytes } from "../sockets/socket_carrier.ts";
import { createRing, RingReader, RingWriter } from "./ring.ts";
import { WATCH_MS, WatchPolicy } from "../host/watch_policy.ts";

/** One end of a link, on its way to the thread that will use it. */
export type LinkEnd = {
  readonly inward: SharedArrayBuffer;
  readonly outward: SharedArrayBuffer;
  /** To be transferred along with the rest. */
  readonly port: MessagePort;
};

/** What a ring holds, in bytes. */
const ringBytes = 256 * 1024;
/** Read at a time. */
const chunkBytes = 64 * 1024;
/** How long a stream is read before actors get their turn, in ms. */
const bulkReadMs = 2;

const cores = availableParallelism();

/** Makes a link. */
export function createLink(
  capacityBytes: number = ringBytes,
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
  /** `write` returns false above this; 1 MiB by default. */
  readonly highMarkBytes?: number;
  /** Called when the carrier is over. */
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
  /** What found no room in the ring yet, in order, from `#first` on. */
  #waiting: Uint8Array[] = [];
  #first = 0;
  /** How much of the first of them is in the ring. */
  #taken = 0;
  #waitingBytes = 0;
  /** Whether a `write` returned false since the last `drain`. */
  #isFull = false;
  /** A microtask is on its way that says so when there is room. */
  #isDraining = false;
  /** A macrotask is on its way that reads on. */
  #isReadingOn = false;
  /** A macrotask is on its way that watches for more. */
  #isWatching = false;
  readonly #policy = new WatchPolicy(cores);
  /** Set by `close`: nothing but `closed` is delivered then. */
  #isClosing = false;
  #linger: unknown = null;
  /** Why the peer cannot write any more, when it could not say so itself. */
  #peerEnd: string | null = null;
  /** Why the carrier is over; null while it is not. */
  #reason: string | null = null;
  readonly #over = Promise.withResolvers<void>();

  constructor(end: LinkEnd, options: WorkerCarrierOptions) {
    this.remote = options.remote;
    this.#port = end.port;
    this.#reader = new RingReader(end.inward);
    this.#writer = new RingWriter(end.outward);
    this.#highMark = options.highMarkBytes ?? defaultHighMarkBytes;
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
    // On runtimes that say so when the thread at the other end is gone.
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
      this.#end();
      return;
    }
    // Only the port tells when there is room, also to a carrier never opened.
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
   * The thread at the other end is gone. What it wrote before is delivered
   * first; resolves when that is done and the handlers know of the end, at once
   * where nobody has opened the carrier.
   */
  lose(reason: string): Promise<void> {
    if (this.#reason === null && this.#peerEnd === null) {
      this.#peerEnd = reason;
      if (this.#isClosing) this.#finish("closed here");
      else if (this.#handlers !== null) this.#readOn();
    }
    return this.#handlers === null ? Promise.resolve() : this.#over.promise;
  }

  #listenForRoom(): void {
    this.#port.addEventListener("message", () => this.#push());
    this.#port.start();
  }

  /** The other end has something to say, or room. */
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

  /** Reads until there is nothing left, or actors must have their turn. */
  #read(): void {
    const handlers = this.#handlers;
    if (handlers === null || this.#isReadingOn) return;
    const reader = this.#reader;
    const begun = performance.now();
    while (this.#reason === null) {
      if (this.#ended()) return;
      const chunk = reader.read(chunkBytes);
      if (chunk === null) {
        if (this.#watchSoon() || reader.sleep()) return;
        continue;
      }
      if (reader.claimWriter()) this.#port.postMessage(0);
      if (!this.#isClosing) handlers.data(chunk);
      if (performance.now() - begun > bulkReadMs) {
        this.#readOn();
        return;
      }
    }
  }

  /**
   * Watches for more before sleeping, if that pays, once actors have written
   * what they have to say to what was read.
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

  /** Whether something has come, or comes within a moment. */
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

  /** Whether the other end is over and all of it was read. */
  #ended(): boolean {
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

  /** Moves what waits into the ring, as far as there is room. */
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
      this.#tidy();
      return;
    }
    this.#waiting.length = 0;
    this.#first = 0;
    if (this.#isClosing) this.#end();
    else if (this.#isFull) this.#drainSoon();
  }

  /**
   * Says that there is room, once whoever runs now is done: it may be in the
   * middle of writing a frame, and who hears of room begins another one.
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

  /** Lets go of chunks that are in the ring, a crowd of them at a time. */
  #tidy(): void {
    if (this.#first < 64 || this.#first * 2 < this.#waiting.length) return;
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }

  #wakeReader(): void {
    if (this.#writer.claimReader()) this.#port.postMessage(0);
  }

  /** Everything is written. */
  #end(): void {
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
      this.#over.resolve();
      handlers.closed(reason);
    });
  }
}

/** The carriers of one thread, by the nodes they lead to. */
export class WorkerCarriers {
  readonly #byNode = new Map<string, Set<WorkerCarrier>>();

  /** Makes a carrier of one end of a link. */
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

  /** The thread of that node is gone; resolves when all it wrote has come. */
  async lose(nodeName: string, reason: string): Promise<void> {
    const carriers = this.#byNode.get(nodeName) ?? [];
    this.#byNode.delete(nodeName);
    await Promise.all([...carriers].map((carrier) => carrier.lose(reason)));
  }
}
