/** Node.js, Deno and Bun: which one this is, and where the others are. */

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export type Runtime = "node" | "deno" | "bun";

export const runtimes: readonly Runtime[] = ["node", "deno", "bun"];

const PINNED = fileURLToPath(
  new URL("../../node_modules/.bin", import.meta.url),
);

/** The runtime of this process. */
export function ownRuntime(): Runtime {
  const { deno, bun } = process.versions;
  return bun !== undefined ? "bun" : deno !== undefined ? "deno" : "node";
}

/** The runtime of this process for people: `Deno 2.9.5`. */
export function describeRuntime(): string {
  const { node, deno, bun } = process.versions;
  return bun !== undefined
    ? `Bun ${bun}`
    : deno !== undefined
    ? `Deno ${deno}`
    : `Node.js ${node}`;
}

/** The checkout's own executables first, then those on PATH. */
export function runtimeFolders(): string[] {
  return [PINNED, ...(process.env["PATH"] ?? "").split(delimiter)];
}

/** The first executable of that runtime in these folders, else null. */
export function findRuntime(
  runtime: Runtime,
  folders: readonly string[] = runtimeFolders(),
): string | null {
  for (const folder of folders) {
    const file = join(folder, runtime);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** Arguments that make a runtime run a file. */
export function runArguments(runtime: Runtime, file: string): string[] {
  return runtime === "deno" ? ["run", "--allow-all", "--quiet", file] : [file];
}
