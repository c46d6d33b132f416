/** Log events and the filters that look at them. */

import type { LogRecord } from "../../runtime/mod.ts";
import { compareLevels, isSeverity, levelOf, type Severity } from "./levels.ts";

/** A log record as filters and handlers see it. */
export type LogEvent = {
  readonly severity: Severity;
  readonly message: string;
  readonly node: string;
  /**
   * Which part speaks, from the general to the special: `["actor", "shop"]`.
   */
  readonly domain: readonly string[];
  /** `crash`, `server`, `supervisor`, `progress`, …; null: no report. */
  readonly report: string | null;
  /** Everything else that is known: `pid`, `name`, `reason`, `stack`, … */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Unix time in ms. */
  readonly timeMs: number;
};

/**
 * `stop` drops the event, `ignore` has no opinion, and an event is let through
 * in place of the one that was given.
 */
export type LogFilter = (event: LogEvent) => LogEvent | "stop" | "ignore";

/** What the runtime has logged, as an event. */
export function eventOf(record: LogRecord, timeMs: number): LogEvent {
  const { level, category, node, message, fields = {} } = record;
  const { level: severity, domain, report, ...metadata } = fields;
  const inner = Array.isArray(domain) ? domain as readonly unknown[] : [];
  return {
    severity: isSeverity(severity) ? severity : level,
    message,
    node,
    domain: [category, ...inner.filter((part) => typeof part === "string")],
    report: typeof report === "string" ? report : null,
    metadata,
    timeMs,
  };
}

/** The record that the event would have been, for what writes records. */
export function recordOf(event: LogEvent): LogRecord {
  const { severity, message, node, domain, report, metadata } = event;
  const [category = "app", ...inner] = domain;
  const level = levelOf(severity);
  return {
    level,
    category,
    node,
    message,
    fields: {
      ...(severity === level ? {} : { level: severity }),
      ...(inner.length === 0 ? {} : { domain: inner }),
      ...(report === null ? {} : { report }),
      ...metadata,
    },
  };
}

/** What a filter does with the events that it is about. */
export type FilterAction = "log" | "stop";

function acting(
  action: FilterAction,
  isMeant: (event: LogEvent) => boolean,
): LogFilter {
  return (event) =>
    isMeant(event) ? action === "log" ? event : "stop" : "ignore";
}

/** How a domain is compared: which of the event's are meant. */
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

function meansLevel(
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

/** The filters that OTP's `logger_filters` has, and one for reports. */
export const filters: {
  /** Of a severity that compares so with `level`; `above` is more severe. */
  readonly level: (
    action: FilterAction,
    comparison: Parameters<typeof meansLevel>[1],
    level: Severity,
  ) => LogFilter;
  /**
   * Of the domain, of one inside of it (`sub`), or of one around it (`super`).
   */
  readonly domain: (
    action: FilterAction,
    comparison: DomainComparison,
    domain: readonly string[],
  ) => LogFilter;
  /** Reports of that kind. */
  readonly report: (action: FilterAction, kind: string) => LogFilter;
  /** Reports that a child was started. */
  readonly progress: (action: FilterAction) => LogFilter;
  /** What processes of BEAM nodes log whose group leader is on this node. */
  readonly remote: (action: FilterAction) => LogFilter;
} = {
  level: (action, comparison, level) =>
    acting(action, (event) => meansLevel(event, comparison, level)),
  domain: (action, comparison, domain) =>
    acting(action, (event) => matchesDomain(event, comparison, domain)),
  report: (action, kind) => acting(action, ({ report }) => report === kind),
  progress: (action) => acting(action, ({ report }) => report === "progress"),
  remote: (action) =>
    acting(action, ({ metadata }) => metadata["from"] !== undefined),
};
