/** A program of applications that the operating system asks to end. */
import { expect, onTestFinished, test } from "vitest";
import {
  currentRuntime,
  type SpawnedProcess,
  spawnRuntime,
} from "../../helpers/processes.ts";

const file = "tests/fixtures/applications.ts";

async function begun(...args: string[]): Promise<SpawnedProcess> {
  const child = spawnRuntime(currentRuntime(), file, args);
  onTestFinished(() => child.stop().then(() => {}));
  await child.waitForLine(/^ready$/);
  return child;
}

test("SIGTERM stops all in the reverse order, and the process ends", async () => {
  const child = await begun();
  child.kill("SIGTERM");
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual([
    "ready",
    "stopped shop",
    "ending store",
    "stopped store",
    "SIGTERM true",
  ]);
  expect(child.stderr).toEqual([]);
});

test("what does not end in its time is killed, and the process ends", async () => {
  const child = await begun("stubborn");
  child.kill("SIGTERM");
  expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
  expect(child.stdout)
    .toEqual(["ready", "stopped shop", "ending store", "SIGTERM false"]);
});

test("SIGINT does so too, and a second one ends the wait, unless it is an echo", async () => {
  const child = await begun("patient");
  child.kill("SIGINT");
  child.kill("SIGINT");
  await child.waitForLine(/^ending store$/);
  // The first comes within half a second and does not count, the second does.
  const asking = setInterval(() => child.kill("SIGINT"), 300);
  const exit = await child.waitForExit().finally(() => clearInterval(asking));
  expect(exit).toEqual({ code: 0, signal: null });
  expect(child.stdout.at(-1)).toBe("SIGINT false");
});
