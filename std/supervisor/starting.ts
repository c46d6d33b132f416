/** Starting a child, whatever its start returns, resolves with or throws. */

import {
  CallError,
  ExitError,
  type ExitReason,
  Pid,
  printTerm,
  SpawnError,
  UsageError,
} from "../../runtime/mod.ts";
import { atom } from "../../runtime/mod.ts";
import { StartError } from "../proc_lib/mod.ts";
import { Failed } from "./types.ts";
import type { AnySelf } from "../internal/wait.ts";
import type { ChildStart } from "../internal/child_spec.ts";

/** The child's pid, null for `ignore`, or why there is none. */
export type Outcome = Pid | null | Failed;

/**
 * Starts a child. Where the start waits for nothing, neither does this.
 *
 * Throws when the supervisor has been ended meanwhile.
 */
export function launch<X extends readonly unknown[]>(
  self: AnySelf,
  start: (self: AnySelf, ...extra: X) => ChildStart | Promise<ChildStart>,
  ...extra: X
): Outcome | Promise<Outcome> {
  try {
    const started = start(self, ...extra);
    return started instanceof Promise
      ? started.then(outcomeOf, (error: unknown) => failureOf(self, error))
      : outcomeOf(started);
  } catch (error) {
    return failureOf(self, error);
  }
}

function outcomeOf(started: ChildStart): Outcome {
  const pid: unknown = started instanceof Pid || started === null
    ? started
    : (started as { readonly pid?: unknown } | undefined)?.pid;
  if (pid === null || pid instanceof Pid) return pid as Pid | null;
  return new Failed(
    new UsageError(
      "expected the start of a child to resolve with its pid, something that " +
        `has a pid, or null, got ${printTerm(started)}`,
    ),
  );
}

function failureOf(self: AnySelf, error: unknown): Failed {
  // The supervisor itself was ended, so that nobody is there to restart.
  if (!self.isAlive) throw error;
  return new Failed(reasonOf(error));
}

function reasonOf(error: unknown): ExitReason {
  if (error instanceof StartError || error instanceof ExitError) {
    return error.reason;
  }
  if (error instanceof CallError) return error.exitReason;
  return error instanceof SpawnError ? atom(error.reason) : error;
}
