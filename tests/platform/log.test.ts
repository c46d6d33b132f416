import {
  configureSync,
  type LogRecord as TapeRecord,
  resetSync,
} from "@logtape/logtape";
import { afterEach, describe, expect, test } from "vitest";
import type { LogRecord } from "../../runtime/core/host/ports.ts";
import { createLog, formatLogRecord } from "../../runtime/platform/host/log.ts";

const record: LogRecord = {
  level: "warning",
  category: "net",
  node: "a@127.0.0.1",
  message: "connection lost",
  fields: { peer: "b@127.0.0.1", bytes: 12 },
};

afterEach(() => resetSync());

describe("log lines", () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 6);
  const line = (fields: Record<string, unknown>) =>
    formatLogRecord({ ...record, message: "m", fields }, at, false)
      .replace("03:04:05.006 warning a@127.0.0.1 [net] m", "").trim();

  test("have a time, a level, a node, a part, a message and fields", () => {
    expect(formatLogRecord(record, at, false)).toBe(
      "03:04:05.006 warning a@127.0.0.1 [net] connection lost " +
        "peer=b@127.0.0.1 bytes=12",
    );
    expect(formatLogRecord({ ...record, node: "", fields: {} }, at, true))
      .toBe("03:04:05.006 \x1b[33mwarning\x1b[0m - [net] connection lost");
  });

  test("show values of every kind", () => {
    expect(line({ a: "x y", b: 'say "x"', c: "" }))
      .toBe('a="x y" b="say \\"x\\"" c=""');
    expect(line({ a: 1n, b: true, c: null, d: undefined, e: Symbol.for("s") }))
      .toBe("a=1 b=true c=null e=Symbol(s)");
    expect(line({ a: { b: [1n, "x"] } })).toBe('a={"b":["1","x"]}');
    expect(line({ a: new TypeError("no") })).toBe('a="TypeError: no"');
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    expect(line({ a: cycle })).toBe("a=(unprintable)");
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(line({ a: proxy })).toBe("a=(unprintable)");
    expect(line({ a: "x".repeat(3_000) })).toBe(`a=${"x".repeat(2_000)}...`);
  });

  test("stay one line without control characters, for any content", () => {
    const nasty = "a\nb\x1b[31mred\r\x07";
    const text = formatLogRecord(
      {
        ...record,
        node: nasty,
        message: nasty,
        fields: { a: nasty, b: [nasty], c: new Error(nasty) },
      },
      at,
      false,
    );
    expect(text).not.toMatch(/\p{Cc}/u);
    expect(text).toContain("a\\nbred");
  });
});

describe("a log", () => {
  test("writes lines from its level up while LogTape is not configured", () => {
    const lines: string[] = [];
    const log = createLog({
      write: (line) => lines.push(line),
      color: false,
    });
    for (const level of ["debug", "info", "warning", "error"] as const) {
      log({ ...record, level });
    }
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} info a@127\.0\.0\.1 \[net\] connection lost .*\n$/,
    );
    const errors: string[] = [];
    const quiet = createLog({
      level: "error",
      write: (line) => errors.push(line),
    });
    quiet(record);
    expect(errors).toEqual([]);
    expect([log, quiet].map(({ logs }) => [logs?.("info"), logs?.("error")]))
      .toEqual([[true, true], [false, true]]);
  });

  test("goes to LogTape as soon as the program configures it", () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    log(record);
    expect(lines).toHaveLength(1);
    const seen: TapeRecord[] = [];
    configureSync({
      sinks: { test: (one: TapeRecord) => void seen.push(one) },
      loggers: [
        { category: ["logtape", "meta"], sinks: [] },
        { category: "hornbeam", sinks: ["test"], lowestLevel: "debug" },
      ],
    });
    log({ ...record, message: "braces {peer} stay", level: "debug" });
    log(record);
    expect(lines).toHaveLength(1);
    expect(seen.map((one) => [one.category, one.level, one.message])).toEqual([
      [["hornbeam", "net"], "debug", ["braces {peer} stay"]],
      [["hornbeam", "net"], "warning", ["connection lost"]],
    ]);
    expect(seen[1]!.properties).toEqual({
      node: "a@127.0.0.1",
      peer: "b@127.0.0.1",
      bytes: 12,
    });
  });
});
