/** The first example prints its greeting. */
import { expect, it } from "vitest";
import { currentRuntime, spawnRuntime } from "../helpers/processes.ts";

it("says hello and ends", async () => {
  const child = spawnRuntime(currentRuntime(), "examples/hello.ts");
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(["Hello, world!"]);
  expect(child.complaints).toEqual([]);
});
