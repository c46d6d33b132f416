/**
 * The log of a thread, on LogTape.
 *
 * A program that has configured LogTape gets every record in the category
 * `["hornbeam", <part>]`, or with more parts where the field `domain` names
 * them, to filter and format as it likes. For a program that has not, records
 * are written to the standard error stream, one line each. LogTape is never
 * configured from here: it can be configured once only, and that is the
 * program's to do, whenever it wants.
 */

import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { compareLogLevel, getConfig, getLogger } from "@logtape/logtape";
import type { LogLevel, LogRecord } from "../../core/host/ports.ts";
import { errorOutput } from "./error_output.ts";

/** Settings of a log; they only concern the lines written without LogTape. */
export type LogOptions = {
  /** Least severe level that is written; `info` by default. */
  readonly level?: LogLevel;
  /** Takes one line with its line break; the standard error by default. */
  readonly write?: (line: string) => void;
  /** Whether to colour the level; by default on a terminal without NO_COLOR. */
  readonly color?: boolean;
};

const colors: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warning: "\x1b[33m",
  error: "\x1b[31m",
};

const maxValueLength = 2_000;

/** What a host's `log` and `logs` call. */
export type Log = {
  (record: LogRecord): void;
  /** Whether records of this level are written, or LogTape's to filter. */
  readonly logs?: (level: LogLevel) => boolean;
};

/**
 * Makes what a host's `log` calls: records go to LogTape where the program has
 * configured it, in the category `["hornbeam", category, ...domain]`, and are
 * lines on standard error where it has not.
 */
export function createLog(options: LogOptions = {}): Log {
  const least = options.level ?? "info";
  const write = options.write ?? ((line) => errorOutput().write(line));
  const color = options.color ?? isColorful();
  // Asked for whatever is frequent, and does not change.
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
      write(`${formatLogRecord(record, new Date(), color)}\n`);
    }
  };
  const logs = (level: LogLevel) => written[level] || getConfig() !== null;
  return Object.assign(log, { logs });
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
    // Deno may not allow a look at the environment; colour does no harm then.
    return true;
  }
}

/** Severities of OTP that LogTape knows as one. */
const fatal: ReadonlySet<unknown> = new Set(["critical", "alert", "emergency"]);

function emit(record: LogRecord): void {
  const { level: severity, domain } = record.fields ?? {};
  const inner = Array.isArray(domain) ? domain.map(String) : [];
  getLogger(["hornbeam", record.category, ...inner]).emit({
    level: fatal.has(severity) ? "fatal" : record.level,
    message: [record.message],
    rawMessage: record.message,
    timestamp: Date.now(),
    properties: { node: record.node, ...record.fields },
  });
}

/**
 * Values come from peers too, so nothing in them may look like another line.
 */
function oneLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /\p{Cc}/gu,
    (control) => control === "\n" ? "\\n" : " ",
  );
}

function formatValue(value: unknown): string {
  const text = valueText(value);
  return text.length > maxValueLength
    ? `${text.slice(0, maxValueLength)}...`
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
