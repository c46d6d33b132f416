/** Reports of a node, and events as LogTape and `lines` show them. */
import {
  configureSync,
  type LogRecord as TapeRecord,
  resetSync,
} from "@logtape/logtape";
import { afterEach, describe, expect, test } from "vitest";
import { handler, type LogRecord } from "../../../runtime/mod.ts";
import { genServer } from "../../../std/gen_server/mod.ts";
import { formatEvent, Logging, logTape } from "../../../std/logger/mod.ts";
import { lone } from "../../helpers/actors.ts";
import { waitFor } from "../../helpers/wait.ts";
import { keeper, record } from "./world.ts";

describe("reports of a node", () => {
  test("of a crash have the actor, the reason and its state", async () => {
    const { events, handler: keep } = keeper();
    const logging = new Logging({ handlers: { keep } });
    const { node } = await lone({ log: logging.log });
    const error = new RangeError("too far");
    const pid = node.spawn(
      handler(0, () => {
        throw error;
      }),
      { name: "walker" },
    );
    node.send(pid, 1);
    node.send(pid, 2);
    await waitFor(() => events.length === 1, { what: "the report" });
    expect(events[0]).toMatchObject({
      severity: "error",
      report: "crash",
      domain: ["actor"],
      metadata: {
        name: "walker",
        error,
        stack: expect.stringContaining("too far"),
        messages: ["2"],
      },
    });
    expect(events[0]?.metadata["pid"]).toMatch(/^#PID/);
  });

  test("of a server have its message and state, shortened", async () => {
    const { events, handler: keep } = keeper();
    const logging = new Logging({ handlers: { keep } });
    const { node } = await lone({ log: logging.log });
    const Bad = genServer({
      name: "Bad",
      init: () => "x".repeat(100_000),
      casts: {
        fail: (_server, _why: string) => {
          throw new Error("no");
        },
      },
    });
    await node.run(async (self) => {
      const bad = await Bad.start(self);
      bad.fail("because");
      await waitFor(() => events.length === 2, { what: "the reports" });
    });
    const report = events.find(({ report }) => report === "server");
    expect(report?.metadata["lastMessage"]).toContain("because");
    expect(String(report?.metadata["state"]).length).toBeLessThan(10_000);
  });
});

describe("LogTape", () => {
  afterEach(() => resetSync());

  test("gets events by domain and level", () => {
    const tape: TapeRecord[] = [];
    configureSync({
      sinks: { keep: (one: TapeRecord) => void tape.push(one) },
      loggers: [
        { category: ["logtape", "meta"], sinks: [] },
        { category: "hornbeam", sinks: ["keep"], lowestLevel: "debug" },
        {
          category: ["hornbeam", "actor", "quiet"],
          sinks: ["keep"],
          lowestLevel: "error",
        },
      ],
    });
    const logging = new Logging({
      level: "all",
      handlers: { tape: logTape({ level: "info" }) },
    });
    const say = (level: LogRecord["level"], fields = {}) =>
      logging.log({ ...record, category: "actor", level, fields });
    say("debug");
    say("error", { level: "critical", domain: ["shop"], order: 7 });
    say("info", { level: "notice" });
    say("info", { domain: ["quiet"] });
    expect(tape.map(({ category, level }) => [category, level])).toEqual([
      [["hornbeam", "actor", "shop"], "fatal"],
      [["hornbeam", "actor"], "info"],
    ]);
    expect(tape[0]?.properties).toMatchObject({ node: "a@x", order: 7 });
  });
});

test("an event is one line of text", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  expect(formatEvent({
    severity: "notice",
    message: "a\nb",
    node: "",
    domain: ["actor", "x"],
    report: "server",
    metadata: {
      error: new Error("e"),
      n: 1,
      none: undefined,
      cycle,
      long: "y".repeat(600),
    },
    timeMs: 0,
  })).toBe(
    "1970-01-01T00:00:00.000Z notice - [actor.x] a\\nb report=server " +
      `error=Error: e n=1 cycle=(unprintable) long=${"y".repeat(500)}...`,
  );
});
