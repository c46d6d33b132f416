/** Log events, and the filters that decide about them. */

import type { LogRecord } from "../../runtime/mod.ts";
import { compareLevels, isSeverity, levelOf, type Severity } from "./levels.ts";

/** A log record as filters and handlers see it. */
export type LogEvent = {
  readonly severity: Severity;
  readonly message: string;
  readonly node: string;
  /**
   * The part of the program that logs, general parts first: `["actor",
   * "shop"]`.
   */
  readonly domain: readonly string[];
  /** `crash`, `server`, `supervisor`, `progress`, …; null without a report. */
  readonly report: string | null;
  /** All other fields of the record: `pid`, `name`, `reason`, `stack`, … */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Unix time in ms. */
  readonly timeMs: number;
};

/**
 * Decides about an event. `stop` drops it, `ignore` leaves the decision to the
 * other filters, and an event that is returned passes in place of the one
 * given.
 */
export type LogFilter = (event: LogEvent) => LogEvent | "stop" | "ignore";

/** Makes an event of a log record. */
export function eventOf(record: LogRecord, timeMs: number): LogEvent {
  const { level, category, node, message, fields = {} } = record;
  const { level: severity, domain, report, ...metadata } = fields;
  const parts = Array.isArray(domain) ? domain as readonly unknown[] : [];
  return {
    severity: isSeverity(severity) ? severity : level,
    message,
    node,
    domain: [category, ...parts.filter((part) => typeof part === "string")],
    report: typeof report === "string" ? report : null,
    metadata,
    timeMs,
  };
}

/** Makes a log record of an event, for handlers that write records. */
export function recordOf(event: LogEvent): LogRecord {
  const { severity, message, node, domain, report, metadata } = event;
  const [category = "app", ...parts] = domain;
  const level = levelOf(severity);
  return {
    level,
    category,
    node,
    message,
    fields: {
      ...(severity === level ? {} : { level: severity }),
      ...(parts.length === 0 ? {} : { domain: parts }),
      ...(report === null ? {} : { report }),
      ...metadata,
    },
  };
}

/** What a filter does with the events that match it. */
export type FilterAction = "log" | "stop";

function filterOf(
  action: FilterAction,
  matches: (event: LogEvent) => boolean,
): LogFilter {
  return (event) =>
    matches(event) ? action === "log" ? event : "stop" : "ignore";
}

/** How the domain of an event is compared with a given one. */
export type DomainComparison = "equal" | "notEqual" | "sub" | "super";

function isPrefix(short: readonly string[], long: readonly string[]): boolean {
  return short.every((part, i) => part === long[i]);
}

function matchesDomain(
  event: LogEvent,
  comparison: DomainComparison,
  domain: readonly string[],
): boolean {
  const isEqual = event.domain.length === domain.length &&
    isPrefix(domain, event.domain);
  switch (comparison) {
    case "equal":
      return isEqual;
    case "notEqual":
      return !isEqual;
    case "sub":
      return isPrefix(domain, event.domain);
    case "super":
      return isPrefix(event.domain, domain);
    default:
      return comparison satisfies never;
  }
}

function matchesLevel(
  event: LogEvent,
  comparison: "equal" | "notEqual" | "above" | "below" | "atLeast" | "atMost",
  level: Severity,
): boolean {
  const order = compareLevels(event.severity, level);
  switch (comparison) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "above":
      return order > 0;
    case "below":
      return order < 0;
    case "atLeast":
      return order >= 0;
    case "atMost":
      return order <= 0;
    default:
      return comparison satisfies never;
  }
}

/**
 * The filters of OTP's `logger_filters`, and a filter for reports.
 *
 * @example
 * ```ts
 * import { filters, type LogEvent } from "hornbeam/std/logger";
 *
 * const event: LogEvent = {
 *   severity: "error",
 *   message: "the card was refused",
 *   node: "a@host",
 *   domain: ["actor", "shop", "cart"],
 *   report: null,
 *   metadata: {},
 *   timeMs: 0,
 * };
 * const noShop = filters.domain("stop", "sub", ["actor", "shop"]);
 * console.log(noShop(event)); // prints: stop
 * const noDebug = filters.level("stop", "equal", "debug");
 * console.log(noDebug(event)); // prints: ignore
 * ```
 */
export const filters: {
  /** Events whose severity compares so with `level`; `above` is more severe. */
  readonly level: (
    action: FilterAction,
    comparison: Parameters<typeof matchesLevel>[1],
    level: Severity,
  ) => LogFilter;
  /**
   * Events of the domain, of a domain inside it (`sub`), or of a domain around
   * it (`super`).
   */
  readonly domain: (
    action: FilterAction,
    comparison: DomainComparison,
    domain: readonly string[],
  ) => LogFilter;
  /** Reports of one kind, such as `crash`. */
  readonly report: (action: FilterAction, kind: string) => LogFilter;
  /** Reports that a child was started. */
  readonly progress: (action: FilterAction) => LogFilter;
  /** Records of processes on BEAM nodes whose group leader is on this node. */
  readonly remote: (action: FilterAction) => LogFilter;
} = {
  level: (action, comparison, level) =>
    filterOf(action, (event) => matchesLevel(event, comparison, level)),
  domain: (action, comparison, domain) =>
    filterOf(action, (event) => matchesDomain(event, comparison, domain)),
  report: (action, kind) => filterOf(action, ({ report }) => report === kind),
  progress: (action) => filterOf(action, ({ report }) => report === "progress"),
  remote: (action) =>
    filterOf(action, ({ metadata }) => metadata["from"] !== undefined),
};
