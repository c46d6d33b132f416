/** The stop of a server by another actor, as OTP's `gen:stop` does it. */

import { waitRules } from "../internal/options.ts";
import {
  CallError,
  type CallTarget,
  type Down,
  type ExitReason,
  mustBeReason,
  OptionTable,
  Pid,
  reasons,
  sys,
  termEquals,
  UsageError,
} from "../../runtime/mod.ts";
import { resolveTarget } from "../internal/targets.ts";
import { type AnySelf, receiveRef } from "../internal/wait.ts";
import { StopError } from "../proc_lib/mod.ts";

/** Limits of the wait until the server has ended. */
export type StopOptions = {
  /** Default Infinity. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

const stopOptions = new OptionTable<StopOptions>("stop", waitRules);

/** See `stop` of `std/gen_server/mod.ts`. */
export async function stopBySystem(
  self: AnySelf,
  target: CallTarget,
  asked: ExitReason = reasons.normal,
  options: StopOptions = {},
): Promise<void> {
  mustBeReason(asked);
  stopOptions.check(options);
  const found = resolveTarget(self, target);
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
    // The reply does not matter, because the end of the server is awaited.
    const asking = sys.terminate(self, found, asked, {
      ...options,
      timeoutMs: options.timeoutMs ?? Infinity,
    }).then(
      () => null,
      (error: unknown) => error instanceof CallError ? null : { error },
    );
    down = await receiveRef(self, ref, options) as Down | undefined;
    // An abort rejects both promises while only one is awaited, so this one
    // resolves with its error.
    const failure = await asking;
    if (failure !== null) throw failure.error;
  } finally {
    if (self.isAlive) self.demonitor(ref, { flush: true });
  }
  const reason = down === undefined ? "timeout" : down.reason;
  if (!termEquals(reason, asked)) throw new StopError(shown, asked, reason);
}
