/**
 * The checks that need no runtime: types, lint, formatting, and (when started
 * on its own as `npm run check`) the project's tidy rules, which are tests.
 */
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { root, run, tool } from "./run.mjs";
import { runSuite, summarize } from "./suite.mjs";

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

const BUILD = "types of the package";

/** @type {readonly { what: string, command: string, args: string[], remedy: string }[]} */
const checks = [
  {
    what: "types",
    command: tool("node"),
    args: [tsc, "--project", "tsconfig.json"],
    remedy: "mend the types; no cast to `any`",
  },
  {
    what: BUILD,
    command: tool("node"),
    args: [tsc, "--project", "tsconfig.build.json", "--noEmit"],
    remedy: "write out the types of what is exported",
  },
  {
    what: "types of scripts",
    command: tool("node"),
    args: [tsc, "--project", "scripts/tsconfig.json"],
    remedy: "mend the JSDoc types",
  },
  {
    what: "lint",
    command: tool("deno"),
    args: ["lint", "--quiet"],
    remedy: "mend what it names",
  },
  {
    what: "formatting",
    command: tool("deno"),
    args: ["fmt", "--check"],
    remedy: "run `npm run fmt`",
  },
];

/**
 * @param {{ isBuilt?: boolean }} [options] `isBuilt`: the package is built
 *   elsewhere in this run, which checks the same types
 * @returns {Promise<import("./suite.mjs").Counts>}
 */
export async function check({ isBuilt = false } = {}) {
  const wanted = checks.filter(({ what }) => !isBuilt || what !== BUILD);
  const counts = {
    name: "check",
    passed: 0,
    failed: 0,
    skipped: 0,
    notes: /** @type {string[]} */ ([]),
  };
  // All at once: the type checker alone does not keep two cores busy.
  await Promise.all(wanted.map(async ({ what, command, args, remedy }) => {
    const ended = await run(command, args);
    if (ended.code === 0) {
      counts.passed++;
    } else {
      counts.failed++;
      counts.notes.push(`${what} (${ended.how}): ${remedy}`);
    }
  }));
  return counts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const all = [await check(), await runSuite("node", ["tests/tidy.test.ts"])];
  process.exitCode = summarize(all);
}
