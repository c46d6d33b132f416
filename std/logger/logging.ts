/**
 * Filters a node's log records and passes them to handlers; see
 * `std/logger/mod.ts`.
 */

import {
  createLog,
  type Host,
  type LogRecord,
  option,
  OptionTable,
  systemHost,
  UsageError,
} from "../../runtime/mod.ts";
import { type BurstLimit, Bursts, defaultBurst } from "./bursts.ts";
import { eventOf, type LogEvent, type LogFilter, recordOf } from "./events.ts";
import { passes, type Threshold, thresholdRule } from "./levels.ts";

/** Writes the events that pass. */
export type LogHandler = {
  /** A handler whose `write` throws or rejects is removed. */
  readonly write: (event: LogEvent) => void | Promise<void>;
  /** Default `all`. */
  readonly level?: Threshold;
  /** By name; called in order. */
  readonly filters?: Readonly<Record<string, LogFilter>>;
  /** What happens to events that all filters ignore. Default `log`. */
  readonly filterDefault?: "log" | "stop";
  /** Default 500 events in 1,000 ms; false sets no limit. */
  readonly burst?: BurstLimit | false;
};

/** Options of a `Logging`. */
export type LoggingOptions = {
  /** Default `notice`. */
  readonly level?: Threshold;
  /**
   * Levels of their own for domains and those inside them, by domain, such as
   * `net` or `actor.shop`.
   */
  readonly levels?: Readonly<Record<string, Threshold>>;
  readonly filters?: Readonly<Record<string, LogFilter>>;
  readonly filterDefault?: "log" | "stop";
  /** By name. Default: one handler, `default`, that writes to LogTape. */
  readonly handlers?: Readonly<Record<string, LogHandler>>;
  /** Gives the clock and its timers. Default: the machine's. */
  readonly host?: Host;
};

/** Figures of a handler since it was added or changed. */
export type HandlerStats = {
  readonly written: number;
  /** Events that exceeded the limit on bursts. */
  readonly dropped: number;
};

type Installed = {
  handler: LogHandler;
  filters: Map<string, LogFilter>;
  bursts: Bursts | null;
  written: number;
  dropped: number;
};

const loggingOptions = new OptionTable<LoggingOptions>("Logging", {
  level: thresholdRule,
  levels: option.object,
  filters: option.object,
  filterDefault: option.oneOf("log", "stop"),
  handlers: option.object,
  host: option.object,
});

/**
 * The log of a node, or of several: pass its `log` to `start`.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { lines, Logging } from "hornbeam/std/logger";
 *
 * const logging = new Logging({
 *   level: "warning",
 *   handlers: {
 *     out: lines((line) => console.log(line), {
 *       format: ({ severity, message }) => `${severity}: ${message}`,
 *     }),
 *   },
 * });
 * await using node = await start({ log: logging.log });
 * await node.run((self) => {
 *   self.log("info", "not shown");
 *   self.log("warning", "low on disk"); // prints: warning: low on disk
 * });
 * console.log(logging.stats("out")?.written); // prints: 1
 * ```
 */
export class Logging {
  /** The `log` option of `start`. Never throws. */
  readonly log: (record: LogRecord) => void;
  readonly #host: Host;
  #level: Threshold;
  readonly #levels: Map<string, Threshold>;
  readonly #filters: Map<string, LogFilter>;
  #filterDefault: "log" | "stop";
  readonly #handlers = new Map<string, Installed>();
  /** Gets reports on the log itself when there is no handler. */
  readonly #lastResort = createLog();
  /** Whether a handler or filter runs; records that it logs are dropped. */
  #isBusy = false;

  constructor(options: LoggingOptions = {}) {
    loggingOptions.check(options);
    this.#host = options.host ?? systemHost();
    this.#level = options.level ?? "notice";
    this.#levels = new Map(Object.entries(options.levels ?? {}));
    this.#filters = new Map(Object.entries(options.filters ?? {}));
    this.#filterDefault = options.filterDefault ?? "log";
    const handlers = options.handlers ?? { default: logTape() };
    for (const [id, handler] of Object.entries(handlers)) {
      this.addHandler(id, handler);
    }
    this.log = (record) => this.#take(record);
  }

