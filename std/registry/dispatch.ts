/** Running functions side by side, each in an actor of its own. */

import { type Down, type Pid, reasons, type Ref } from "../../runtime/mod.ts";
import { type AnySelf, receiveRef } from "../internal/wait.ts";
import type { DispatchOptions } from "./types.ts";

/**
 * Resolves when all have ended. Rejects when some have crashed, with what the
 * first of them in the list threw, and when it is aborted, when what still runs
 * is killed.
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
    if (self.isAlive) { for (const run of runs) giveUp(self, run); }
    throw error;
  }
  const failed = downs.find(({ reason }) => reason !== reasons.normal);
  if (failed !== undefined) throw failed.reason;
}

function giveUp(
  self: AnySelf,
  { pid, ref }: { readonly pid: Pid<never>; readonly ref: Ref },
): void {
  self.sendExit(pid, reasons.kill);
  self.demonitor(ref, { flush: true });
}
