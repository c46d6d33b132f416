/**
 * The share of the timed part in which the garbage collector stopped the
 * thread, from `PerformanceObserver`. The collector's work on threads of its
 * own is not included. Only Node.js has this figure: Deno accepts the observer
 * but reports nothing, and Bun has no such entries.
 */

import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { collectGarbage } from "./memory.ts";

/** Entries come with a delay of a few turns of the event loop. */
const DELIVERY_MS = 20;

export class GcShare {
  readonly #entries: PerformanceEntry[] = [];
  readonly #observer = new PerformanceObserver((list) =>
    this.#entries.push(...list.getEntries())
  );
  /** Whether the runtime reports collections. */
  #isSupported = false;

  /** Collects garbage, to see whether the runtime reports it. */
  async begin(): Promise<void> {
    if (!PerformanceObserver.supportedEntryTypes.includes("gc")) return;
    this.#observer.observe({ entryTypes: ["gc"] });
    collectGarbage();
    await delivery();
    this.#isSupported = this.#entries.length > 0;
  }

  /** The share in percent, for the part with this start and duration. */
  async end(
    startedAt: number,
    elapsedMs: number,
  ): Promise<{ readonly gcShare?: number }> {
    await delivery();
    this.#observer.disconnect();
    if (!this.#isSupported) return {};
    const pausesMs = this.#entries
      .filter(({ startTime }) =>
        startTime >= startedAt && startTime < startedAt + elapsedMs
      )
      .reduce((sum, { duration }) => sum + duration, 0);
    return { gcShare: 100 * pausesMs / elapsedMs };
  }
}

function delivery(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DELIVERY_MS));
}
