/** The output of `hornbeam cluster`, without terminal and processes. */
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../cli/shared/restarts.ts";
import { relay } from "../../cli/launcher/relay.ts";
import { assignRuntimes } from "../../cli/launcher/runtimes.ts";
import { Screen, type ScreenStream } from "../../cli/launcher/screen.ts";
import { renderView, type Row, short } from "../../cli/launcher/view.ts";
import { rate } from "../../cli/launcher/watch.ts";
import { waitFor } from "../helpers/wait.ts";

const up: Row = {
  name: "node1@127.0.0.1",
  state: "up",
  runtime: "deno",
  pid: 12345,
  actors: 7,
  messagesPerSecond: 123_456,
};
const dead: Row = {
  name: "n2@127.0.0.1",
  state: "restarting",
  runtime: "bun",
  pid: null,
  actors: null,
  messagesPerSecond: null,
};

describe("the live lines", () => {
  it("are a table", () => {
    const size = { columns: 80, rows: 24, color: false };
    expect(renderView([up, dead], size)).toEqual([
      "NODE             STATE       ACTORS   MSG/S  RUNTIME      PID",
      "node1@127.0.0.1  up               7  123.5k  deno       12345",
      "n2@127.0.0.1     restarting       -       -  bun            -",
    ]);
  });

  it("are never wider than the terminal, colours not counted", () => {
    for (let columns = 1; columns < 80; columns++) {
      for (const color of [false, true]) {
        const lines = renderView([up, dead], { columns, rows: 24, color });
        const widths = lines.map((line) =>
          // deno-lint-ignore no-control-regex
          line.replaceAll(/\x1b\[\d+m/g, "").length
        );
        expect(Math.max(...widths)).toBe(
          Math.max(1, Math.min(columns - 1, 61)),
        );
      }
    }
  });

  it("colour the state", () => {
    const size = { columns: 80, rows: 24, color: true };
    const [, first, second] = renderView([up, dead], size);
    expect(first).toContain("\x1b[32m  up        \x1b[39m");
    expect(second).toContain("\x1b[33m  restarting\x1b[39m");
  });

  it("count the nodes that have no room", () => {
    const rows = Array.from({ length: 9 }, (_, i) => ({
      ...up,
      name: `n${i}@h`,
    }));
    const lines = renderView(rows, { columns: 80, rows: 8, color: false });
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toBe("and 5 more");
    expect(lines.at(-2)).toContain("n3@h");
  });

  it.each([
    [0, "0"],
    [999.6, "1000"],
    [9_999, "9999"],
    [9_999.9, "10.0k"],
    [999_949, "999.9k"],
    [999_951, "1.0M"],
    [4_500_000, "4.5M"],
    [7.25e9, "7.3G"],
  ])("write %d as %s", (n, text) => {
    expect(short(n)).toBe(text);
  });
});

/** A stream that keeps its text; it is full when `isFull`. */
class FakeStream implements ScreenStream {
  readonly isTTY: boolean;
  columns = 20;
  rows = 10;
  written = "";
  isFull = false;
  #drain: () => void = () => {};
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string): boolean {
    this.written += text;
    return !this.isFull;
  }
  once(_event: "drain", listener: () => void): void {
    this.#drain = listener;
  }
  drain(): void {
    this.isFull = false;
    this.#drain();
  }
  take(): string {
    const text = this.written;
    this.written = "";
    return text;
  }
}

