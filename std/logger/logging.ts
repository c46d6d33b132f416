/** Where a node's log records go; see `std/logger/mod.ts`. */

import {
  createLog,
  type Host,
  type LogRecord,
  systemHost,
  UsageError,
} from "../../runtime/mod.ts";
import { type BurstLimit, Bursts, DEFAULT_BURST } from "./bursts.ts";
import { eventOf, type LogEvent, type LogFilter, recordOf } from "./events.ts";
import { passes, type Threshold } from "./levels.ts";

/** Takes the events that pass. */
export type LogHandler = {
  /** What it throws or rejects with removes it. */
  readonly write: (event: LogEvent) => void | Promise<void>;
  /** Default `all`. */
  readonly level?: Threshold;
  /** By name, asked in order. */
  readonly filters?: Readonly<Record<string, LogFilter>>;
  /** What happens to events that no filter has an opinion on. Default `log`. */
  readonly filterDefault?: "log" | "stop";
  /** Default 500 events in 1,000 ms; false: no limit. */
  readonly burst?: BurstLimit | false;
};

/** Options of a `Logging`. */
export type LoggingOptions = {
  /** Default `notice`. */
  readonly level?: Threshold;
  /**
   * Other levels for domains and those inside of them, by `net` or
   * `actor.shop`.
   */
  readonly levels?: Readonly<Record<string, Threshold>>;
  readonly filters?: Readonly<Record<string, LogFilter>>;
  readonly filterDefault?: "log" | "stop";
  /** By name. Default: one, `default`, that writes to LogTape. */
  readonly handlers?: Readonly<Record<string, LogHandler>>;
  /** Its clock. Default: the machine's. */
  readonly host?: Host;
};

/** Figures of a handler since it was added or changed. */
export type HandlerStats = {
  readonly written: number;
  /** Lost to the limit on bursts. */
  readonly dropped: number;
};

type Installed = {
  handler: LogHandler;
  filters: Map<string, LogFilter>;
  bursts: Bursts | null;
  written: number;
  dropped: number;
};

/** A node's log: give its `log` to `start`. Several nodes may share one. */
export class Logging {
  /** What `start({ log })` wants. Never throws. */
  readonly log: (record: LogRecord) => void;
  readonly #host: Host;
  #level: Threshold;
  readonly #levels: Map<string, Threshold>;
  readonly #filters: Map<string, LogFilter>;
  #filterDefault: "log" | "stop";
  readonly #handlers = new Map<string, Installed>();
  /** Takes what the log has to say of itself when no handler is left. */
  readonly #lastResort = createLog();
  /** Whether a handler or filter is at work, which must not log in turn. */
  #isBusy = false;

  constructor(options: LoggingOptions = {}) {
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

  /** A level of its own for a domain and those inside; null takes it back. */
  setDomainLevel(domain: readonly string[], level: Threshold | null): void {
    const key = domain.join(".");
    if (level === null) this.#levels.delete(key);
    else this.#levels.set(key, level);
  }

  /** Throws `UsageError` when there is one of that name. */
  addFilter(id: string, filter: LogFilter): void {
    mustBeFree(this.#filters, "filter", id);
    this.#filters.set(id, filter);
  }

  /** Returns whether there was one of that name. */
  removeFilter(id: string): boolean {
    return this.#filters.delete(id);
  }

  /** Throws `UsageError` when there is one of that name. */
  addHandler(id: string, handler: LogHandler): void {
    mustBeFree(this.#handlers, "handler", id);
    this.#install(id, handler);
  }

  /**
   * Changes some options of a handler. Throws `UsageError` for an unknown one.
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

  /** Returns whether there was one of that name. */
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

  /** Reports what was dropped so far, without waiting for the window's end. */
  flush(): void {
    for (const { bursts } of this.#handlers.values()) bursts?.flush();
  }

  #install(id: string, handler: LogHandler): void {
    const { burst = DEFAULT_BURST, filters = {} } = handler;
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

  /** Null when it is stopped. A filter that throws is removed. */
  #filtered(
    event: LogEvent,
    filters: Map<string, LogFilter>,
    otherwise: "log" | "stop",
  ): LogEvent | null {
    let passed: LogEvent | null = null;
    for (const [id, filter] of [...filters]) {
      let said: LogEvent | "stop" | "ignore";
      try {
        said = this.#guarded(() => filter(passed ?? event));
      } catch (error) {
        filters.delete(id);
        this.#complain(
          `the log filter ${id} has thrown and was removed`,
          error,
        );
        continue;
      }
      if (said === "stop") return null;
      if (said !== "ignore") passed = said;
    }
    return passed ?? (otherwise === "log" ? event : null);
  }

  #write(id: string, installed: Installed, event: LogEvent): void {
    const fail = (error: unknown): void => {
      // One that was replaced meanwhile is not to blame.
      if (this.#handlers.get(id) !== installed) return;
      this.#handlers.delete(id);
      this.#complain(`the log handler ${id} has failed and was removed`, error);
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

  #complain(message: string, error: unknown): void {
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
    `expected a new name for a ${what}, got ${id}, which there is already`,
  );
}

/**
 * A handler that gives events to LogTape, in the category `["hornbeam",
 * ...domain]`, if the program has configured it, and else writes lines to
 * standard error.
 */
export function logTape(options: Omit<LogHandler, "write"> = {}): LogHandler {
  const write = createLog({ level: "debug" });
  return { ...options, write: (event) => write(recordOf(event)) };
}

/** A handler that gives each event to a function as one line of text. */
export function lines(
  write: (line: string) => void | Promise<void>,
  options: Omit<LogHandler, "write"> & {
    /** Default `formatEvent`. */
    readonly format?: (event: LogEvent) => string;
  } = {},
): LogHandler {
  const { format = formatEvent, ...rest } = options;
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
