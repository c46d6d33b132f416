/** The start of a child, and the result of a start that has failed. */

import {
  atom,
  CallError,
  ExitError,
  type ExitReason,
  Pid,
  printTerm,
  readableReason,
  SpawnError,
  UsageError,
} from "../../runtime/mod.ts";
import { StartError } from "../proc_lib/mod.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ChildStart } from "../internal/child_spec.ts";

/** A child could not be started. A value, and not an error that is thrown. */
export class StartFailure {
  readonly reason: ExitReason;
  constructor(reason: ExitReason) {
    this.reason = reason;
  }
}

/** The child's pid, null for `ignore`, or the failure. */
export type StartResult = Pid | null | StartFailure;

/**
 * Calls a child's start. Returns a promise only if the start does.
 *
 * Throws when the supervisor was ended meanwhile.
 */
export function callStart<X extends readonly unknown[]>(
  self: AnySelf,
  start: (self: AnySelf, ...extra: X) => ChildStart | Promise<ChildStart>,
  ...extra: X
): StartResult | Promise<StartResult> {
  try {
    const started = start(self, ...extra);
    return started instanceof Promise
      ? started.then(resultOf, (error: unknown) => failureOf(self, error))
      : resultOf(started);
  } catch (error) {
    return failureOf(self, error);
  }
}

function resultOf(started: ChildStart): StartResult {
  const pid: unknown = started instanceof Pid || started === null
    ? started
    : (started as { readonly pid?: unknown } | undefined)?.pid;
  if (pid === null || pid instanceof Pid) return pid as Pid | null;
  return new StartFailure(
    new UsageError(
      "expected the start of a child to resolve with its pid, something that " +
        `has a pid, or null, got ${printTerm(started)}`,
    ),
  );
}

function failureOf(self: AnySelf, error: unknown): StartFailure {
  // The supervisor itself was ended, so it restarts no child.
  if (!self.isAlive) throw error;
  return new StartFailure(reasonOf(readableReason(error)));
}

function reasonOf(error: unknown): ExitReason {
  if (error instanceof StartError || error instanceof ExitError) {
    return error.reason;
  }
  if (error instanceof CallError) return error.exitReason;
  return error instanceof SpawnError ? atom(error.reason) : error;
}
