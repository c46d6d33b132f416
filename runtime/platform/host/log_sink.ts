/**
 * Guards the log function of a program (the sink). The sink may throw, reject,
 * be slow or log by itself, and the node goes on.
 *
 * Without the guard, a sink that rejects would leave a floating rejection,
 * which the node reports to its log, and the log is that sink. So failures of a
 * sink never become log records: they are counted, and reported once on the
 * standard error stream.
 *
 * A sink that blocks its thread blocks the node. JavaScript has no remedy for
 * that.
 */

import type { LogRecord } from "../../core/host/ports.ts";
import { errorOutput } from "./error_output.ts";
import type { Log } from "./log.ts";
import { attribute } from "./rejections.ts";

/** Limit of records that wait for the promise of a sink. */
const MAX_PENDING = 1_000;

/**
 * Records whose floating rejections are traced to the sink: the first ones, and
 * all once the sink has failed. An async context for each record would halve
 * the rate of restarts on Deno. A sink that leaves its first rejection floating
 * later is taken for the actor that caused the record.
 */
const TRACED_RECORDS = 100;

/** A log that never throws and never returns a promise. */
export type GuardedLog = Log & {
  /** Number of records that were dropped, here or by the sink. */
  readonly dropped: () => number;
};

/**
 * Guards `sink`. `tell` gets the one line that says why records are dropped; by
 * default it writes to the standard error stream.
 */
export function guardLog(
  sink: Log,
  tell: (line: string) => void = (line) => errorOutput().write(line),
): GuardedLog {
  let pending = 0;
  let dropped = 0;
  let isInside = false;
  let isTold = false;
  let traced = 0;
  const drop = (why: () => string) => {
    dropped++;
    if (isTold) return;
    isTold = true;
    tell(
      `hornbeam: the log function ${why()}; such records are dropped and ` +
        "counted, and this is not reported again\n",
    );
  };
  const failed = (error: unknown) => drop(() => `failed: ${shortText(error)}`);
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
      const isTraced = dropped > 0 || traced++ < TRACED_RECORDS;
      const result: unknown = isTraced
        ? attribute(failed, () => sink(record))
        : sink(record);
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
  const { logs, lost } = sink;
  return Object.assign(log, {
    dropped: () => dropped + (lost?.() ?? 0),
    ...(logs === undefined ? {} : { logs: guardLevels(logs) }),
  });
}

/** A level test that throws counts as true, so the record is not lost. */
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

function shortText(error: unknown): string {
  try {
    return String(error).replaceAll(/\s+/g, " ").slice(0, 200);
  } catch {
    return "it threw a value that cannot be printed";
  }
}
