/** Log lines that are repeated: written in full, then summed up. */
import { expect, test } from "vitest";
import {
  LOG_BURST,
  LOG_WINDOW_MS,
  LogLimit,
  type RepeatableLine,
} from "../../../runtime/net/limits/log_limit.ts";
import { FakeHost } from "../../helpers/fake_host.ts";

function limit(more: { burst?: number; host?: FakeHost } = {}) {
  const host = more.host ?? new FakeHost();
  const lines: string[] = [];
  const fields: unknown[] = [];
  const log = new LogLimit({
    host,
    log: (level, message, its) => {
      lines.push(`${level}: ${message}`);
      fields.push(its);
    },
    ...(more.burst === undefined ? {} : { burst: more.burst }),
  });
  return { host, lines, fields, log };
}

function line(message: string, more: Partial<RepeatableLine> = {}) {
  return {
    ...{ level: "warning", kind: "timeout", source: "from 10.0.0.1" } as const,
    message,
    ...more,
  };
}

test("ten thousand lines become a few and one summary", () => {
  const { host, lines, fields, log } = limit({ burst: 2 });
  for (let i = 1; i <= 10_000; i++) {
    log.log(line(`refused ${i}`, { fields: { reason: "timeout" } }));
  }
  expect(lines).toEqual(["warning: refused 1", "warning: refused 2"]);
  host.advance(LOG_WINDOW_MS);
  expect(lines.slice(2)).toEqual([
    "warning: … and 9,998 more of the same from 10.0.0.1 in the last 10 s; " +
    "the newest: refused 10000",
  ]);
  expect(fields[2]).toEqual({ reason: "timeout", count: 9_998 });
  expect(host.timers.size).toBe(0);
});

test("a few lines set no timer and are never summed up", () => {
  const { host, lines, log } = limit();
  for (let i = 0; i < LOG_BURST; i++) log.log(line(`${i}`));
  expect(lines).toHaveLength(LOG_BURST);
  expect(host.timersSet).toBe(0);
  log.close();
  expect(lines).toHaveLength(LOG_BURST);
});

test("a single line that was held back is written as it is", () => {
  const { host, lines, log } = limit({ burst: 1 });
  log.log(line("one"));
  log.log(line("two"));
  host.advance(LOG_WINDOW_MS);
  expect(lines).toEqual(["warning: one", "warning: two"]);
});

test("each kind, level and source has a window of its own", () => {
  const { lines, log } = limit({ burst: 1 });
  const different: Partial<RepeatableLine>[] = [
    {},
    { kind: "bad-cookie" },
    { level: "error" },
    { source: "from 10.0.0.2" },
    { source: "with z@host" },
  ];
  for (const more of [...different, ...different]) log.log(line("it", more));
  expect(lines).toHaveLength(different.length);
});

test("a flood that goes on is summed up in each window", () => {
  const { host, lines, log } = limit({ burst: 1 });
  for (let second = 0; second < 30; second++) {
    for (let i = 0; i < 10; i++) log.log(line("again"));
    host.advance(1_000);
  }
  expect(lines).toEqual(
    Array.from({ length: 3 }, () => [
      "warning: again",
      "warning: … and 99 more of the same from 10.0.0.1 in the last 10 s; " +
      "the newest: again",
    ]).flat(),
  );
  expect(host.timers.size).toBe(0);
});

test("a window that has ended before its timer fires is summed up first", () => {
  const { host, lines, log } = limit({ burst: 1 });
  for (let i = 0; i < 3; i++) log.log(line("early"));
  host.time += LOG_WINDOW_MS;
  log.log(line("late"));
  expect(lines.map((text) => text.includes("2 more")))
    .toEqual([false, true, false]);
  host.advance(LOG_WINDOW_MS);
  expect(lines).toHaveLength(3);
});

test("more sources than can be kept are counted together", () => {
  const { host, lines, log } = limit({ burst: 1 });
  for (let i = 0; i < 10_000; i++) {
    log.log(line(`refused ${i}`, { source: `from ${i}` }));
  }
  // Each source that found room, and the first of the others.
  expect(lines.length).toBe(257);
  host.advance(LOG_WINDOW_MS);
  expect(lines.slice(257)).toEqual([
    "warning: … and 9,743 more of the same from other sources in the last " +
    "10 s; the newest: refused 9999",
  ]);
  // Windows that have ended make room.
  log.log(line("later", { source: "from 10.0.0.9" }));
  for (let i = 0; i < 3; i++) log.log(line("x", { source: "from 10.0.0.9" }));
  host.advance(LOG_WINDOW_MS);
  expect(lines.at(-1)).toContain("3 more of the same from 10.0.0.9");
});

test("close writes the summaries at once and leaves no timer", () => {
  const { host, lines, log } = limit({ burst: 1 });
  for (let i = 0; i < 3; i++) log.log(line("it"));
  expect(host.timers.size).toBe(1);
  log.close();
  expect(lines[1]).toContain("2 more of the same");
  for (let i = 0; i < 3; i++) log.log(line("afterwards"));
  expect(host.timers.size).toBe(0);
});

test("lines that the log does not use are not counted", () => {
  const host = Object.assign(new FakeHost(), {
    logs: (level: string) => level !== "debug",
  });
  const { lines, log } = limit({ host, burst: 1 });
  for (let i = 0; i < 9; i++) log.log(line("scan", { level: "debug" }));
  expect(lines).toEqual([]);
  expect(host.timersSet).toBe(0);
});
