/**
 * Structured logging: loggers with metadata for actors, and filters and
 * handlers for a node's log records. After OTP's `logger` and Elixir's
 * `Logger`; it writes to LogTape by default.
 *
 * The node's own reports go the same way as the records of actors: crashes,
 * servers and supervisors that end, children that were started. Each is an
 * event with a severity, a domain and metadata (`pid`, `name`, `reason`,
 * `stack`, the message that was handled, the state). Long metadata is cut.
 *
 * When not to use it: `self.log` is enough to write a line. A program that has
 * configured LogTape gets every record in the categories `["hornbeam", …]`
 * without a `Logging`. A `Logging` adds levels and filters of the program's
 * own, handlers beside LogTape, and a limit on bursts.
 *
 * Guarantees, weak ones included:
 * - Logging never throws and never waits. Handlers run in the turn of the actor
 *   that logs, so a slow handler delays that actor.
 * - A handler or filter that throws is removed. This is reported once, to the
 *   other handlers or, if there are none, on standard error. A formatter that
 *   throws is replaced by `formatEvent`.
 * - A handler gets at most 500 events a second, unless its `burst` says
 *   otherwise. The others are counted, and the count is written within a
 *   second. There is no queue, so a burst takes no memory.
 * - Records that a handler or filter logs itself are dropped.
 */

import { option, OptionTable } from "../../runtime/mod.ts";
import type { Self } from "../../runtime/mod.ts";
import { levelOf, passes, type Severity, type Threshold } from "./levels.ts";

export {
  compareLevels,
  severities,
  type Severity,
  type Threshold,
} from "./levels.ts";
export {
  type DomainComparison,
  type FilterAction,
  filters,
  type LogEvent,
  type LogFilter,
} from "./events.ts";
export type { BurstLimit } from "./bursts.ts";
export {
  formatEvent,
  type HandlerStats,
  lines,
  Logging,
  type LoggingOptions,
  type LogHandler,
  logTape,
} from "./logging.ts";

/** The part of `self` that a logger needs. A running node has it as well. */
export type LogSelf = Pick<Self<never>, "log">;

/** Fields of a log record. */
export type Metadata = Readonly<Record<string, unknown>>;

/** The text to log, or a function that makes it when the record passes. */
export type Message = string | (() => string);

/** Options of a logger. */
export type LoggerOptions<M extends Metadata = Metadata> = {
  /** The part of the program that logs; filters and levels use it. */
  readonly domain?: readonly string[];
  /** Added to every record. */
  readonly metadata?: M;
};

const loggerOptions = new OptionTable<LoggerOptions>("logger", {
  domain: option.list,
  metadata: option.object,
});

type ActorSettings = { metadata: Metadata; level: Threshold };

/** By the actor's `self`. */
const settings = new WeakMap<object, ActorSettings>();

function settingsOf(self: LogSelf): ActorSettings {
  let known = settings.get(self);
  if (known === undefined) {
    settings.set(self, known = { metadata: {}, level: "all" });
  }
  return known;
}

/** Adds metadata to all later records of an actor's loggers. */
export function setMetadata(self: LogSelf, metadata: Metadata): void {
  const known = settingsOf(self);
  known.metadata = { ...known.metadata, ...metadata };
}

/** Replaces all metadata of an actor. */
export function resetMetadata(self: LogSelf, metadata: Metadata = {}): void {
  settingsOf(self).metadata = metadata;
}

/** The metadata of an actor; see `setMetadata`. */
export function metadataOf(self: LogSelf): Metadata {
  return settings.get(self)?.metadata ?? {};
}

/** Sets the level of an actor's loggers; null removes the setting. */
export function setActorLevel(self: LogSelf, level: Threshold | null): void {
  settingsOf(self).level = level ?? "all";
}

/** The level that `setActorLevel` has set; null when there is none. */
export function actorLevel(self: LogSelf): Threshold | null {
  const { level = "all" } = settings.get(self) ?? {};
  return level === "all" ? null : level;
}

