/**
 * Actors that throw, send or are made of what throws when it is looked at, and
 * actors that leave promises behind. They end alone.
 */
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Behaviour, CallError, Down, Self } from "../../../runtime/mod.ts";
import { printTerm } from "../../../runtime/core/terms/terms.ts";
import { formatLogRecord } from "../../../runtime/platform/host/log.ts";
import { lone, park } from "../../helpers/actors.ts";
import { currentRuntime, root, spawnRuntime } from "../../helpers/processes.ts";

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const throws = (error: unknown) => () => {
  throw error;
};

function named(
  name: unknown,
  behaviour: Behaviour<unknown>,
): Behaviour<unknown> {
  return Object.defineProperty(behaviour, "name", { value: name });
}

/** What cannot be looked at, as the behaviour, its name or its error. */
const hostile: readonly [string, Behaviour<unknown>][] = [
  ["a revoked behaviour", revoked(() => {})],
  ["a revoked async behaviour", revoked(async () => {})],
  ["a revoked function thrown", throws(revoked(() => {}))],
  ["a revoked object thrown", throws(revoked({}))],
  ["a symbol as the name", named(Symbol("name"), throws(new Error("boom")))],
];

describe("what throws when it is looked at", () => {
  test.each(hostile)(
    "%s ends its actor and no other",
    async (_, behaviour) => {
      const { node } = await lone();
      const answer = await node.run(async (self: Self<unknown>) => {
        const { ref } = self.spawnMonitor(behaviour);
        const down = await self.receive(ref, { timeoutMs: 5_000 }) as
          | Down
          | undefined;
        // The scheduler still gives turns to others.
        const other = self.spawnMonitor(() => {});
        const next = await self.receive(other.ref, { timeoutMs: 5_000 }) as
          | Down
          | undefined;
        return [down?.type, next?.type];
      });
      expect(answer).toEqual(["DOWN", "DOWN"]);
      expect(node.stats().crashes).toBe(1);
    },
  );

  test("a request of that kind fails its call with a timeout", async () => {
    const { node } = await lone();
    const silent = node.spawn(park);
    const error = await node.run((self: Self) =>
      self.call(silent, revoked(() => {}), { timeoutMs: 1 })
        .catch((failure: CallError) => failure)
    ) as CallError;
    expect(error.reason).toBe("timeout");
    expect(error.message).toContain("function (unprintable)");
  });

  test("it is printed and logged as unprintable", () => {
    expect(printTerm(revoked(() => {}))).toBe("function (unprintable)");
    expect(printTerm([revoked({})])).toBe("[(unprintable)]");
    const line = formatLogRecord(
      {
        level: "error",
        category: "actor",
        node: "",
        message: "m",
        fields: { error: revoked(() => {}) },
      },
      new Date(),
      false,
    );
    expect(line).toContain("error=(unprintable)");
  });
});

test("what an ended actor leaves behind, and what cannot be reported, ends no other actor", async () => {
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests", "fixtures", "hostile_actors.ts"),
  );
  onTestFinished(() => void child.stop());
  const [line] = await child.waitForLine(/^\{.*\}$/);
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  const unknown = "unhandled rejection, unknown actor";
  expect(JSON.parse(line)).toEqual({
    killers: [true, true, true],
    quiet: [],
    reported: [unknown, unknown],
  });
});
