/** Ending a server from outside, as OTP's `gen:stop` does. */

import {
  CallError,
  type CallTarget,
  type Down,
  type ExitReason,
  Pid,
  reasons,
  sys,
  termEquals,
  UsageError,
} from "../../runtime/mod.ts";
import { resolved } from "../internal/targets.ts";
import { type AnySelf, receiveRef } from "../internal/wait.ts";
import { StopError } from "../proc_lib/mod.ts";

/** Limits of the wait for the end. */
export type StopOptions = {
  /** Default Infinity. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

/** See `stop` of `std/gen_server/mod.ts`. */
export async function stopBySystem(
  self: AnySelf,
  target: CallTarget,
  asked: ExitReason = reasons.normal,
  options: StopOptions = {},
): Promise<void> {
  const found = resolved(self, target);
  const shown = target instanceof Pid || typeof target === "string"
    ? target
    : String(target.name);
  if (found === null) throw new StopError(shown, asked, reasons.noproc);
  if (found === self.pid) {
    throw new UsageError(
      "expected another actor to stop, got the caller; use server.stop()",
    );
  }
  const ref = self.monitor(found as Pid);
  let down: Down | undefined;
  try {
    // What it answers does not matter, since its end is awaited.
    const asking = sys.terminate(self, found, asked, {
      ...options,
      timeoutMs: options.timeoutMs ?? Infinity,
    }).then(
      () => null,
      (error: unknown) => error instanceof CallError ? null : { error },
    );
    down = await receiveRef(self, ref, options) as Down | undefined;
    // A value so far, because an abort rejects both and only one is awaited.
    const failure = await asking;
    if (failure !== null) throw failure.error;
  } finally {
    if (self.isAlive) self.demonitor(ref, { flush: true });
  }
  const reason = down === undefined ? "timeout" : down.reason;
  if (!termEquals(reason, asked)) throw new StopError(shown, asked, reason);
}
