/**
 * Calls between threads. Both ends are in this thread, so that a test can make
 * one end silent, fail or end.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createLink } from "../../runtime/platform/workers/carrier.ts";
import {
  Calls,
  createPorts,
  offer,
  withPort,
  WorkerError,
} from "../../runtime/platform/workers/control.ts";
import {
  moduleAddress,
  startThread,
} from "../../runtime/platform/workers/thread.ts";
import { root } from "../helpers/processes.ts";

type Api = {
  add(a: number, b: number): number;
  later(value: unknown): Promise<unknown>;
  never(): Promise<void>;
  fail(): void;
  uncloneable(): unknown;
  link(): ReturnType<typeof createLink>[0];
};

class Odd extends Error {
  override readonly name = "Odd";
}

function calls(): Calls<Api> {
  const [here, there] = createPorts();
  onTestFinished(() => {
    here.close();
    there.close();
  });
  offer<Api>(there, {
    add: (a, b) => a + b,
    later: (value) => Promise.resolve(value),
    never: () => new Promise(() => {}),
    fail: () => {
      throw new Odd("on purpose");
    },
    uncloneable: () => () => {},
    link: () => withPort(createLink(64)[0]),
  });
  return new Calls<Api>(here, "the other");
}

const LONG_MS = 10_000;

/** A thread that offers `Busy` and works on nothing else while it is held. */
const busyProgram = join(root, "tests", "workers", "programs", "busy.ts");

type Busy = {
  /** Returns when the first word of the memory is no longer 0. */
  hold(memory: Int32Array): void;
  act(what: string): void;
  acts(): readonly string[];
};

describe("a call to a busy thread", () => {
  test("is not carried out once its caller has given up, a notice is", async () => {
    const [here, there] = createPorts();
    const thread = startThread(
      pathToFileURL(busyProgram),
      { port: there },
      [there],
      "busy",
    );
    const other = new Calls<Busy>(here, "the other");
    onTestFinished(async () => {
      other.close();
      thread.terminate();
      await thread.exited;
    });
    await other.call("act", ["before"], LONG_MS);
    const memory = new Int32Array(new SharedArrayBuffer(4));
    const held = other.call("hold", [memory], LONG_MS);
    const late = await Promise.allSettled([
      other.call("act", ["late"], 20),
      other.notify("act", ["late notice"], 20),
    ]);
    const waits = other.call("act", ["waits"], LONG_MS);
    Atomics.store(memory, 0, 1);
    Atomics.notify(memory, 0);
    await held;
    await waits;
    expect(await other.call("acts", [], LONG_MS))
      .toEqual(["before", "late notice", "waits"]);
    expect(late.map((one) => (one as PromiseRejectedResult).reason.message))
      .toEqual([
        expect.stringMatching(/; the request is not carried out$/),
        expect.stringMatching(/; the request may still be carried out$/),
      ]);
  });

  test("that was taken in time may be carried out", async () => {
    const error = await calls().call("never", [], 20).catch((error) => error);
    expect(error.message).toMatch(/; the request may still be carried out$/);
  });
});

describe("a call", () => {
  test("brings back what the function returns or resolves with", async () => {
    const other = calls();
    expect(await other.call("add", [2, 3], LONG_MS)).toBe(5);
    const value = { a: [1, new Map([[1, 2]])], b: undefined };
    expect(await other.call("later", [value], LONG_MS)).toEqual(value);
  });

  test("brings back what the function throws", async () => {
    await expect(calls().call("fail", [], LONG_MS)).rejects.toMatchObject({
      name: "Odd",
      message: "on purpose",
      stack: expect.stringContaining("control.test"),
    });
  });

  test("hands over memory and a port", async () => {
    const end = await calls().call("link", [], LONG_MS);
    expect(end.inward).toBeInstanceOf(SharedArrayBuffer);
    end.port.postMessage(0);
    end.port.close();
  });

  test("refuses values that cannot be cloned, in both directions", async () => {
    const other = calls();
    await expect(other.call("later", [() => {}], LONG_MS)).rejects.toThrow();
    await expect(other.call("uncloneable", [], LONG_MS)).rejects.toThrow();
    expect(await other.call("add", [1, 1], LONG_MS)).toBe(2);
  });

  test("without an answer fails after its time", async () => {
    const other = calls();
    const error = await other.call("never", [], 20).catch((error) => error);
    expect(error).toBeInstanceOf(WorkerError);
    expect(error.code).toBe("timeout");
    expect(error.message).toMatch(/^expected the other to answer within 20 ms/);
    // Other calls do not wait for it.
    expect(await other.call("add", [1, 2], LONG_MS)).toBe(3);
  });

  test("to a thread that has ended fails at once", async () => {
    const other = calls();
    const pending = other.call("never", [], LONG_MS);
    other.close();
    other.close();
    const later = other.call("add", [1, 2], LONG_MS);
    for (const call of [pending, later]) {
      await expect(call).rejects.toMatchObject({
        code: "ended",
        message: "the other has ended",
      });
    }
  });

  test("is refused when a thousand calls wait", async () => {
    const other = calls();
    const waiting = Array.from(
      { length: 1_000 },
      () => other.call("never", [], LONG_MS).catch((error) => error.code),
    );
    await expect(other.call("add", [1, 2], LONG_MS)).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("1000 calls wait already"),
    });
    other.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["ended"]));
  });
});

test.each([
  ["/a/b.ts", "file:///a/b.ts"],
  ["file:///a/b.ts", "file:///a/b.ts"],
  [new URL("file:///a/b.ts"), "file:///a/b.ts"],
  ["https://example.org/b.js", "https://example.org/b.js"],
  ["./b.ts", null],
  ["", null],
])("a module at %s has the address %s", (module, address) => {
  expect(moduleAddress(module)).toBe(address);
});