  get level(): Threshold {
    return this.#level;
  }
  set level(level: Threshold) {
    this.#level = level;
  }

  /**
   * Sets the level of a domain and of those inside it; null removes the
   * setting.
   */
  setDomainLevel(domain: readonly string[], level: Threshold | null): void {
    const key = domain.join(".");
    if (level === null) this.#levels.delete(key);
    else this.#levels.set(key, level);
  }

  /** Throws `UsageError` when there is a filter of that name. */
  addFilter(id: string, filter: LogFilter): void {
    mustBeFree(this.#filters, "filter", id);
    this.#filters.set(id, filter);
  }

  /** Returns whether there was a filter of that name. */
  removeFilter(id: string): boolean {
    return this.#filters.delete(id);
  }

  /** Throws `UsageError` when there is a handler of that name. */
  addHandler(id: string, handler: LogHandler): void {
    mustBeFree(this.#handlers, "handler", id);
    this.#install(id, handler);
  }

  /**
   * Changes some options of a handler. Throws `UsageError` for an unknown name.
   */
  updateHandler(id: string, options: Partial<LogHandler>): void {
    const known = this.#handlers.get(id);
    if (known === undefined) {
      throw new UsageError(
        `expected one of the handlers ${
          [...this.#handlers.keys()].join(", ") || "(none)"
        }, got ${id}`,
      );
    }
    known.bursts?.flush();
    this.#install(id, { ...known.handler, ...options });
  }

  /** Returns whether there was a handler of that name. */
  removeHandler(id: string): boolean {
    this.#handlers.get(id)?.bursts?.flush();
    return this.#handlers.delete(id);
  }

  /** Names of the handlers. */
  get handlers(): readonly string[] {
    return [...this.#handlers.keys()];
  }

  /** Null for an unknown handler. */
  stats(id: string): HandlerStats | null {
    const known = this.#handlers.get(id);
    if (known === undefined) return null;
    const { written, dropped } = known;
    return { written, dropped };
  }

  /** Reports dropped events now, without waiting for the window's end. */
  flush(): void {
    for (const { bursts } of this.#handlers.values()) bursts?.flush();
  }

  #install(id: string, handler: LogHandler): void {
    const { burst = defaultBurst, filters = {} } = handler;
    const installed: Installed = {
      handler,
      filters: new Map(Object.entries(filters)),
      bursts: null,
      written: 0,
      dropped: 0,
    };
    if (burst !== false) {
      installed.bursts = new Bursts(burst, this.#host, (dropped) =>
        this.#write(
          id,
          installed,
          this.#own("warning", `${dropped} log records were dropped`, {
            dropped,
            handler: id,
          }),
        ));
    }
    this.#handlers.set(id, installed);
  }

  #take(record: LogRecord): void {
    if (this.#isBusy) return;
    const event = eventOf(record, this.#host.wallTime());
    if (!passes(event.severity, this.#levelFor(event.domain))) return;
    const passed = this.#filtered(event, this.#filters, this.#filterDefault);
    if (passed !== null) this.#publish(passed);
  }

  #publish(event: LogEvent): void {
    for (const [id, installed] of [...this.#handlers]) {
      const { handler, filters } = installed;
      if (!passes(event.severity, handler.level ?? "all")) continue;
      const { filterDefault = "log" } = handler;
      const passed = this.#filtered(event, filters, filterDefault);
      if (passed === null) continue;
      if (installed.bursts?.admit() === false) installed.dropped++;
      else this.#write(id, installed, passed);
    }
  }

  #levelFor(domain: readonly string[]): Threshold {
    if (this.#levels.size === 0) return this.#level;
    for (let length = domain.length; length > 0; length--) {
      const level = this.#levels.get(domain.slice(0, length).join("."));
      if (level !== undefined) return level;
    }
    return this.#level;
  }

  /** Null when a filter stops the event. A filter that throws is removed. */
  #filtered(
    event: LogEvent,
    filters: Map<string, LogFilter>,
    otherwise: "log" | "stop",
  ): LogEvent | null {
    let passed: LogEvent | null = null;
    for (const [id, filter] of [...filters]) {
      let decision: LogEvent | "stop" | "ignore";
      try {
        decision = this.#guarded(() => filter(passed ?? event));
      } catch (error) {
        filters.delete(id);
        this.#reportError(
          `the log filter ${id} has thrown and was removed`,
          error,
        );
        continue;
      }
      if (decision === "stop") return null;
      if (decision !== "ignore") passed = decision;
    }
    return passed ?? (otherwise === "log" ? event : null);
  }

  #write(id: string, installed: Installed, event: LogEvent): void {
    const fail = (error: unknown): void => {
      // The failed handler may have been replaced meanwhile.
      if (this.#handlers.get(id) !== installed) return;
      this.#handlers.delete(id);
      this.#reportError(
        `the log handler ${id} has failed and was removed`,
        error,
      );
    };
    try {
      const writing = this.#guarded(() => installed.handler.write(event));
      installed.written++;
      if (writing instanceof Promise) writing.catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  #guarded<T>(body: () => T): T {
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    try {
      return body();
    } finally {
      this.#isBusy = wasBusy;
    }
  }

  #reportError(message: string, error: unknown): void {
    const event = this.#own("error", message, { error });
    if (this.#handlers.size > 0) this.#publish(event);
    else this.#lastResort(recordOf(event));
  }

  #own(
    severity: "warning" | "error",
    message: string,
    metadata: Readonly<Record<string, unknown>>,
  ): LogEvent {
    return {
      severity,
      message,
      node: "",
      domain: ["logger"],
      report: null,
      metadata,
      timeMs: this.#host.wallTime(),
    };
  }
}

