/**
 * `node scripts/test.mjs all`: the checks and the package, then the suite on
 * Node.js and, beside it, on Deno and after that on Bun. Many tests wait for
 * something; two suites at a time keep two cores busy. With vitest arguments:
 * no checks, and one runtime after the other.
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

/**
 * What runs side by side: the suites of a track follow one another. The two
 * take about as long.
 */
const tracks = [["node"], ["deno", "bun"]];

/** Workers of each suite when two run at a time. */
const WORKERS = "2";

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
  process.exitCode = summarize(await testAll());
}

/** @returns {Promise<import("./suite.mjs").Counts[]>} */
async function testAll() {
  const folder = mkdtempSync(join(tmpdir(), "hornbeam-pack-"));
  try {
    const checking = check({ isBuilt: true });
    const env = {
      ...packed(folder),
      // One for all suites: each starts programs of Node.js.
      NODE_COMPILE_CACHE: join(folder, "compiled"),
      HORNBEAM_WORKERS: WORKERS,
    };
    const checked = await checking;
    const suites = await Promise.all(tracks.map(async (track) => {
      const counts = [];
      for (const runtime of track) {
        const label = `${runtime.padEnd(4)} |`;
        counts.push(await runSuite(runtime, [], { env, label }));
      }
      return counts;
    }));
    return [checked, ...suites.flat()];
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
