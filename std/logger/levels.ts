/** The eight severities of OTP's `logger` and Elixir's `Logger`. */

import { option } from "../../runtime/mod.ts";
import type { LogLevel, OptionRule } from "../../runtime/mod.ts";

/** All severities, most severe first. */
export const severities = [
  "emergency",
  "alert",
  "critical",
  "error",
  "warning",
  "notice",
  "info",
  "debug",
] as const;

export type Severity = (typeof severities)[number];

/** Which severities pass: this one and more severe ones, all, or none. */
export type Threshold = Severity | "all" | "none";

/** What an option that is a threshold takes. */
export const thresholdRule: OptionRule = option.oneOf(
  ...severities,
  "all",
  "none",
);

function rank(level: Threshold): number {
  if (level === "none") return -1;
  return level === "all" ? severities.length : severities.indexOf(level);
}

/** Positive when `a` is more severe than `b`, 0 when they are equal. */
export function compareLevels(a: Threshold, b: Threshold): number {
  return Math.sign(rank(b) - rank(a));
}

/** Whether a value is one of the eight severities. */
export function isSeverity(value: unknown): value is Severity {
  return (severities as readonly unknown[]).includes(value);
}

/** Whether an event of that severity passes the threshold. */
export function passes(severity: Severity, threshold: Threshold): boolean {
  return compareLevels(severity, threshold) >= 0;
}

/** The runtime's log level for a severity; records have one of its four. */
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
