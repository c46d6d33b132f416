/** How much memory this process holds on to. */

import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What is in use once the garbage is gone. */
export type Memory = {
  readonly heapBytes: number;
  /** Resident: the operating system's view, with what the heap keeps free. */
  readonly residentBytes: number;
};

/** Some garbage is only found by a collection after finalizers have run. */
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
    // At run time, so that a row can be started by hand without any flag.
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
