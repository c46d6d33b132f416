import { connect as dial, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Pid } from "../../runtime/core/terms/terms.ts";
import { createHost } from "../../runtime/platform/host/host.ts";
import { createWeakPidTable } from "../../runtime/platform/host/weak_pids.ts";
import { currentRuntime, root, spawnRuntime } from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";

const host = createHost({ log: () => {} });

describe("host", () => {
  test("knows its runtime", () => {
    expect(host.runtime).toBe(currentRuntime());
  });

  test("has a monotonic clock and a wall clock", () => {
    const before = Date.now();
    expect(host.wallTime()).toBeGreaterThanOrEqual(before);
    const first = host.now();
    expect(host.now()).toBeGreaterThanOrEqual(first);
  });

  test("draws 32-bit words that differ", () => {
    const words = Array.from({ length: 1_000 }, () => host.randomU32());
    expect(words.every((word) => Number.isInteger(word))).toBe(true);
    expect(Math.min(...words)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...words)).toBeLessThanOrEqual(0xffffffff);
    expect(Math.max(...words)).toBeGreaterThan(0x7fffffff);
    expect(new Set(words).size).toBeGreaterThan(990);
  });

  test("digests with MD5", () => {
    const digest = host.md5(new TextEncoder().encode("secret0"));
    expect(digest.constructor).toBe(Uint8Array);
    expect(Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")))
      .toEqual("175ec77a7f63082590987d0d8b051aff".match(/../g));
  });

  test("runs timers in their order and not the cleared ones", async () => {
    const ran: string[] = [];
    await new Promise<void>((resolve) => {
      host.setTimer(() => {
        ran.push("late");
        resolve();
      }, 20);
      host.clearTimer(host.setTimer(() => ran.push("cleared"), 1));
      host.setTimer(() => ran.push("early"), 1);
    });
    expect(ran).toEqual(["early", "late"]);
  });

  test("runs microtasks before macrotasks", async () => {
    const ran: string[] = [];
    await new Promise<void>((resolve) => {
      host.macrotask(() => {
        ran.push("macro");
        resolve();
      });
      host.microtask(() => ran.push("micro"));
      ran.push("sync");
    });
    expect(ran).toEqual(["sync", "micro", "macro"]);
  });

  test("shares one pid table between the hosts of a thread", () => {
    expect(createHost({ log: () => {} }).pids).toBe(host.pids);
  });
});

describe("a chain of macrotasks", () => {
  test("gives timers and sockets their turns between busy slices", async () => {
    const server = createServer((socket) => {
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("error", () => {});
    });
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address() as { port: number };
    const socket = dial(address.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");

    let echoes = 0;
    socket.on("data", () => {
      echoes++;
      socket.write("x");
    });
    socket.write("x");
    let ticks = 0;
    const tick = setInterval(() => ticks++, 5);
    onTestFinished(() => clearInterval(tick));

    const slices = 200;
    const runSlices = () =>
      new Promise<void>((resolve) => {
        let ran = 0;
        const slice = () => {
          const until = performance.now() + 2;
          while (performance.now() < until);
          if (++ran === slices) resolve();
          else host.macrotask(slice);
        };
        host.macrotask(slice);
      });
    // In 400 ms of work there is time for 80 ticks; a starved loop has a few.
    // With `setImmediate` alone, Deno has two echoes. A loop that starves them
    // does so in each round; a busy machine does not.
    const hasTurns = () => ticks > slices / 8 && echoes > slices / 20;
    for (let round = 0; round < 10 && !hasTurns(); round++) {
      ticks = echoes = 0;
      await runSlices();
    }
    expect({ ticks, echoes, hasTurns: hasTurns() })
      .toMatchObject({ hasTurns: true });
  });
});

describe("floating rejections", () => {
  const fixture = join(root, "tests", "fixtures", "rejections.ts");
  const attributes = currentRuntime() !== "bun";
  const ownedByActors = [
    "one: one floats",
    "one: one floats later",
    "two: two floats",
    "two: two floats later",
  ];
  const ownedByNobody = [
    "a string",
    "macrotask",
    "macrotask",
    "microtask",
    "microtask",
    "nobody's",
  ];

  async function run(mode: string): Promise<Record<string, unknown>> {
    const child = spawnRuntime(currentRuntime(), fixture, [mode]);
    onTestFinished(() => void child.stop());
    const line = await child.waitForLine(/^\{.*\}$/);
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    return JSON.parse(line[0]);
  }

  test("go to their actor, or else to the log, and do not end the process", async () => {
    const seen = await run("caught");
    const unknown = attributes ? ownedByNobody : [
      ...ownedByNobody,
      ...ownedByActors.map((line) => line.slice("one: ".length)),
    ];
    expect(seen["attributes"]).toBe(attributes);
    expect(seen["owned"]).toEqual(attributes ? ownedByActors : []);
    expect(seen["counts"]).toEqual({
      attributed: attributes ? 4 : 0,
      unattributed: unknown.length,
    });
    const lines = unknown.map((text) =>
      `unhandled rejection, unknown actor: ${
        text === "a string" ? text : `Error: ${text}`
      }`
    );
    if (attributes) {
      lines.push(
        "an actor's rejection could not be handed to it: Error: a bad owner",
      );
    }
    expect(seen["logged"]).toEqual(lines.sort());
  });

  test("are left to the program's listener when they belong to no actor", async () => {
    const seen = await run("listener");
    expect(seen["heard"]).toEqual(
      [
        ...ownedByNobody.map((text) => text === "a string" ? "?" : text),
        ...ownedByActors.map((line) => line.slice("one: ".length)),
      ].sort(),
    );
    expect(seen["owned"]).toEqual(attributes ? ownedByActors : []);
    expect(seen["logged"]).toEqual(
      attributes
        ? ["an actor's rejection could not be handed to it: Error: a bad owner"]
        : [],
    );
  });

  test("end the process as usual once the last node has stopped", async () => {
    const child = spawnRuntime(currentRuntime(), fixture, ["released"]);
    onTestFinished(() => void child.stop());
    // Node.js and Deno end the process at once; Bun exits with 1 at its end.
    const exit = await child.waitForExit();
    expect(exit.code).not.toBe(0);
  });
});

describe("weak pid table", () => {
  const pid = (id: number) => new Pid("a@127.0.0.1", id, 0, 7, null);

  test("finds what was added, and the newest for a key", () => {
    const table = createWeakPidTable();
    const [one, two, three] = [pid(1), pid(2), pid(3)];
    expect(table.find("1")).toBeUndefined();
    table.add("1", one);
    table.add("2", two);
    expect(table.find("1")).toBe(one);
    expect(table.find("2")).toBe(two);
    table.add("1", three);
    expect(table.find("1")).toBe(three);
    expect(table.size).toBe(2);
  });

  test("keeps objects that are referred to, and releases the others", async () => {
    const table = createWeakPidTable();
    const held: Pid[] = [];
    const count = 20_000;
    for (let i = 0; i < count; i++) {
      const value = pid(i);
      if (i % 1_000 === 0) held.push(value);
      table.add(`k${i}`, value);
    }
    expect(table.size).toBe(count);
    // No runtime collects on request, so the test makes garbage until it does.
    await waitFor(() => {
      for (let i = 0; i < 20_000; i++) garbage.push(new Array(64).fill(i));
      garbage.length = 0;
      return table.size < count / 2;
    }, { what: "collected entries", timeoutMs: 15_000 });
    for (const value of held) {
      expect(table.find(`k${value.id}`)).toBe(value);
    }
  });
});

const garbage: unknown[] = [];
