/**
 * How much of the timed part the garbage collector held the thread up for, as
 * `PerformanceObserver` tells it. What the collector does on threads of its own
 * is not in it. Node.js tells; Deno takes the request and stays silent, and Bun
 * knows of none: they have no such figure.
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
  #tells = false;

  /** Collects garbage, to see whether the runtime tells of it. */
  async begin(): Promise<void> {
    if (!PerformanceObserver.supportedEntryTypes.includes("gc")) return;
    this.#observer.observe({ entryTypes: ["gc"] });
    collectGarbage();
    await delivery();
    this.#tells = this.#entries.length > 0;
  }

  /** The share in percent of a part that began then and took so long. */
  async end(
    startedAt: number,
    elapsedMs: number,
  ): Promise<{ readonly gcShare?: number }> {
    await delivery();
    this.#observer.disconnect();
    if (!this.#tells) return {};
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
