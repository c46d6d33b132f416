/**
 * Builds dist/ for the npm package: JavaScript and declarations beside each
 * other, in the layout of the sources, because the command line starts further
 * runtimes on files that it finds next to itself. A checkout never needs this.
 */
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ensure } from "./ensure.mjs";
import { root, run, tool } from "./run.mjs";

/** @returns {string[]} Erlang files under bench/, relative to the root. */
function erlangSources() {
  return readdirSync(join(root, "bench"), { recursive: true })
    .map((name) => join("bench", String(name)))
    .filter((name) => name.endsWith(".erl"));
}

/** @returns {Promise<void>} */
export async function build() {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const ended = await run(tool("node"), [tsc, "-p", "tsconfig.build.json"]);
  if (ended.code !== 0) {
    throw new Error(`the build failed: tsc ended with ${ended.how}`);
  }
  const main = join(root, "dist", "cli", "main.js");
  const [shebang] = readFileSync(main, "utf8").split("\n", 1);
  if (shebang !== "#!/usr/bin/env node") {
    throw new Error(
      `expected cli/main.ts to open with "#!/usr/bin/env node", got ${shebang}`,
    );
  }
  chmodSync(main, 0o755);
  // The BEAM's side of the benchmarks is compiled where it runs.
  for (const source of erlangSources()) {
    cpSync(join(root, source), join(root, "dist", source));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensure();
  await build();
}