function mustBeFree(
  known: ReadonlyMap<string, unknown>,
  what: string,
  id: string,
): void {
  if (!known.has(id)) return;
  throw new UsageError(
    `expected a new name for a ${what}, got ${id}, which is taken`,
  );
}

const handlerRules = {
  level: thresholdRule,
  filters: option.object,
  filterDefault: option.oneOf("log", "stop"),
  burst: option.either(option.exactly(false), option.object),
};

const handlerOptions = new OptionTable<Omit<LogHandler, "write">>(
  "a log handler",
  handlerRules,
);

/**
 * Makes a handler that passes events to LogTape, in the category `["hornbeam",
 * ...domain]`. If the program has not configured LogTape, it writes lines to
 * standard error.
 */
export function logTape(options: Omit<LogHandler, "write"> = {}): LogHandler {
  handlerOptions.check(options, "logTape");
  const write = createLog({ level: "debug" });
  return { ...options, write: (event) => write(recordOf(event)) };
}

/** Makes a handler that passes each event to a function as a line of text. */
export function lines(
  write: (line: string) => void | Promise<void>,
  options: Omit<LogHandler, "write"> & {
    /** Default `formatEvent`. */
    readonly format?: (event: LogEvent) => string;
  } = {},
): LogHandler {
  const { format = formatEvent, ...rest } = options;
  handlerOptions.check(rest, "lines");
  let isBroken = false;
  return {
    ...rest,
    write: (event) => {
      if (isBroken) return write(formatEvent(event));
      try {
        return write(format(event));
      } catch (error) {
        isBroken = true;
        return write(
          `the formatter has thrown ${String(error)}: ${formatEvent(event)}`,
        );
      }
    },
  };
}

/** `2026-01-02T03:04:05.678Z warning a@host [actor.shop] message key=value`. */
export function formatEvent(event: LogEvent): string {
  const { severity, node, domain, message, report, metadata } = event;
  const at = new Date(event.timeMs).toISOString();
  const fields = { ...(report === null ? {} : { report }), ...metadata };
  return `${at} ${severity} ${node || "-"} [${domain.join(".")}] ${
    oneLine(message)
  }${
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${oneLine(shown(value))}`)
      .join("")
  }`;
}

/** Longer values are cut, in UTF-16 units. */
const MAX_VALUE = 500;

function shown(value: unknown): string {
  let text: string;
  try {
    text = value instanceof Error
      ? String(value)
      : typeof value === "string"
      ? value
      : JSON.stringify(value) ?? String(value);
  } catch {
    text = "(unprintable)";
  }
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text;
}

function oneLine(text: string): string {
  return text.replaceAll("\n", "\\n").replaceAll(/\p{Cc}/gu, " ");
}
