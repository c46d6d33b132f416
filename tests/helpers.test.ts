/** The test helpers themselves, because every other test leans on them. */
import { connect, createServer } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hasBeam } from "./helpers/beam.ts";
import { freePort } from "./helpers/ports.ts";
import {
  currentRuntime,
  isRunning,
  runtimes,
  spawnProcess,
  spawnRuntime,
} from "./helpers/processes.ts";
import { onDeadline, slowdownOf, waitFor } from "./helpers/wait.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hornbeam-helpers-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function program(name: string, source: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, source);
  return path;
}

describe("waitFor", () => {
  it("gives the first truthy value", async () => {
    let calls = 0;
    const value = await waitFor(() => ++calls >= 3 && `after ${calls}`, {
      what: "three calls",
    });
    expect(value).toBe("after 3");
  });

  it("takes an error for not yet", async () => {
    let calls = 0;
    const value = await waitFor(() => {
      if (++calls < 2) throw new Error("too early");
      return calls;
    }, { what: "two calls" });
    expect(value).toBe(2);
  });

  it("names what it waited for and what it last saw", async () => {
    const late = waitFor(() => false, { what: "rain", timeoutMs: 20 });
    await expect(late).rejects.toThrow(
      "timed out waiting for rain: not within 20 ms; " +
        "the condition last gave false",
    );
  });

  it("does not count a time in which the machine stood still", async () => {
    let now = 0;
    using _clock = vi.spyOn(Date, "now").mockImplementation(() => now);
    let calls = 0;
    const value = await waitFor(() => {
      now += 60_000;
      return ++calls > 2;
    }, { what: "the third call", timeoutMs: 1_000 });
    expect(value).toBe(true);
  });
});

describe("a deadline", () => {
  it.each([
    ["0.50 0.40 0.30 1/385 2641", 2, 1],
    ["0.50 0.40 0.30 2/385 2641", 2, 1],
    ["18.54 20.56 20.10 7/385 2641", 2, 3.5],
    ["18.54 20.56 20.10 99/385 2641", 2, 6],
    ["something else", 2, 1],
  ])("is extended while tasks wait for a core: %s", (text, cores, factor) => {
    expect(slowdownOf(text, cores)).toBe(factor);
  });

  it("counts the share of the time in which its processes could work", () => {
    vi.useFakeTimers();
    try {
      let slowdown = 4;
      let isLate = false;
      onDeadline(1_000, () => isLate = true, () => slowdown);
      vi.advanceTimersByTime(2_000);
      slowdown = 1;
      vi.advanceTimersByTime(400);
      expect(isLate).toBe(false);
      vi.advanceTimersByTime(100);
      expect(isLate).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("freePort", () => {
  it("gives a port that can be listened on", async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(port, "127.0.0.1", resolve);
    });
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(port).toBeGreaterThan(0);
  });
});

describe("hasBeam", () => {
  it("throws where a missing erl is an error", () => {
    vi.stubEnv("PATH", folder);
    vi.stubEnv("HORNBEAM_REQUIRE_BEAM", "1");
    expect(() => hasBeam()).toThrow("expected erl on PATH");
    vi.stubEnv("HORNBEAM_REQUIRE_BEAM", "");
    expect(hasBeam()).toBe(false);
    vi.unstubAllEnvs();
  });
});

describe.each(runtimes)("a child process on %s", (runtime) => {
  it("runs the pinned runtime and keeps its lines", async () => {
    const file = await program(
      `versions-${runtime}.ts`,
      `       const versions: Record<string, string> = process.versions as never;
       console.log("deno", versions["deno"] !== undefined);
       console.log("bun", versions["bun"] !== undefined);
       console.error("pid", process.pid, process.argv.slice(2).join("+"));`,
    );
    const child = spawnRuntime(runtime, file, ["a", "b c"]);
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    expect(child.stdout).toEqual([
      `deno ${runtime === "deno"}`,
      `bun ${runtime === "bun"}`,
    ]);
    expect(child.stderr).toEqual([`pid ${child.pid} a+b c`]);
  });

  it("waits for a line, writes to it and stops it", async () => {
    const file = await program(
      `echo-${runtime}.ts`,
      `       setInterval(() => {}, 1000);
       process.stdin.on("data", (text) => console.log("got " + text));
       console.log("ready on " + process.pid);`,
    );
    const child = spawnRuntime(runtime, file);
    const [, pid] = await child.waitForLine(/^ready on (\d+)$/);
    expect(Number(pid)).toBe(child.pid);
    expect(isRunning(child.pid)).toBe(true);
    child.write("hail\n");
    await child.waitForLine(/^got hail$/);
    expect(await child.stop()).toEqual({ code: null, signal: "SIGKILL" });
    expect(isRunning(child.pid)).toBe(false);
    await expect(child.waitForLine(/^never$/)).rejects.toThrow(
      "ended without a line like /^never$/",
    );
  });
});

describe("a child process", () => {
  it.each([
    ["is stopped", "sleep 600 & echo $!; wait"],
    ["ends by itself", "sleep 600 & echo $!"],
  ])("with a group that %s takes its children along", async (how, code) => {
    const child = spawnProcess("sh", ["-c", code], { group: true });
    const [pid] = await child.waitForLine(/^\d+$/);
    await (how === "is stopped" ? child.stop() : child.waitForExit());
    await waitFor(() => !isRunning(Number(pid)), { what: "the child's end" });
  });

  it("that cannot start says so", async () => {
    const child = spawnProcess(join(folder, "no-such-program"), []);
    await child.exited;
    expect(() => child.pid).toThrow("did not start");
  });

  it("that ends late is killed and its output shown", async () => {
    const file = await program(
      "late.mjs",
      `setInterval(() => {}, 1000); console.log("still here");`,
    );
    const child = spawnRuntime(currentRuntime(), file);
    await child.waitForLine(/^still here$/);
    await expect(child.waitForExit(20)).rejects.toThrow(
      /did not end within 20 ms .*\n--- stdout\nstill here/,
    );
  });
});
