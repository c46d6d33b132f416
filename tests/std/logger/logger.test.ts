/** Loggers of actors, and the filters and handlers of a node's log. */
import { describe, expect, test } from "vitest";
import {
  type Host,
  type LogRecord,
  type Self,
  systemHost,
  UsageError,
} from "../../../runtime/mod.ts";
import {
  actorLevel,
  compareLevels,
  filters,
  lines,
  type LogEvent,
  logger,
  Logging,
  metadataOf,
  resetMetadata,
  setActorLevel,
  setMetadata,
  severities,
} from "../../../std/logger/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { keeper, record } from "./world.ts";

const messages = (events: readonly LogEvent[]) =>
  events.map(({ message }) => message);

/** A clock with timers that tests advance. */
function handClock(): { host: Host; advance: (ms: number) => void } {
  let now = 0;
  let timers: { due: number; callback: () => void }[] = [];
  const host: Host = {
    ...systemHost(),
    now: () => now,
    wallTime: () => now,
    setTimer: (callback, delayMs) => {
      const timer = { due: now + delayMs, callback };
      timers.push(timer);
      return timer;
    },
    clearTimer: (timer) => {
      timers = timers.filter((one) => one !== timer);
    },
  };
  const advance = (ms: number): void => {
    now += ms;
    const due = timers.filter((timer) => timer.due <= now);
    timers = timers.filter((timer) => timer.due > now);
    for (const { callback } of due) callback();
  };
  return { host, advance };
}

describe("severities", () => {
  test("are ordered, and map to the runtime's levels and back", async () => {
    expect(severities[0]).toBe("emergency");
    expect(compareLevels("error", "warning")).toBe(1);
    expect(compareLevels("debug", "debug")).toBe(0);
    expect(compareLevels("none", "emergency")).toBe(1);
    expect(compareLevels("all", "debug")).toBe(-1);
    const { events, handler } = keeper();
    const logging = new Logging({ level: "all", handlers: { handler } });
    const { node } = await lone({ log: logging.log });
    await node.run((self) => {
      for (const severity of severities) logger(self)[severity](severity);
    });
    expect(events.map(({ severity, message }) => [severity, message]))
      .toEqual(severities.map((severity) => [severity, severity]));
  });
});

describe("a logger of an actor", () => {
  test("has metadata: the actor's, its own, and the call's, in that order", async () => {
    const { events, handler } = keeper();
    const logging = new Logging({ level: "debug", handlers: { handler } });
    const { node } = await lone({ log: logging.log });
    await node.run((self) => {
      setMetadata(self, { a: 1, b: 1 });
      setMetadata(self, { c: 1 });
      const log = logger(self, {
        domain: ["shop"],
        metadata: { b: 2, c: 2 },
      });
      log.info("one", { c: 3 });
      log.with({ d: 4 }).inside("till").debug(() => "two");
      expect(metadataOf(self)).toEqual({ a: 1, b: 1, c: 1 });
      resetMetadata(self, { z: 1 });
      log.info("three");
      log.info(() => {
        throw new Error("no");
      });
      const pid = String(self.pid);
      expect(events.map(({ domain, metadata }) => [domain, metadata])).toEqual([
        [["actor", "shop"], { pid, a: 1, b: 2, c: 3 }],
        [["actor", "shop", "till"], { pid, a: 1, b: 2, c: 2, d: 4 }],
        [["actor", "shop"], { pid, z: 1, b: 2, c: 2 }],
        [["actor", "shop"], { pid, z: 1, b: 2, c: 2, error: new Error("no") }],
      ]);
      expect(messages(events))
        .toEqual(["one", "two", "three", "a log message could not be made"]);
    });
  });

  test("respects the level of its actor", async () => {
    const { events, handler } = keeper();
    const logging = new Logging({ level: "all", handlers: { handler } });
    const { node } = await lone({ log: logging.log });
    await node.run((self) => {
      expect(actorLevel(self)).toBeNull();
      setActorLevel(self, "warning");
      expect(actorLevel(self)).toBe("warning");
      logger(self).info(() => {
        throw new Error("not asked");
      });
      logger(self).warning("shown");
      setActorLevel(self, null);
      logger(self).info("again");
    });
    expect(messages(events)).toEqual(["shown", "again"]);
  });
});

