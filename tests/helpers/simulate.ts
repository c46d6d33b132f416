/**
 * Tests under many seeds, of which a failing one can be run again alone.
 *
 * With `HORNBEAM_SEED` set, only that seed is run, and not the seeds that the test asks for.
 */

import { relative } from "node:path";
import process from "node:process";
import { expect } from "vitest";
import {
  simulate,
  type SimulateOptions,
  type Simulation,
  SimulationError,
  type SimulationResult,
} from "../../std/testing/mod.ts";
import { currentRuntime, root } from "./processes.ts";
import { share } from "./share.ts";
import { errorText } from "../../runtime/core/terms/error_text.ts";

/** How many seeds, and from which on (default 1). */
export type Seeds = { readonly count: number; readonly base?: number };

/** Lines of a failing run's trace that are shown. */
const TAIL_LINES = 40;

/** The seeds to run: those asked for, or the one that the user asks for. */
export function seedsOf({ count, base = 1 }: Seeds): readonly number[] {
  const wanted = process.env["HORNBEAM_SEED"];
  if (wanted === undefined || wanted === "") {
    return Array.from({ length: count }, (_, i) => base + i);
  }
  const seed = Number(wanted);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(
      `expected a whole number in HORNBEAM_SEED, got ${wanted}`,
    );
  }
  return [seed];
}

/** The command that runs a test again, by default this one, with one seed. */
export function replayCommand(
  seed: number,
  test?: { readonly file: string; readonly name: string },
): string {
  const { testPath, currentTestName } = expect.getState();
  const file = test?.file ?? relative(root, testPath ?? "");
  const name = test?.name ?? currentTestName?.split(" > ").at(-1) ?? "";
  // It is a pattern for vitest and a quoted word for the shell.
  const pattern = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, ".")
    .replaceAll(/['"`!]/g, ".");
  // Without it a nightly test is not found.
  const nightly = file.startsWith("tests/nightly/")
    ? "HORNBEAM_NIGHTLY=1 "
    : "";
  return `${nightly}HORNBEAM_SEED=${seed} npm run test:${currentRuntime()} ` +
    `-- ${file} -t "${pattern}"`;
}

/**
 * Simulates the body under each seed, of which Deno and Bun take a share: the
 * traces are the same on all three. Rejects with the first failure, its seed,
 * the command that replays it and the end of its trace.
 */
export async function simulateSeeds(
  options: Seeds & SimulateOptions,
  body: (sim: Simulation) => Promise<void>,
): Promise<readonly SimulationResult[]> {
  const { count, base: _, ...simulation } = options;
  const results: SimulationResult[] = [];
  for (const seed of seedsOf({ ...options, count: share(count) })) {
    try {
      results.push(await simulate({ ...simulation, seed }, body));
    } catch (error) {
      throw new Error(
        [
          errorText(error),
          `replay: ${replayCommand(seed)}`,
          "the end of the trace:",
          ...tailOf(error),
        ].join("\n"),
        { cause: error },
      );
    }
  }
  return results;
}

function tailOf(error: unknown): readonly string[] {
  return error instanceof SimulationError ? error.trace.slice(-TAIL_LINES) : [];
}
