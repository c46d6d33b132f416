/** What supervisors write to the node's log. */

import {
  type ExitReason,
  type Pid,
  printTerm,
  type Self,
} from "../../runtime/mod.ts";
import type { Restart } from "../internal/child_spec.ts";

/** What a report is about. */
export type ReportKind =
  | "child_terminated"
  | "start_error"
  | "shutdown_error"
  | "shutdown";

/** The child that a report is about. */
export type Reported = {
  readonly id: unknown;
  readonly pid: Pid | null;
  readonly restart: Restart;
};

const PHRASES: Readonly<Record<ReportKind, string>> = {
  child_terminated: "has ended",
  start_error: "could not be started",
  shutdown_error: "did not end as it should",
  shutdown: "was restarted too often",
};

/** Something went wrong with a child. */
export function report(
  self: Self<unknown>,
  kind: ReportKind,
  reason: ExitReason,
  child: Reported,
): void {
  const shown = printTerm(reason);
  self.log(
    "error",
    `child ${printTerm(child.id)} of ${nameOf(self)} ${
      PHRASES[kind]
    }: ${shown}`,
    {
      report: kind,
      ...fieldsOf(self, child),
      reason: shown,
      ...(reason instanceof Error ? { stack: reason.stack } : {}),
    },
  );
}

/** A child has started. */
export function reportProgress(self: Self<unknown>, child: Reported): void {
  self.log("debug", `child ${printTerm(child.id)} of ${nameOf(self)} runs`, {
    report: "progress",
    ...fieldsOf(self, child),
  });
}

function fieldsOf(
  self: Self<unknown>,
  child: Reported,
): Readonly<Record<string, unknown>> {
  return {
    supervisor: nameOf(self),
    id: printTerm(child.id),
    child: child.pid === null ? null : shownPid(self, child.pid),
    restart: child.restart,
  };
}

/** As it was printed while it lived, so that the lines of a log agree. */
function shownPid(self: Self<unknown>, pid: Pid): string {
  return pid.node === self.node
    ? `#PID<0.${pid.id}.${pid.serial}>`
    : String(pid);
}

function nameOf(self: Self<unknown>): string {
  return self.name ?? String(self.pid);
}