describe("records pass", () => {
  test("by the levels of all, of a domain and of a handler", () => {
    const all = keeper();
    const bad = keeper({ level: "error" });
    const none = keeper({ level: "none" });
    const logging = new Logging({
      handlers: {
        all: all.handler,
        bad: bad.handler,
        none: none.handler,
      },
      levels: { "actor.shop": "debug" },
    });
    const say = (level: LogRecord["level"], category: string, fields = {}) =>
      logging.log({ ...record, level, category, fields, message: category });
    say("info", "net");
    say("warning", "net");
    say("error", "net");
    say("debug", "actor", { domain: ["shop", "till"] });
    say("debug", "actor", { domain: ["shopping"] });
    say("info", "actor", { level: "notice" });
    expect(messages(all.events)).toEqual(["net", "net", "actor", "actor"]);
    expect(messages(bad.events)).toEqual(["net"]);
    expect(none.events).toEqual([]);
    logging.level = "error";
    logging.setDomainLevel(["net"], "all");
    logging.setDomainLevel(["actor", "shop"], null);
    say("debug", "net");
    say("warning", "actor", { domain: ["shop"] });
    expect(messages(all.events.slice(4))).toEqual(["net"]);
    logging.level = "none";
    say("error", "epmd");
    expect(all.events).toHaveLength(5);
  });

  test("by the filters of all and of a handler", () => {
    const seen = keeper({
      filters: { net: filters.domain("log", "sub", ["net"]) },
      filterDefault: "stop",
    });
    const logging = new Logging({
      level: "all",
      handlers: { seen: seen.handler },
      filters: {
        progress: filters.progress("stop"),
        secret: (event) => ({
          ...event,
          metadata: { ...event.metadata, password: "…" },
        }),
      },
    });
    logging.log({ ...record, fields: { password: "x", domain: ["tls"] } });
    logging.log({ ...record, fields: { report: "progress" } });
    logging.log({ ...record, category: "actor" });
    expect(seen.events).toMatchObject([
      { domain: ["net", "tls"], metadata: { password: "…" } },
    ]);
    expect(logging.removeFilter("progress")).toBe(true);
    expect(logging.removeFilter("progress")).toBe(false);
    logging.addFilter("remote", filters.remote("stop"));
    logging.log({ ...record, fields: { report: "progress" } });
    logging.log({ ...record, fields: { from: "b@x" } });
    expect(seen.events.map(({ report }) => report))
      .toEqual([null, "progress"]);
    expect(() => logging.addFilter("remote", filters.remote("log")))
      .toThrow(UsageError);
  });

  test("filters compare levels, domains and reports", () => {
    const event: LogEvent = {
      severity: "warning",
      message: "",
      node: "",
      domain: ["actor", "shop"],
      report: "crash",
      metadata: {},
      timeMs: 0,
    };
    const meant = (filter: (event: LogEvent) => unknown) =>
      filter(event) === "stop";
    const level = (how: Parameters<typeof filters.level>[1]) =>
      (["error", "warning", "info"] as const).map((severity) =>
        meant(filters.level("stop", how, severity))
      );
    expect(level("equal")).toEqual([false, true, false]);
    expect(level("notEqual")).toEqual([true, false, true]);
    expect(level("above")).toEqual([false, false, true]);
    expect(level("below")).toEqual([true, false, false]);
    expect(level("atLeast")).toEqual([false, true, true]);
    expect(level("atMost")).toEqual([true, true, false]);
    const domain = (how: Parameters<typeof filters.domain>[1]) =>
      [["actor"], ["actor", "shop"], ["actor", "shop", "till"], ["net"]].map(
        (one) => meant(filters.domain("stop", how, one)),
      );
    expect(domain("equal")).toEqual([false, true, false, false]);
    expect(domain("notEqual")).toEqual([true, false, true, true]);
    expect(domain("sub")).toEqual([true, true, false, false]);
    expect(domain("super")).toEqual([false, true, true, false]);
    expect(meant(filters.report("stop", "crash"))).toBe(true);
    expect(filters.report("log", "crash")(event)).toBe(event);
    expect(filters.report("log", "other")(event)).toBe("ignore");
  });

  test("handlers are added, changed and removed", () => {
    const first = keeper();
    const second = keeper();
    const logging = new Logging({ handlers: { first: first.handler } });
    logging.addHandler("second", second.handler);
    expect(logging.handlers).toEqual(["first", "second"]);
    expect(() => logging.addHandler("second", second.handler))
      .toThrow("expected a new name for a handler, got second");
    logging.updateHandler("second", { level: "none" });
    expect(() => logging.updateHandler("third", {})).toThrow(UsageError);
    logging.log(record);
    expect(logging.removeHandler("first")).toBe(true);
    expect(logging.removeHandler("first")).toBe(false);
    logging.log(record);
    expect([first.events.length, second.events.length]).toEqual([1, 0]);
    expect(logging.stats("first")).toBeNull();
    expect(logging.stats("second")).toEqual({ written: 0, dropped: 0 });
  });
});