describe("the screen", () => {
  it("overwrites the live lines in place", () => {
    const stderr = new FakeStream(true);
    const screen = new Screen({ stdout: new FakeStream(false), stderr });
    screen.draw(["a", "b"]);
    expect(stderr.take()).toBe("\ra\x1b[K\nb\x1b[K\n\x1b[J");
    screen.draw(["a", "c"]);
    expect(stderr.take()).toBe("\r\x1b[2Aa\x1b[K\nc\x1b[K\n\x1b[J");
    screen.draw(["a", "c"]);
    expect(stderr.take()).toBe("");
  });

  it("moves further up when the terminal has become narrower", () => {
    const stderr = new FakeStream(true);
    const screen = new Screen({ stdout: new FakeStream(false), stderr });
    screen.draw(["x".repeat(19), "y"]);
    stderr.take();
    stderr.columns = 10;
    screen.draw(["x", "y"]);
    expect(stderr.take().startsWith("\r\x1b[3Ax")).toBe(true);
  });

  it("prints above the live lines", () => {
    const [stdout, stderr] = [new FakeStream(true), new FakeStream(true)];
    const screen = new Screen({ stdout, stderr });
    screen.draw(["live"]);
    stderr.take();
    screen.print("stdout", ["one", "two"]);
    expect(stderr.take()).toBe("\r\x1b[1A\x1b[Jone\ntwo\nlive\x1b[K\n");
    expect(stdout.take()).toBe("");
  });

  it("does not change output that does not go to the terminal", () => {
    const [stdout, stderr] = [new FakeStream(false), new FakeStream(true)];
    const screen = new Screen({ stdout, stderr });
    screen.draw(["live"]);
    stderr.take();
    screen.print("stdout", ["one"]);
    expect([stdout.take(), stderr.take()]).toEqual(["one\n", ""]);
  });

  it("has no live lines without a terminal", () => {
    const [stdout, stderr] = [new FakeStream(true), new FakeStream(false)];
    const screen = new Screen({ stdout, stderr });
    screen.draw(["live"]);
    screen.print("stderr", ["one"]);
    expect(stderr.take()).toBe("one\n");
  });
});

describe("relayed output", () => {
  function relayed(isLive: boolean): {
    source: PassThrough;
    stream: FakeStream;
    isQuiet: () => boolean;
  } {
    const source = new PassThrough();
    const stream = new FakeStream(isLive);
    const screen = new Screen({ stdout: stream, stderr: stream });
    const { isQuiet } = relay(source, {
      screen,
      to: "stdout",
      prefix: "n1 | ",
      keep: (line) => line === "secret",
    });
    return { source, stream, isQuiet };
  }

  it("has a prefix on each line, also on the last", async () => {
    const { source, stream } = relayed(false);
    source.write("a\r\nsecret\nb");
    source.end("c");
    await waitFor(() => stream.written.endsWith("c\n"), { what: "the end" });
    expect(stream.written).toBe("n1 | a\nn1 | bc\n");
  });

  it("cannot move the cursor into the live lines", async () => {
    const { source, stream } = relayed(true);
    source.end("a\x1b[2Ab\tc\x07\n");
    await waitFor(() => stream.written !== "", { what: "the line" });
    expect(stream.written).toBe("\r\x1b[Jn1 | ab\tc\n");
  });

  it("waits for a slow reader", async () => {
    const { source, stream, isQuiet } = relayed(false);
    stream.isFull = true;
    source.write("a\n");
    await waitFor(() => source.isPaused(), { what: "the pause" });
    source.write("b\n");
    expect(isQuiet()).toBe(false);
    expect(isQuiet()).toBe(false);
    expect(stream.written).toBe("n1 | a\n");
    stream.drain();
    await waitFor(() => stream.written === "n1 | a\nn1 | b\n", {
      what: "the second line",
    });
    await waitFor(isQuiet, { what: "the end of it" });
  });
});

describe("helpers of the launcher", () => {
  it("`mixed` assigns the runtimes in turn", () => {
    expect(assignRuntimes("mixed", 4)).toEqual(["node", "deno", "bun", "node"]);
    expect(assignRuntimes("bun", 2)).toEqual(["bun", "bun"]);
  });

  it("the pause grows with each restart", () => {
    expect([1, 2, 3, 6, 7, 20].map(backoffMs))
      .toEqual([100, 200, 400, 3_200, 5_000, 5_000]);
  });

  it("a node's rate leaves out the launcher's question", () => {
    expect(rate(101, 500)).toBe(200);
    expect(rate(0, 500)).toBe(0);
    expect(rate(5, 0)).toBe(0);
  });
});
