/**
 * Keeps the event loop awake for a moment after something has come from a
 * socket, if that pays: the next bytes of a conversation come within some ten
 * microseconds, and to sleep and be woken costs more than all the rest of a
 * message. BEAM's schedulers do the same before they sleep (`+sbwt`).
 *
 * `WatchPolicy` decides, from what it has brought. Actors, timers and other
 * sockets have their turns meanwhile, so only the core is lost when nothing
 * comes, for `WATCH_MS` at most.
 */

import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers";
import { runtimeName } from "../host/runtime.ts";
import { WATCH_MS, WatchPolicy } from "../host/watch_policy.ts";

/**
 * On Node.js a turn of the loop looks at all sockets and costs a microsecond or
 * two. Deno looks at them when nothing else is to be done only, and Bun is
 * awake quickly enough.
 */
const cores = runtimeName === "node" ? availableParallelism() : 1;

export class SocketWatch {
  readonly #policy = new WatchPolicy(cores);
  /** When to give up; meaningful while a turn is on its way. */
  #until = 0;
  #isWatching = false;
  readonly #turn: () => void = () => this.#look();

  /** Something has come. */
  came(): void {
    if (this.#isWatching) this.#policy.hit();
    else if (!this.#policy.mayWatch()) return;
    this.#until = performance.now() + WATCH_MS;
    if (this.#isWatching) return;
    this.#isWatching = true;
    setImmediate(this.#turn);
  }

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
