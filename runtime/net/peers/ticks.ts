/**
 * Keeps idle connections alive and finds silent peers.
 *
 * Between Hornbeam nodes a peer that is silent for `suspectAfterMs` is suspect
 * and after `downAfterMs` it is down. With a BEAM node Erlang's rule holds:
 * each end writes something in every quarter of the tick time, and a peer that
 * is silent for all of it, and up to a quarter more, is down. What this node's
 * own event loop missed does not count: after a long turn the peers get the
 * same time again, because their bytes may be waiting unread.
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
  /** One that was suspect has spoken. */
  readonly trust: (peer: Peer) => void;
  readonly down: (peer: Peer, silentMs: number) => void;
};

export class Ticks {
  readonly #options: TicksOptions;
  readonly #intervalMs: number;
  #timer: TimerHandle | null = null;
  #lastRunAt: number;
  #isStopped = false;

  constructor(options: TicksOptions) {
    this.#options = options;
    // Two chances for a tick to arrive before suspicion, four before the end,
    // and a look at BEAM nodes twice in the time in which they expect a tick.
    this.#intervalMs = Math.max(
      50,
      Math.min(
        options.suspectAfterMs / 2,
        options.downAfterMs / 4,
        options.netTicktimeMs / 8,
      ),
    );
    this.#lastRunAt = options.host.now();
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) this.#options.host.clearTimer(this.#timer);
    this.#timer = null;
  }

  #arm(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.host.setTimer(
      () => this.#run(),
      this.#intervalMs,
    );
  }

  #run(): void {
    const now = this.#options.host.now();
    const missedMs = Math.max(0, now - this.#lastRunAt - this.#intervalMs);
    this.#lastRunAt = now;
    // A timer a little late is normal; half an interval late is a long turn.
    const credit = missedMs > this.#intervalMs / 2 ? missedMs : 0;
    for (const peer of [...this.#options.peers()]) {
      this.#look(peer, now, credit);
    }
    this.#arm();
  }

  #look(peer: Peer, now: number, creditMs: number): void {
    const connection = peer.connection;
    if (connection === null) return;
    connection.lastReadAt = Math.min(now, connection.lastReadAt + creditMs);
    const { downAfterMs, suspectAfterMs, netTicktimeMs } = this.#options;
    // By the next look it would be too late, or nearly so: timers are never
    // exactly on time.
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
