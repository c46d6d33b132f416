/**
 * Calls between threads. Both ends are in this thread, so that a test can make
 * one end silent, fail or end.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { createLink } from "../../runtime/platform/workers/carrier.ts";
import {
  Calls,
  createPorts,
  offer,
  withPort,
  WorkerError,
} from "../../runtime/platform/workers/control.ts";
import { moduleAddress } from "../../runtime/platform/workers/thread.ts";

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
