/** The memory that this process uses. */

import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Memory in use after garbage collection. */
export type Memory = {
  readonly heapBytes: number;
  /** Resident memory, as the operating system counts it, with free heap. */
  readonly residentBytes: number;
};

/** More than one, since finalizers make more garbage. */
const COLLECTIONS = 3;
const FINALIZERS_MS = 50;

let exposed: (() => void) | undefined;

/** Collects all garbage now. */
export function collectGarbage(): void {
  const { Bun } = globalThis as {
    readonly Bun?: { gc(isSynchronous: boolean): void };
  };
  if (Bun !== undefined) {
    Bun.gc(true);
    return;
  }
  if (exposed === undefined) {
    // Set at run time, so that a row can be started by hand without flags.
    setFlagsFromString("--expose-gc");
    exposed = runInNewContext("gc") as () => void;
  }
  exposed();
}

export async function memoryInUse(): Promise<Memory> {
  for (let i = 0; i < COLLECTIONS; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, FINALIZERS_MS));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, residentBytes: rss };
}
