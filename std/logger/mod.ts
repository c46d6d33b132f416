/**
 * Structured logging: loggers with metadata for actors, and where a node's log
 * records go. After OTP's `logger` and Elixir's `Logger`, with LogTape behind
 * it.
 *
 * What a node has to report goes the same way as what actors log: crashes,
 * servers and supervisors that end, children that were started. Each is an
 * event with a severity, a domain and metadata (`pid`, `name`, `reason`,
 * `stack`, last message, state), the longer ones shortened.
 *
 * When not to use it: `self.log` is enough to write a line, and a program that
 * has configured LogTape gets every record in the categories `["hornbeam", …]`
 * without a `Logging`; that is for levels and filters of one's own, for
 * handlers beside LogTape, and for a bound on storms.
 *
 * Guarantees, weak ones included:
 * - Logging never throws and never waits. Handlers run in the turn of whoever
 *   logs, so a slow one is felt there.
 * - A handler or filter that throws is removed, and that is reported once, to
 *   the other handlers or else on standard error. A formatter that throws is
 *   replaced by the usual one.
 * - A handler is given 500 events a second at most, unless told otherwise; the
 *   rest are counted, and the count is written within a second. There is no
 *   queue, so a storm takes no memory.
 * - What a handler or filter logs itself is dropped.
 */

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

/** As much of an actor as its loggers need; a running node will do. */
export type LogSelf = Pick<Self<never>, "log">;

/** Fields of a log record. */
export type Metadata = Readonly<Record<string, unknown>>;

/** What is logged: a text, or what makes one if it is wanted. */
export type Message = string | (() => string);

/** Options of a logger. */
export type LoggerOptions<M extends Metadata = Metadata> = {
  /** Which part of the program speaks; filters and levels go by it. */
  readonly domain?: readonly string[];
  /** Added to every record. */
  readonly metadata?: M;
};

type OfActor = { metadata: Metadata; level: Threshold };

/** What was set for an actor; it goes with its `self`. */
const settings = new WeakMap<object, OfActor>();

function settingsOf(self: LogSelf): OfActor {
  let known = settings.get(self);
  if (known === undefined) {
    settings.set(self, known = { metadata: {}, level: "all" });
  }
  return known;
}

/** Adds metadata to all that an actor logs by loggers from now on. */
export function setMetadata(self: LogSelf, metadata: Metadata): void {
  const known = settingsOf(self);
  known.metadata = { ...known.metadata, ...metadata };
}

/** Replaces all metadata of an actor. */
export function resetMetadata(self: LogSelf, metadata: Metadata = {}): void {
  settingsOf(self).metadata = metadata;
}

/** What `setMetadata` has set for an actor. */
export function metadataOf(self: LogSelf): Metadata {
  return settings.get(self)?.metadata ?? {};
}

/** What an actor's loggers let through; null takes it back. */
export function setActorLevel(self: LogSelf, level: Threshold | null): void {
  settingsOf(self).level = level ?? "all";
}

/** What was set with `setActorLevel`; null when nothing was. */
export function actorLevel(self: LogSelf): Threshold | null {
  const { level = "all" } = settings.get(self) ?? {};
  return level === "all" ? null : level;
}

/**
 * A logger of one actor, with a method for each severity. Made by `logger`.
 * Metadata of the actor is overridden by the logger's, and that by the call's.
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

  /** A logger with further metadata. */
  with<N extends Metadata>(metadata: N): Logger<M & N> {
    return new Logger<M & N>(this.#self, {
      domain: this.#domain,
      metadata: { ...this.metadata, ...metadata },
    });
  }

  /** A logger of a domain inside of this one's. */
  inside(...domain: readonly string[]): Logger<M> {
    return new Logger<M>(this.#self, {
      domain: [...this.#domain, ...domain],
      metadata: this.metadata,
    });
  }

  /** Logs with a severity that is known at run time only. Never throws. */
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
      // A getter among them has thrown.
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
 * A logger for an actor.
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
  return new Logger<M>(self, options);
}
