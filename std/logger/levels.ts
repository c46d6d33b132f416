/** The eight severities of OTP's `logger` and Elixir's `Logger`. */

import type { LogLevel } from "../../runtime/mod.ts";

/** Most severe first. */
const SEVERITIES = [
  "emergency",
  "alert",
  "critical",
  "error",
  "warning",
  "notice",
  "info",
  "debug",
] as const;

export type Severity = (typeof SEVERITIES)[number];

/** Which severities pass: this one and worse ones, every one, or none. */
export type Threshold = Severity | "all" | "none";

/** All, most severe first. */
export const severities: readonly Severity[] = SEVERITIES;

function rank(level: Threshold): number {
  if (level === "none") return -1;
  return level === "all" ? SEVERITIES.length : SEVERITIES.indexOf(level);
}

/** Positive when `a` is more severe than `b`, 0 when they are equal. */
export function compareLevels(a: Threshold, b: Threshold): number {
  return Math.sign(rank(b) - rank(a));
}

/** Whether it is one of the eight. */
export function isSeverity(value: unknown): value is Severity {
  return (SEVERITIES as readonly unknown[]).includes(value);
}

/** Whether something of that severity is to be let through. */
export function passes(severity: Severity, threshold: Threshold): boolean {
  return compareLevels(severity, threshold) >= 0;
}

/** The runtime's own four levels, of which a record has one. */
export function levelOf(severity: Severity): LogLevel {
  switch (severity) {
    case "emergency":
    case "alert":
    case "critical":
    case "error":
      return "error";
    case "notice":
    case "info":
      return "info";
    case "warning":
    case "debug":
      return severity;
    default:
      return severity satisfies never;
  }
}