/**
 * A logger of one actor, with a method for each severity; made by `logger`. A
 * field of the call's metadata overrides the logger's, and that the actor's.
 */
export class Logger<M extends Metadata = Metadata> {
  readonly #self: LogSelf;
  readonly #domain: readonly string[];
  readonly metadata: M;

  /** @internal Made by `logger`. */
  constructor(self: LogSelf, options: LoggerOptions<M>) {
    this.#self = self;
    this.#domain = options.domain ?? [];
    this.metadata = options.metadata ?? {} as M;
  }

  /** Makes a logger with further metadata. */
  with<N extends Metadata>(metadata: N): Logger<M & N> {
    return new Logger<M & N>(this.#self, {
      domain: this.#domain,
      metadata: { ...this.metadata, ...metadata },
    });
  }

  /** Makes a logger of a domain inside this logger's. */
  inside(...domain: readonly string[]): Logger<M> {
    return new Logger<M>(this.#self, {
      domain: [...this.#domain, ...domain],
      metadata: this.metadata,
    });
  }

  /** Logs with a severity that is chosen at run time. Never throws. */
  log(severity: Severity, message: Message, metadata: Metadata = {}): void {
    const { metadata: ofActor, level } = settings.get(this.#self) ??
      { metadata: {}, level: "all" };
    if (!passes(severity, level)) return;
    let text: string;
    try {
      text = typeof message === "function" ? message() : message;
    } catch (error) {
      text = "a log message could not be made";
      metadata = { ...metadata, error };
    }
    const plain = levelOf(severity);
    let merged: Metadata;
    try {
      merged = { ...ofActor, ...this.metadata, ...metadata };
    } catch (error) {
      // A getter of the metadata has thrown.
      merged = { error };
    }
    this.#self.log(plain, text, {
      ...merged,
      ...(plain === severity ? {} : { level: severity }),
      ...(this.#domain.length === 0 ? {} : { domain: this.#domain }),
    });
  }

  emergency(message: Message, metadata?: Metadata): void {
    this.log("emergency", message, metadata);
  }
  alert(message: Message, metadata?: Metadata): void {
    this.log("alert", message, metadata);
  }
  critical(message: Message, metadata?: Metadata): void {
    this.log("critical", message, metadata);
  }
  error(message: Message, metadata?: Metadata): void {
    this.log("error", message, metadata);
  }
  warning(message: Message, metadata?: Metadata): void {
    this.log("warning", message, metadata);
  }
  notice(message: Message, metadata?: Metadata): void {
    this.log("notice", message, metadata);
  }
  info(message: Message, metadata?: Metadata): void {
    this.log("info", message, metadata);
  }
  debug(message: Message, metadata?: Metadata): void {
    this.log("debug", message, metadata);
  }
}

/**
 * Makes a logger for an actor.
 *
 * @example
 * ```ts
 * import { start } from "hornbeam";
 * import { filters, lines, logger, Logging } from "hornbeam/std/logger";
 *
 * const logging = new Logging({
 *   level: "info",
 *   filters: { progress: filters.progress("stop") },
 *   handlers: {
 *     console: lines((line) => console.log(line), {
 *       format: ({ severity, domain, message, metadata }) =>
 *         `${severity} ${domain.join(".")}: ${message} ${metadata["order"]}`,
 *     }),
 *   },
 * });
 * await using node = await start({ log: logging.log });
 * await node.run((self) => {
 *   const log = logger(self, { domain: ["shop"], metadata: { order: 7 } });
 *   log.notice("paid"); // prints: notice actor.shop: paid 7
 *   log.debug("not shown");
 * });
 * ```
 */
export function logger<M extends Metadata = Metadata>(
  self: LogSelf,
  options: LoggerOptions<M> = {},
): Logger<M> {
  loggerOptions.check(options);
  return new Logger<M>(self, options);
}
