/**
 * Finds the executables of the three runtimes, and makes the command that
 * starts this command line on them.
 */

import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, dirname, extname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { usageError } from "../shared/errors.ts";

export type RuntimeName = "node" | "deno" | "bun";

/** All runtimes, in the order in which `mixed` assigns them. */
export const runtimeNames: readonly RuntimeName[] = ["node", "deno", "bun"];

const titles = { node: "Node.js", deno: "Deno", bun: "Bun" } as const;

/** The runtime of this process. */
export function currentRuntime(): RuntimeName {
  if (process.versions["bun"] !== undefined) return "bun";
  return process.versions["deno"] === undefined ? "node" : "deno";
}

/** The runtime of each of `count` nodes. */
export function assignRuntimes(
  wanted: RuntimeName | "mixed",
  count: number,
): RuntimeName[] {
  return Array.from(
    { length: count },
    (_, i) =>
      wanted === "mixed" ? runtimeNames[i % runtimeNames.length]! : wanted,
  );
}

/** A command that starts a process. */
export type Command = {
  readonly file: string;
  readonly args: readonly string[];
};

/** The command that runs this command line with `args` on a runtime. */
export function ownCommand(
  runtime: RuntimeName,
  args: readonly string[],
): Command {
  const self = fileURLToPath(import.meta.url);
  const entry = join(dirname(self), "..", `main${extname(self)}`);
  const before = runtime === "deno" ? ["run", "--allow-all", "--quiet"] : [];
  return { file: findRuntime(runtime), args: [...before, entry, ...args] };
}

/**
 * The executable of a runtime. It is the current one if that is the runtime,
 * else one in `node_modules` of a folder above this file or the working
 * directory, else one on PATH. Throws a `CliError` when there is none.
 */
export function findRuntime(runtime: RuntimeName): string {
  if (runtime === currentRuntime()) return process.execPath;
  const own = executable(process.execPath);
  for (const folder of searchPath()) {
    const found = executable(join(folder, fileName(runtime)));
    // `bun --bun` puts itself on PATH under the name of node.
    if (found !== null && found !== own) return found;
  }
  throw usageError(
    `${titles[runtime]} is not installed; get it with ` +
      `"npm install --save-dev ${runtime}" or put \`${runtime}\` on PATH, or ` +
      "choose another --runtime",
  );
}

function fileName(runtime: RuntimeName): string {
  return process.platform === "win32" ? `${runtime}.exe` : runtime;
}

function* searchPath(): Generator<string> {
  for (
    const start of [fileURLToPath(import.meta.url), join(process.cwd(), "x")]
  ) {
    for (
      let folder = dirname(start), below = start;
      folder !== below;
      below = folder, folder = dirname(folder)
    ) {
      yield join(folder, "node_modules", ".bin");
    }
  }
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    if (folder !== "") yield folder;
  }
}

/**
 * The real path of an executable file, or null. A link could start a wrapper
 * whose pid is not that of the runtime.
 */
function executable(path: string): string | null {
  try {
    accessSync(path, constants.X_OK);
    return realpathSync(path);
  } catch {
    return null;
  }
}
