/** Helpers for tests of the logger. */
import type { LogRecord } from "../../../runtime/mod.ts";
import type { LogEvent, LogHandler } from "../../../std/logger/mod.ts";

/** A record as a node reports it. */
export const record: LogRecord = {
  level: "error",
  category: "net",
  node: "a@x",
  message: "lost",
};

/** A handler that keeps its events. */
export function keeper(
  options: Partial<LogHandler> = {},
): { events: LogEvent[]; handler: LogHandler } {
  const events: LogEvent[] = [];
  const keep: LogHandler = {
    write: (event) => void events.push(event),
    burst: false,
    ...options,
  };
  return { events, handler: keep };
}
