/**
 * A network in memory, for tests: a carrier is one end of a pair of queues.
 *
 * It has the difficulties that a node meets on every network: asynchronous
 * delivery in order, a writer that is too fast, and a link that is cut. It has
 * no delays, no losses and no partitions.
 */

import {
  type Carrier,
  CarrierError,
  type CarrierHandlers,
  type Listener,
  type Network,
} from "./carrier.ts";

/** Settings of a network in memory. */
export type MemoryNetworkOptions = {
  /** Runs a callback in a later task. Each delivery is a task of its own. */
  readonly macrotask: (callback: () => void) => void;
  /** `write` returns false above this many bytes. Default 1 MiB. */
  readonly highMarkBytes?: number;
};

/** One connection: the address that dialled, and the address it dialled. */
export type MemoryLink = { readonly from: string; readonly to: string };

/** A `Network` whose links can be cut. */
export interface MemoryNetwork extends Network {
  /** The open links. */
  readonly links: readonly MemoryLink[];
  /** Cuts the links that match, by default all; returns how many. */
  cut(matches?: (link: MemoryLink) => boolean): number;
}

const FIRST_FREE_PORT = 49_152;

/** Makes an empty network. */
export function createMemoryNetwork(
  options: MemoryNetworkOptions,
): MemoryNetwork {
  return new InMemory(options);
}

class InMemory implements MemoryNetwork {
  readonly #options: Required<MemoryNetworkOptions>;
  readonly #listeners = new Map<string, (carrier: Carrier) => void>();
  /** Exactly the open links, by the carrier of the side that dialled. */
  readonly #open = new Map<MemoryCarrier, MemoryLink>();
  #nextPort = FIRST_FREE_PORT;

  constructor(options: MemoryNetworkOptions) {
    this.#options = { highMarkBytes: 1_048_576, ...options };
  }

  get links(): readonly MemoryLink[] {
    return [...this.#open.values()];
  }

  cut(matches: (link: MemoryLink) => boolean = () => true): number {
    const doomed = [...this.#open].filter(([, link]) => matches(link));
    for (const [carrier] of doomed) carrier.cut("cut");
    return doomed.length;
  }

  connect(
    to: { readonly host: string; readonly port: number },
  ): Promise<Carrier> {
    const where = `${to.host}:${to.port}`;
    return new Promise((resolve, reject) => {
      this.#options.macrotask(() => {
        const accept = this.#listeners.get(where);
        if (accept === undefined) {
          reject(
            new CarrierError("refused", `no node listens on ${where}`),
          );
          return;
        }
        const from = `${to.host}:${this.#nextPort++}`;
        const dialled = new MemoryCarrier(where, this.#options);
        const accepted = new MemoryCarrier(from, this.#options);
        dialled.pairWith(accepted);
        this.#open.set(dialled, { from, to: where });
        dialled.onEnd = () => this.#open.delete(dialled);
        accept(accepted);
        resolve(dialled);
      });
    });
  }

  listen(
    at: { readonly host: string; readonly port: number },
    accept: (carrier: Carrier) => void,
  ): Promise<Listener> {
    const port = at.port === 0 ? this.#nextPort++ : at.port;
    const where = `${at.host}:${port}`;
    if (this.#listeners.has(where)) {
      return Promise.reject(
        new CarrierError("in-use", `a node already listens on ${where}`),
      );
    }
    this.#listeners.set(where, accept);
    return Promise.resolve({
      port,
      close: () => {
        if (this.#listeners.get(where) === accept) {
          this.#listeners.delete(where);
        }
        return Promise.resolve();
      },
    });
  }
}

class MemoryCarrier implements Carrier {
  readonly remote: string;
  /** Called when either end is closed, perhaps more than once. */
  onEnd: () => void = () => {};
  readonly #options: Required<MemoryNetworkOptions>;
  /** The other end; null only until `pairWith`. */
  #peer: MemoryCarrier | null = null;
  /** Null until `open`. */
  #handlers: CarrierHandlers | null = null;
  /** Chunks on their way to this end, oldest first. */
  #inbox: Uint8Array[] = [];
  /** Bytes of all chunks in `#inbox`. */
  #inboxBytes = 0;
  /** Whether a task that delivers is scheduled. */
  #isDelivering = false;
  /** Whether the peer's `write` returned false since its last `drain`. */
  #isPeerHeld = false;
  /** Why this end closes once the inbox is empty; null while it is open. */
  #ending: string | null = null;
  /** Whether this end is closed: it sends and receives nothing more. */
  #isClosed = false;
  /** Whether `closed` was called. Never true while `#isClosed` is false. */
  #isReported = false;

  constructor(remote: string, options: Required<MemoryNetworkOptions>) {
    this.remote = remote;
    this.#options = options;
  }

  pairWith(peer: MemoryCarrier): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  get bufferedBytes(): number {
    return this.#isClosed || this.#peer === null ? 0 : this.#peer.#inboxBytes;
  }

  open(handlers: CarrierHandlers): void {
    if (this.#handlers !== null) {
      throw new Error(
        `expected a carrier to be opened once, got a second open`,
      );
    }
    this.#handlers = handlers;
    this.#schedule();
  }

  write(chunk: Uint8Array): boolean {
    const peer = this.#peer;
    if (this.#isClosed || peer === null || peer.#isClosed) return true;
    peer.#inbox.push(chunk);
    peer.#inboxBytes += chunk.length;
    peer.#schedule();
    if (peer.#inboxBytes <= this.#options.highMarkBytes) return true;
    peer.#isPeerHeld = true;
    return false;
  }

  /** Written bytes still arrive, also when the peer opens much later. */
  close(_lingerMs: number): void {
    if (this.#isClosed) return;
    this.#end("closed here");
    if (this.#peer !== null) this.#peer.#endAfterInbox("closed by peer");
  }

  destroy(): void {
    if (!this.#isClosed) this.cut("closed here", "reset by peer");
  }

  cut(reason: string, peerReason: string = reason): void {
    const peer = this.#peer;
    this.#end(reason);
    if (peer !== null && !peer.#isClosed) peer.#end(peerReason);
  }

  #endAfterInbox(reason: string): void {
    if (this.#isClosed) return;
    this.#ending ??= reason;
    this.#schedule();
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ending = reason;
    this.#announceEnd();
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isDelivering || this.#isReported || this.#handlers === null) {
      return;
    }
    this.#isDelivering = true;
    this.#options.macrotask(() => {
      this.#isDelivering = false;
      this.#deliver();
    });
  }

  /** One chunk, or the end, per task, so that other tasks can run between. */
  #deliver(): void {
    const chunk = this.#inbox.shift();
    if (chunk !== undefined) {
      this.#inboxBytes -= chunk.length;
      this.#handlers?.data(chunk);
      if (this.#isPeerHeld && this.#inboxBytes === 0 && !this.#isClosed) {
        this.#isPeerHeld = false;
        const peer = this.#peer;
        if (peer !== null && !peer.#isClosed) peer.#handlers?.drain();
      }
    } else if (this.#ending !== null && !this.#isReported) {
      this.#isReported = true;
      this.#isClosed = true;
      this.#announceEnd();
      this.#handlers?.closed(this.#ending);
    }
    if (this.#inbox.length > 0 || this.#ending !== null) this.#schedule();
  }

  #announceEnd(): void {
    this.onEnd();
    this.#peer?.onEnd();
  }
}
