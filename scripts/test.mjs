/**
 * `node scripts/test.mjs all`: the checks, then the suite on each runtime, one
 * after the other (side by side they would share two cores, and their
 * deadlines with them). With vitest arguments: no checks, the rest on each.
 * `node scripts/test.mjs node|deno|bun [vitest arguments]`: one runtime.
 *
 * The last line printed is "N passed, N failed"; the exit code is 1 when
 * anything failed or a runtime ran no test.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { check } from "./check.mjs";
import { install, pack } from "./pack.mjs";
import { runSuite, runtimes, summarize } from "./suite.mjs";

const [which = "all", ...args] = process.argv.slice(2);
if (which !== "all" && !runtimes.includes(which)) {
  console.error(
    `expected all, ${runtimes.join(", ")} as the first argument, got ${which}`,
  );
  process.exit(2);
}

if (which !== "all") {
  process.exitCode = summarize([await runSuite(which, args)]);
} else if (args.length > 0) {
  const all = [];
  for (const runtime of runtimes) all.push(await runSuite(runtime, args));
  process.exitCode = summarize(all);
} else {
  const folder = mkdtempSync(join(tmpdir(), "hornbeam-pack-"));
  try {
    const checking = check();
    const env = packed(folder);
    const all = [await checking];
    for (const runtime of runtimes) {
      all.push(await runSuite(runtime, [], { env }));
    }
    process.exitCode = summarize(all);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The package is the same for all three runtimes, so it is packed and installed
 * once. When that fails, tests/package.test.ts does it itself and shows why.
 *
 * @param {string} folder
 * @returns {Record<string, string>}
 */
function packed(folder) {
  try {
    install(folder, pack(folder));
    return { HORNBEAM_INSTALLED: folder };
  } catch {
    return {};
  }
}
