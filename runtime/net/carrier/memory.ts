/**
 * A network in memory, for tests: carriers are pairs of queues.
 *
 * It has what the code above must cope with on a real network (asynchronous
 * delivery in order, a writer that is too fast, a link that is cut) and nothing
 * else: no delays, no losses, no partitions.
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
  /** Runs a callback later; every delivery is one of these. */
  readonly macrotask: (callback: () => void) => void;
  /** `write` returns false above this; 1 MiB by default. */
  readonly highMarkBytes?: number;
};

/** A connection, as `cut` sees it: who dialled whom. */
export type MemoryLink = { readonly from: string; readonly to: string };

/** A `Network` whose links can be cut. */
export interface MemoryNetwork extends Network {
  /** Links that are open. */
  readonly links: readonly MemoryLink[];
  /** Cuts the links that match, all by default; returns how many. */
  cut(matches?: (link: MemoryLink) => boolean): number;
}

const firstFreePort = 49_152;

/** Makes an empty network. */
export function createMemoryNetwork(
  options: MemoryNetworkOptions,
): MemoryNetwork {
  return new InMemory(options);
}

class InMemory implements MemoryNetwork {
  readonly #options: Required<MemoryNetworkOptions>;
  readonly #listeners = new Map<string, (carrier: Carrier) => void>();
  /** The dialling end of every link that is open. */
  readonly #open = new Map<MemoryCarrier, MemoryLink>();
  #nextPort = firstFreePort;

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
            new CarrierError("refused", `nobody listens on ${where}`),
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
        new CarrierError("in-use", `somebody listens on ${where}`),
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
  /** Called when either end is over, perhaps more than once. */
  onEnd: () => void = () => {};
  readonly #options: Required<MemoryNetworkOptions>;
  #peer: MemoryCarrier | null = null;
  #handlers: CarrierHandlers | null = null;
  /** Bytes on their way to this end, in order. */
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  /** Whether a delivery is scheduled. */
  #isDelivering = false;
  /** Whether the peer's `write` returned false since its last `drain`. */
  #isPeerHeld = false;
  /** Why this end is over once the inbox is empty; null while it is not. */
  #ending: string | null = null;
  /** Nothing is sent or received any more. */
  #isClosed = false;
  /** Whether `closed` was called. */
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

  /** What was written still arrives, however long the peer takes to open. */
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

  /** One chunk or the end per task, so that others have their turn. */
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
