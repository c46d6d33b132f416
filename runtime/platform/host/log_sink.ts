/**
 * A log function that a program gave, made safe for the node: it may throw,
 * reject, be slow or log by itself, and the node lives on.
 *
 * Why it is needed: a sink that rejects leaves a floating rejection, which the
 * node reports to its log, which is that sink. Here the failures of a sink are
 * told once, on the standard error stream, and counted; they never become log
 * records.
 *
 * A sink that blocks its thread blocks the node: JavaScript has no remedy.
 */

import type { LogRecord } from "../../core/host/ports.ts";
import { errorOutput } from "./error_output.ts";
import type { Log } from "./log.ts";
import { attribute } from "./rejections.ts";

/** Records that a sink which returns promises may have under way. */
const MAX_PENDING = 1_000;

/** A log that never throws and never returns a promise. */
export type GuardedLog = Log & {
  /** Records that the sink refused, failed on or had no room for. */
  readonly dropped: () => number;
};

/**
 * Guards `sink`. `tell` takes the one line that says why records are dropped;
 * the standard error stream by default.
 */
export function guardLog(
  sink: Log,
  tell: (line: string) => void = (line) => errorOutput().write(line),
): GuardedLog {
  let pending = 0;
  let dropped = 0;
  let isInside = false;
  let isTold = false;
  const drop = (why: () => string) => {
    dropped++;
    if (isTold) return;
    isTold = true;
    tell(
      `hornbeam: the log function ${why()}; such records are dropped and ` +
        "counted, and this is not said again\n",
    );
  };
  const failed = (error: unknown) => drop(() => `failed: ${inWords(error)}`);
  const log = (record: LogRecord): void => {
    if (isInside) {
      drop(() => "caused a record while it was taking one");
      return;
    }
    if (pending >= MAX_PENDING) {
      drop(() => `has ${MAX_PENDING} records under way`);
      return;
    }
    isInside = true;
    try {
      const result: unknown = attribute(failed, () => sink(record));
      if (typeof result !== "object" || result === null) return;
      pending++;
      Promise.resolve(result).then(() => pending--, (error) => {
        pending--;
        failed(error);
      });
    } catch (error) {
      failed(error);
    } finally {
      isInside = false;
    }
  };
  const { logs } = sink;
  return Object.assign(log, {
    dropped: () => dropped,
    ...(logs === undefined ? {} : { logs: guardLevels(logs) }),
  });
}

/** A level test that throws is taken for one that wants the record. */
function guardLevels(
  logs: NonNullable<Log["logs"]>,
): NonNullable<Log["logs"]> {
  return (level) => {
    try {
      return logs(level);
    } catch {
      return true;
    }
  };
}

function inWords(error: unknown): string {
  try {
    return String(error).replaceAll(/\s+/g, " ").slice(0, 200);
  } catch {
    return "it threw a value that cannot be printed";
  }
}