describe("when it fails", () => {
  test("a handler is removed, and that is reported once", async () => {
    const { events, handler: keep } = keeper();
    const logging = new Logging({
      handlers: {
        throws: {
          write: () => {
            throw new Error("disk full");
          },
        },
        rejects: { write: () => Promise.reject(new Error("gone")) },
        keep,
      },
    });
    const { node } = await lone({ log: logging.log });
    await node.run((self) => {
      for (const n of [1, 2, 3]) logger(self).error(`line ${n}`);
    });
    await waitFor(() => events.length === 5, { what: "the reports" });
    expect(messages(events).toSorted()).toEqual([
      "line 1",
      "line 2",
      "line 3",
      "the log handler rejects has failed and was removed",
      "the log handler throws has failed and was removed",
    ]);
    expect(logging.handlers).toEqual(["keep"]);
  });

  test("a filter is removed, a formatter replaced", () => {
    const { events, handler: keep } = keeper();
    const text: string[] = [];
    const logging = new Logging({
      filters: {
        bad: () => {
          throw new Error("no");
        },
      },
      handlers: {
        keep,
        text: lines((line) => void text.push(line), {
          format: () => {
            throw new Error("ugly");
          },
        }),
      },
    });
    logging.log(record);
    logging.log(record);
    expect(messages(events)).toEqual([
      "the log filter bad has thrown and was removed",
      "lost",
      "lost",
    ]);
    expect(text[0]).toContain("the formatter has thrown Error: ugly");
    expect(text.slice(1).every((line) => !line.includes("ugly"))).toBe(true);
  });

  test("a record that a handler logs itself is dropped", async () => {
    let self: Self<never> | null = null;
    let count = 0;
    const logging = new Logging({
      handlers: {
        loop: {
          write: () => {
            count++;
            self?.log("error", "again");
          },
        },
      },
    });
    const { node } = await lone({ log: logging.log });
    await node.run((me: Self<never>) => {
      self = me;
      me.log("error", "once");
    });
    expect(count).toBe(1);
  });
});

describe("a burst", () => {
  test("of 1,000 actors is limited, counted and reported", async () => {
    const { host, advance } = handClock();
    const { events, handler: keep } = keeper({
      burst: { limit: 500, windowMs: 1_000 },
    });
    const logging = new Logging({ host, handlers: { keep } });
    const { node } = await lone({ log: logging.log });
    let left = 1_000;
    for (let i = 0; i < 1_000; i++) {
      node.spawn((self) => {
        for (let n = 0; n < 20; n++) logger(self).error(`${i} ${n}`);
        left--;
      });
    }
    await waitFor(() => left === 0, { what: "the storm" });
    expect(events).toHaveLength(500);
    expect(logging.stats("keep")).toEqual({ written: 500, dropped: 19_500 });
    advance(1_000);
    expect(events.at(-1)).toMatchObject({
      severity: "warning",
      message: "19500 log records were dropped",
      metadata: { dropped: 19_500, handler: "keep" },
    });
    // After the burst, all events pass again.
    logging.log(record);
    expect(events.at(-1)?.message).toBe("lost");
    advance(10_000);
    expect(events).toHaveLength(502);
  });

  test("is reported by the next record, by flush, and when a handler goes", () => {
    const { host, advance } = handClock();
    const { events, handler: keep } = keeper({
      burst: { limit: 1, windowMs: 10 },
    });
    const logging = new Logging({ host, handlers: { keep } });
    const storm = () => [1, 2, 3].forEach(() => logging.log(record));
    storm();
    logging.flush();
    advance(10);
    storm();
    logging.removeHandler("keep");
    expect(messages(events)).toEqual([
      "lost",
      "2 log records were dropped",
      "lost",
      "2 log records were dropped",
    ]);
  });
});

test("logging does not throw when its fields do", async () => {
  const events: LogEvent[] = [];
  const logging = new Logging({
    level: "all",
    handlers: { list: { write: (event) => void events.push(event) } },
  });
  const { node } = await lone({ log: logging.log });
  const error = new Error("as asked");
  const fields = {
    get order(): number {
      throw error;
    },
  };
  await node.run((self) => {
    self.log("info", "plain", fields);
    logger(self, { domain: ["shop"] }).alert("structured", fields);
  });
  expect(events).toMatchObject([
    { message: "plain", metadata: { error } },
    { message: "structured", severity: "alert", metadata: { error } },
  ]);
});
