/** The reports of supervisors in the node's log. */

import { stackField } from "../internal/reasons.ts";
import {
  type ExitReason,
  type Pid,
  printTerm,
  type Self,
} from "../../runtime/mod.ts";
import type { Restart } from "../internal/child_spec.ts";

/** The types of reports of a child that are errors. */
export type ReportType =
  | "child_terminated"
  | "start_error"
  | "shutdown_error"
  | "shutdown";

/** As much of a child as a report shows. */
export type ReportedChild = {
  readonly id: unknown;
  readonly pid: Pid | null;
  readonly restart: Restart;
};

const phrases: Readonly<Record<ReportType, string>> = {
  child_terminated: "has ended",
  start_error: "could not be started",
  shutdown_error: "did not end as it should",
  shutdown: "was restarted too often",
};

/** Reports an error of a child. */
export function reportError(
  self: Self<unknown>,
  type: ReportType,
  reason: ExitReason,
  child: ReportedChild,
): void {
  const shown = printTerm(reason);
  self.log(
    "error",
    `child ${printTerm(child.id)} of ${nameForLog(self)} ${
      phrases[type]
    }: ${shown}`,
    {
      report: type,
      ...fieldsOf(self, child),
      reason: shown,
      ...stackField(reason),
    },
  );
}

/** Reports that a child has started. */
export function reportProgress(
  self: Self<unknown>,
  child: ReportedChild,
): void {
  self.log(
    "debug",
    `child ${printTerm(child.id)} of ${nameForLog(self)} runs`,
    {
      report: "progress",
      ...fieldsOf(self, child),
    },
  );
}

function fieldsOf(
  self: Self<unknown>,
  child: ReportedChild,
): Readonly<Record<string, unknown>> {
  return {
    supervisor: nameForLog(self),
    id: printTerm(child.id),
    child: child.pid === null ? null : printedPid(self, child.pid),
    restart: child.restart,
  };
}

/**
 * The pid as it was printed while the actor was alive, so that all lines of a
 * log show the same.
 */
function printedPid(self: Self<unknown>, pid: Pid): string {
  return pid.node === self.node
    ? `#PID<0.${pid.id}.${pid.serial}>`
    : String(pid);
}

function nameForLog(self: Self<unknown>): string {
  return self.name ?? String(self.pid);
}
