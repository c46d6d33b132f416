/**
 * Sends ticks over idle connections, and finds peers that are silent.
 *
 * A Hornbeam node that is silent for `suspectAfterMs` is suspect, and after
 * `downAfterMs` it is down. For a BEAM node Erlang's rule holds: each node
 * writes something in every quarter of the tick time, and a peer that is silent
 * for the whole tick time, or up to a quarter longer, is down. Time in which
 * this node's event loop was blocked does not count: after a long turn, peers
 * get the same time again, because their bytes may wait unread.
 */

import type { Host, TimerHandle } from "../../core/host/ports.ts";
import type { Peer } from "./peer.ts";

export type TicksOptions = {
  readonly host: Host;
  /** Silence after which a peer is suspect, in ms. */
  readonly suspectAfterMs: number;
  /** Silence after which a peer is down, in ms; at least 1,000. */
  readonly downAfterMs: number;
  /** The tick time of BEAM nodes, in ms; at least 1,000. */
  readonly netTicktimeMs: number;
  readonly peers: () => Iterable<Peer>;
  readonly suspect: (peer: Peer, silentMs: number) => void;
  /** A suspect peer has sent bytes again. */
  readonly trust: (peer: Peer) => void;
  readonly down: (peer: Peer, silentMs: number) => void;
};

export class Ticks {
  readonly #options: TicksOptions;
  /** Time between two checks. */
  readonly #intervalMs: number;
  /** Timer of the next check; null exactly once stopped. */
  #timer: TimerHandle | null = null;
  /** When the last check ran, in ms of the host's clock. */
  #lastRunAt: number;
  #isStopped = false;

  constructor(options: TicksOptions) {
    this.#options = options;
    // Two ticks can arrive before a peer is suspect, four before it is down,
    // and BEAM nodes are checked twice in the time in which they expect a tick.
    this.#intervalMs = Math.max(
      50,
      Math.min(
        options.suspectAfterMs / 2,
        options.downAfterMs / 4,
        options.netTicktimeMs / 8,
      ),
    );
    this.#lastRunAt = options.host.now();
    this.#startTimer();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) this.#options.host.clearTimer(this.#timer);
    this.#timer = null;
  }

  #startTimer(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.host.setTimer(
      () => this.#checkAll(),
      this.#intervalMs,
    );
  }

  #checkAll(): void {
    const now = this.#options.host.now();
    const missedMs = Math.max(0, now - this.#lastRunAt - this.#intervalMs);
    this.#lastRunAt = now;
    // Timers are always a little late. Half an interval late is a long turn.
    const credit = missedMs > this.#intervalMs / 2 ? missedMs : 0;
    for (const peer of [...this.#options.peers()]) {
      this.#check(peer, now, credit);
    }
    this.#startTimer();
  }

  #check(peer: Peer, now: number, creditMs: number): void {
    const connection = peer.connection;
    if (connection === null) return;
    connection.lastReadAt = Math.min(now, connection.lastReadAt + creditMs);
    const { downAfterMs, suspectAfterMs, netTicktimeMs } = this.#options;
    // A tick at the next check would be too late, or nearly: timers are late.
    const idleMs = peer.isBeam
      ? netTicktimeMs / 4 - this.#intervalMs
      : this.#intervalMs / 2;
    if (now - connection.lastWrittenAt >= idleMs) connection.tick();
    const silentMs = now - connection.lastReadAt;
    if (silentMs >= (peer.isBeam ? netTicktimeMs : downAfterMs)) {
      this.#options.down(peer, silentMs);
    } else if (!peer.isBeam && silentMs >= suspectAfterMs) {
      if (!peer.isSuspect) {
        peer.isSuspect = true;
        this.#options.suspect(peer, silentMs);
      }
    } else if (peer.isSuspect) {
      peer.isSuspect = false;
      this.#options.trust(peer);
    }
  }
}
