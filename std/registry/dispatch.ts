/** Runs functions at the same time, each in an actor of its own. */

import { type Down, type Pid, reasons, type Ref } from "../../runtime/mod.ts";
import { type AnySelf, receiveRef } from "../internal/wait.ts";
import type { DispatchOptions } from "./types.ts";

/**
 * Resolves when all functions have ended. When some have crashed, rejects with
 * the error of the first of these in the list. When aborted, kills the actors
 * that still run, and rejects.
 */
export async function runEach(
  self: AnySelf,
  bodies: readonly (() => void | Promise<void>)[],
  options: DispatchOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  const runs = bodies.map((body) =>
    self.spawnMonitor(body, { label: "dispatch" })
  );
  const downs: Down[] = [];
  try {
    for (const { ref } of runs) {
      downs.push(await receiveRef(self, ref, options) as Down);
    }
  } catch (error) {
    if (self.isAlive) { for (const run of runs) killRun(self, run); }
    throw error;
  }
  const failed = downs.find(({ reason }) => reason !== reasons.normal);
  if (failed !== undefined) throw failed.reason;
}

function killRun(
  self: AnySelf,
  { pid, ref }: { readonly pid: Pid<never>; readonly ref: Ref },
): void {
  self.sendExit(pid, reasons.kill);
  self.demonitor(ref, { flush: true });
}
