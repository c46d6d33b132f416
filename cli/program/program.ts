/**
 * The programs that `hornbeam run` and `hornbeam cluster` start: modules whose
 * default export gets a node.
 *
 * ```ts
 * export default async function (node, { args, signal }) { ... }
 * export const exports = { worker: () => async (self) => { ... } };
 * export const options = { exact: true };
 * ```
 */

import { existsSync, realpathSync, statSync } from "node:fs";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { type RunningNode, UsageError } from "../../runtime/mod.ts";
import {
  type Program as RuntimeProgram,
  programOf,
} from "../../runtime/program.ts";
import { atMost, type Ending, exitCodes } from "../shared/ending.ts";
import { describeThrown, failure, usageError } from "../shared/errors.ts";

/** Second argument of a program's default export. */
export type ProgramContext = {
  /** The words of the command line after the file, or after `--`. */
  readonly args: readonly string[];
  /** Aborted when the program should end. */
  readonly signal: AbortSignal;
  /** The index of this node in `nodes`. */
  readonly index: number;
  /** The names of the nodes that were started together, with this one. */
  readonly nodes: readonly string[];
};

/** A module that was loaded. */
export type Program = RuntimeProgram<ProgramContext> & {
  readonly run: (node: RunningNode, context: ProgramContext) => unknown;
};

const PLACE = /(?:file:\/\/)?(\/[^\s():]+):(\d+)(?::\d+)?\)?$/gm;
const OWN_FOLDER = fileURLToPath(new URL("..", import.meta.url));
const STOP_MS = 500;
/** The longest interval of a timer, which keeps the event loop running. */
const FOREVER_MS = 0x7fff_ffff;

/** The path of a program's file. Throws a `CliError` when there is none. */
export function findProgram(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw usageError(
      `there is no file ${file}; give the path of a module with a default ` +
        "export",
    );
  }
  if (!stats.isFile()) {
    throw usageError(`${file} is a folder; give the path of a module in it`);
  }
  // Deno takes a link and its target for two modules, and two modules would
  // load two copies of the runtime.
  return realpathSync(file);
}

/** Loads a program. Rejects with a `CliError` that names the file. */
export async function loadProgram(file: string): Promise<Program> {
  const { href } = pathToFileURL(findProgram(file));
  let module: Record<string, unknown>;
  try {
    module = await import(href) as Record<string, unknown>;
  } catch (error) {
    throw failure(`${file} could not be loaded: ${explainLoad(error)}`);
  }
  const { run, ...rest } = asProgram(file, module);
  if (run === null) {
    throw usageError(
      `${file} has no default export to run; write: ` +
        "export default async function (node, { args, signal }) { ... }",
    );
  }
  return { run, ...rest };
}

function asProgram(
  file: string,
  module: Record<string, unknown>,
): RuntimeProgram<ProgramContext> {
  try {
    return programOf(module, file);
  } catch (error) {
    if (error instanceof UsageError) throw usageError(error.message);
    throw error;
  }
}

function explainLoad(error: unknown): string {
  const text = describeThrown(error);
  if (text.includes("Unknown file extension")) {
    return `${text}; TypeScript needs Node.js 24 or later, Deno or Bun`;
  }
  if (/Unexpected token '?export|Cannot use import statement/.test(text)) {
    return `${text}; set "type": "module" in package.json, or end the file's ` +
      "name in .mts or .mjs";
  }
  const place = placeOf(error);
  return place === null || text.includes(place) ? text : `${text} (${place})`;
}

/** `path:line` of the first frame that is in the user's code, or null. */
function placeOf(error: unknown): string | null {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  for (const [, path, line] of stack.matchAll(PLACE)) {
    const isOurs = path!.startsWith(OWN_FOLDER);
    if (!isOurs && existsSync(path!)) return `${path}:${line}`;
  }
  return null;
}

/**
 * Runs a program on its node until it has ended or has to end, stops the node,
 * and resolves with the exit code.
 */
export async function runProgram(
  program: Program,
  node: RunningNode,
  context: Omit<ProgramContext, "signal">,
  ending: Ending,
): Promise<number> {
  const keepAlive = setInterval(() => {}, FOREVER_MS);
  const fullContext: ProgramContext = {
    ...context,
    get signal() {
      ending.isSignalTaken = true;
      return ending.signal;
    },
  };
  // Without this, Bun would exit with code 0 after an uncaught exception,
  // because this command ends the process itself.
  const uncaught = Promise.withResolvers<number>();
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${inspect(error)}\n`);
    uncaught.resolve(exitCodes.failed);
  });
  const run = runToExitCode(
    () => program.run(node, fullContext),
    ending.signal,
  );
  const code = await Promise.race([run, ending.over, uncaught.promise]);
  await atMost(STOP_MS, node.stop());
  clearInterval(keepAlive);
  return code;
}

async function runToExitCode(
  run: () => unknown,
  signal: AbortSignal,
): Promise<number> {
  try {
    await run();
    return exitCodes.ok;
  } catch (error) {
    if (signal.aborted && isAbort(error, signal)) return exitCodes.ok;
    process.stderr.write(`${inspect(error)}\n`);
    return exitCodes.failed;
  }
}

/** Whether a program has rejected because its signal was aborted. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason ||
    (error instanceof Error && error.name === "AbortError");
}
