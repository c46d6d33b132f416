/** Starts the command line of the checkout for its tests. */
import { join } from "node:path";
import process from "node:process";
import { expect } from "vitest";
import {
  currentRuntime,
  type Exit,
  root,
  type SpawnedProcess,
  spawnRuntime,
} from "../helpers/processes.ts";

/** The path of a program beside these tests. */
export function program(name: string): string {
  return join(root, "tests", "cli", "programs", `${name}.ts`);
}

/** `hornbeam ...args` on the runtime under test. */
export function hornbeam(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): SpawnedProcess {
  const main = join(root, "cli", "main.ts");
  const clean = { HORNBEAM_COOKIE: "", ...env };
  return spawnRuntime(currentRuntime(), main, args, { env: clean });
}

/**
 * Sends a signal to a child. Not by the child's own `kill`: Deno would then
 * report this signal as the cause of the exit, also when there was another.
 */
export function interrupt(
  child: SpawnedProcess,
  signal: "SIGINT" | "SIGTERM",
): void {
  process.kill(child.pid, signal);
}

/** Waits for the exit, which must have this code. */
export async function ends(
  child: SpawnedProcess,
  code: number,
  timeoutMs = 15_000,
): Promise<void> {
  const exit: Exit = await child.waitForExit(timeoutMs);
  const output = [...child.stdout, ...child.stderr].join("\n");
  expect(exit, output).toEqual({ code, signal: null });
}
