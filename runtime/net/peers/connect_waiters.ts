/**
 * The callers of `connect` that wait for one peer, and the moment at which they
 * may be told that the connection is up.
 *
 * A handshake that is done does not say that the peer still wants the
 * connection: its end may have arrived and not be read yet. So callers are told
 * when all that had arrived was read. A peer that ends the connection after
 * that is not known here; the `NodeDown` tells of it.
 */

import type { Host } from "../../core/host/ports.ts";

/** The result of `connect`. */
export type ConnectOutcome =
  | { readonly isUp: true }
  | { readonly isUp: false; readonly why: string };

export class ConnectWaiters {
  /** Each is called once, and removed before. */
  readonly #waiting: ((outcome: ConnectOutcome) => void)[] = [];

  /** How many callers wait. */
  get count(): number {
    return this.#waiting.length;
  }

  wait(): Promise<ConnectOutcome> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Tells all callers that wait now. */
  tellAll(outcome: ConnectOutcome): void {
    for (const tell of this.#waiting.splice(0)) tell(outcome);
  }
}

/**
 * The peer is up. Its callers are told so when all that had arrived was read,
 * unless the end of the connection was among it.
 */
export function confirmUp(
  peer: {
    readonly connection: object | null;
    readonly connectWaiters: ConnectWaiters;
  },
  host: Pick<Host, "setTimer" | "macrotask">,
): void {
  const { connection, connectWaiters } = peer;
  if (connectWaiters.count === 0) return;
  afterArrivals(host, () => {
    if (peer.connection === connection) connectWaiters.tellAll({ isUp: true });
  });
}

/**
 * Calls back when all bytes and ends that had arrived at sockets were read. A
 * timer lets the event loop come to rest, since some runtimes read sockets only
 * then. Late timers run before sockets are read, and macrotasks after that.
 */
function afterArrivals(
  host: Pick<Host, "setTimer" | "macrotask">,
  callback: () => void,
): void {
  host.setTimer(() => {
    host.macrotask(() => host.macrotask(callback));
  }, 1);
}
