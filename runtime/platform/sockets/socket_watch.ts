/**
 * Keeps the event loop awake for a moment after bytes have arrived from a
 * socket, if that pays. The next bytes of a conversation arrive within some ten
 * microseconds, and to sleep and be woken costs more than the rest of a
 * message. The BEAM's schedulers do the same before they sleep (`+sbwt`).
 *
 * `WatchPolicy` decides by earlier results. Actors, timers and other sockets
 * have their turns meanwhile. So when no bytes arrive, only the time of a core
 * is lost, at most `WATCH_MS`.
 */

import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers";
import { runtimeName } from "../host/runtime.ts";
import { WATCH_MS, WatchPolicy } from "../host/watch_policy.ts";

/**
 * On Node.js each turn of the event loop polls all sockets and costs a
 * microsecond or two. Deno polls them only when it has nothing else to do, and
 * Bun wakes quickly enough; one core turns watching off.
 */
const CORES = runtimeName === "node" ? availableParallelism() : 1;

export class SocketWatch {
  readonly #policy = new WatchPolicy(CORES);
  /** When to stop watching; 0 stops at the next turn. */
  #until = 0;
  /** Whether a turn that calls `#look` is scheduled. */
  #isWatching = false;
  readonly #turn: () => void = () => this.#look();

  /** Bytes have arrived. */
  bytesArrived(): void {
    if (this.#isWatching) this.#policy.hit();
    else if (!this.#policy.mayWatch()) return;
    this.#until = performance.now() + WATCH_MS;
    if (this.#isWatching) return;
    this.#isWatching = true;
    setImmediate(this.#turn);
  }

  /** Stops watching: the socket is closed. */
  stop(): void {
    this.#until = 0;
  }

  #look(): void {
    if (performance.now() < this.#until) {
      setImmediate(this.#turn);
      return;
    }
    this.#isWatching = false;
    this.#policy.miss();
  }
}
