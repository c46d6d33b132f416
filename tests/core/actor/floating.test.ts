/** Floating rejections of actors, in a process of their own. */
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { currentRuntime, root, spawnRuntime } from "../../helpers/processes.ts";

test("a floating rejection ends its actor where that is known, never the node", async () => {
  const attributes = currentRuntime() !== "bun";
  const child = spawnRuntime(
    currentRuntime(),
    join(root, "tests", "fixtures", "floating_actors.ts"),
    [attributes ? "4" : "1"],
  );
  onTestFinished(() => void child.stop());
  const [line] = await child.waitForLine(/^\{.*\}$/);
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  const seen = JSON.parse(line) as Record<string, unknown>;
  const floated = ["at once", "later", "nested"];
  expect(seen["ended"]).toEqual({
    handled: "normal",
    ...(attributes ? Object.fromEntries(floated.map((w) => [w, w])) : {}),
  });
  expect(seen["alive"]).toBe(true);
  expect(seen["starterAlive"]).toBe(true);
  expect(seen["crashes"]).toBe(attributes ? floated.length + 1 : 0);
  expect(seen["crowdAlive"]).toBe(attributes ? 199 : 200);
  const unknown = "unhandled rejection, unknown actor";
  expect(seen["logged"]).toEqual(
    attributes
      ? [
        // Sorted: those of the crowd have no name.
        ...floated.map((what) =>
          expect.stringContaining(`(${what}) crashed: Error: ${what}`)
        ),
        expect.stringContaining("crashed: Error: from a crowd"),
        unknown,
        unknown,
      ]
      : [...floated.map(() => unknown), unknown, unknown, unknown],
  );
});
