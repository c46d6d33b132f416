/**
 * The log of a thread, on LogTape.
 *
 * If the program has configured LogTape, LogTape gets every record, in the
 * category `["hornbeam", <part>]`, or with more parts where the field `domain`
 * names them. If it has not, records are written to the standard error stream,
 * one line each. This module never configures LogTape: that can be done only
 * once, and the program decides whether and when.
 */

import { option, OptionTable } from "../../core/messages/options.ts";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { compareLogLevel, getConfig, getLogger } from "@logtape/logtape";
import type { LogLevel, LogRecord } from "../../core/host/ports.ts";
import { errorOutput } from "./error_output.ts";

/** Settings of a log, for the lines that are written without LogTape. */
export type LogOptions = {
  /** Least severe level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Takes one line with its line break. Default: standard error. */
  readonly write?: (line: string) => void;
  /** Whether to colour the level. Default: on a terminal without NO_COLOR. */
  readonly color?: boolean;
};

const logOptions = new OptionTable<LogOptions>("createLog", {
  level: option.oneOf("debug", "info", "warning", "error"),
  write: option.callback,
  color: option.flag,
});

const colors: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warning: "\x1b[33m",
  error: "\x1b[31m",
};

const MAX_VALUE_LENGTH = 2_000;

/** The function that a host's `log` and `logs` call. */
export type Log = {
  (record: LogRecord): void;
  /** Whether records of this level are written, or given to LogTape. */
  readonly logs?: (level: LogLevel) => boolean;
  /** Number of records that were taken and lost later. Absent: none are. */
  readonly lost?: () => number;
};

/**
 * Makes the log of a host. Where the program has configured LogTape, records go
 * there, in the category `["hornbeam", category, ...domain]`; otherwise they
 * are lines on standard error.
 */
export function createLog(options: LogOptions = {}): Log {
  logOptions.check(options);
  const least = options.level ?? "info";
  const { write } = options;
  const writeLine = write ?? ((line) => errorOutput().write(line));
  const color = options.color ?? isColorful();
  // Looked up for each frequent event, so it is computed once.
  const written: Readonly<Record<LogLevel, boolean>> = {
    debug: compareLogLevel("debug", least) >= 0,
    info: compareLogLevel("info", least) >= 0,
    warning: compareLogLevel("warning", least) >= 0,
    error: compareLogLevel("error", least) >= 0,
  };
  const log = (record: LogRecord) => {
    if (getConfig() !== null) {
      emit(record);
    } else if (written[record.level]) {
      writeLine(`${formatLogRecord(record, new Date(), color)}\n`);
    }
  };
  const logs = (level: LogLevel) => written[level] || getConfig() !== null;
  if (write !== undefined) return Object.assign(log, { logs });
  return Object.assign(log, { logs, lost: () => errorOutput().dropped });
}

/**
 * One line, without its line break:
 * `12:34:56.789 warning a@127.0.0.1 [net] message key=value`.
 */
export function formatLogRecord(
  record: LogRecord,
  at: Date,
  color: boolean,
): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:` +
    `${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  const level = color
    ? `${colors[record.level]}${record.level}\x1b[0m`
    : record.level;
  const node = record.node === "" ? "-" : oneLine(record.node);
  let line = `${time} ${level} ${node} [${record.category}] ` +
    oneLine(record.message);
  for (const [key, value] of Object.entries(record.fields ?? {})) {
    if (value !== undefined) line += ` ${key}=${formatValue(value)}`;
  }
  return line;
}

function isColorful(): boolean {
  if (process.stderr.isTTY !== true) return false;
  try {
    return (process.env["NO_COLOR"] ?? "") === "";
  } catch {
    // Deno may forbid reading the environment. Colour is the default then.
    return true;
  }
}

/** Severities of OTP that are all `fatal` in LogTape. */
const fatal: ReadonlySet<unknown> = new Set(["critical", "alert", "emergency"]);

function emit(record: LogRecord): void {
  const { level: severity, domain } = record.fields ?? {};
  const domains = Array.isArray(domain) ? domain.map(String) : [];
  getLogger(["hornbeam", record.category, ...domains]).emit({
    level: fatal.has(severity) ? "fatal" : record.level,
    message: [record.message],
    rawMessage: record.message,
    timestamp: Date.now(),
    properties: { node: record.node, ...record.fields },
  });
}

/**
 * Values may come from peers, so a value must not be able to look like another
 * line.
 */
function oneLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /\p{Cc}/gu,
    (control) => control === "\n" ? "\\n" : " ",
  );
}

function formatValue(value: unknown): string {
  const text = valueText(value);
  return text.length > MAX_VALUE_LENGTH
    ? `${text.slice(0, MAX_VALUE_LENGTH)}...`
    : text;
}

function valueText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return /^[^\s"=]+$/.test(value) ? oneLine(value) : quoted(value);
    case "object":
    case "function":
      break;
    default:
      return oneLine(String(value));
  }
  try {
    if (value instanceof Error) {
      return quoted(`${value.name}: ${value.message}`);
    }
    const json: string | undefined = JSON.stringify(
      value,
      (_key, inner) => typeof inner === "bigint" ? String(inner) : inner,
    );
    return oneLine(json ?? String(value));
  } catch {
    return "(unprintable)";
  }
}

function quoted(text: string): string {
  return `"${oneLine(text).replaceAll('"', '\\"')}"`;
}
