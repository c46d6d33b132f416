/**
 * Messages over a message port, as a program without Hornbeam would send them
 * between threads: `postMessage` for each, or for all of a turn together. What
 * the rows between threads compare with as `raw` and `raw-batched`.
 */

import { setImmediate } from "node:timers";
import type { MessagePort } from "node:worker_threads";
import type { RawLink } from "../pair/raw_shapes.ts";

/** Messages before the event loop runs, and at most in one post. */
const BATCH = 100;

export class PortLink implements RawLink {
  readonly #port: MessagePort;
  readonly #isBatched: boolean;
  onMessage: (payload: Uint8Array) => void = () => {};
  #batch: Uint8Array[] = [];
  #sinceRest = 0;

  constructor(port: MessagePort, isBatched: boolean) {
    this.#port = port;
    this.#isBatched = isBatched;
    // On Deno `on("message")` is a hundred times slower with bytes.
    port.addEventListener("message", (event) => {
      const data = event.data as Uint8Array | Uint8Array[];
      if (!Array.isArray(data)) return this.onMessage(data);
      for (const payload of data) this.onMessage(payload);
    });
    port.start();
  }

  send(payload: Uint8Array): boolean {
    if (this.#isBatched) this.#add(payload);
    else this.#port.postMessage(payload);
    return ++this.#sinceRest < BATCH;
  }

  /** Waits for a turn of the event loop, since a port does not report room. */
  async ready(): Promise<void> {
    this.#sinceRest = 0;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #add(payload: Uint8Array): void {
    if (this.#batch.push(payload) === 1) queueMicrotask(() => this.#post());
    if (this.#batch.length === BATCH) this.#post();
  }

  #post(): void {
    if (this.#batch.length === 0) return;
    this.#port.postMessage(this.#batch);
    this.#batch = [];
  }
}
