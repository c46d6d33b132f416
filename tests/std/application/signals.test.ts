/** A program of applications that gets signals of the operating system. */
import { expect, onTestFinished, test } from "vitest";
import {
  currentRuntime,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";

const PROGRAM = "tests/fixtures/applications.ts";

async function startProgram(...args: string[]): Promise<SpawnedProcess> {
  const child = spawnRuntime(currentRuntime(), PROGRAM, args);
  onTestFinished(() => child.stop().then(() => {}));
  await child.waitForLine(/^ready$/);
  return child;
}

test("SIGTERM stops all applications in the reverse order, and the process ends", async () => {
  const child = await startProgram();
  child.kill("SIGTERM");
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual([
    "ready",
    "stopped shop",
    "ending store",
    "stopped store",
    "SIGTERM true",
  ]);
  expect(child.complaints).toEqual([]);
});

test("roots that do not end in time are killed, and the process ends", async () => {
  const child = await startProgram("stubborn");
  child.kill("SIGTERM");
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  expect(child.stdout)
    .toEqual(["ready", "stopped shop", "ending store", "SIGTERM false"]);
});

test("SIGINT does so too, and a second one kills the rest, unless it comes at once", async () => {
  const child = await startProgram("patient");
  child.kill("SIGINT");
  child.kill("SIGINT");
  await child.waitForLine(/^ending store$/);
  // The line was printed after the first signal, from which half a second has
  // to pass. The next signal is the only one: a further one could reach the
  // process while it exits.
  await new Promise((resolve) => setTimeout(resolve, 600));
  child.kill("SIGINT");
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  expect(child.stdout.at(-1)).toBe("SIGINT false");
});
