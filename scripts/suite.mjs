/**
 * Runs vitest on one runtime and counts what it did. The counts come from
 * vitest's JSON report and not from its exit code alone, so that a runner that
 * crashes, or that finds no test, is never taken for success.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { root, run, tool } from "./run.mjs";

/** Characters of an error that are shown again at the end. */
const LONGEST_WHY = 1_500;

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");

/** @type {Map<string, readonly string[]>} */
const before = new Map([
  ["node", []],
  ["deno", ["run", "--allow-all"]],
  ["bun", ["--bun"]],
]);

export const runtimes = [...before.keys()];

/**
 * @typedef {object} Counts
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} notes what the counts alone do not say
 */

/**
 * Ends a runner that hangs. A suite takes four minutes of an idle machine, and
 * was seen to take twelve with ten other programs on its two cores.
 */
const LIMIT_MS = 25 * 60_000;

/**
 * @param {string} runtime  one of `runtimes`
 * @param {readonly string[]} args  passed on to vitest: file filters, `-t` ...
 * @param {import("./run.mjs").RunOptions} [options]
 * @returns {Promise<Counts>}
 */
export async function runSuite(runtime, args, options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "hornbeam-suite-"));
  const report = join(folder, "report.json");
  try {
    const ended = await run(
      tool(runtime),
      [
        ...(before.get(runtime) ?? []),
        vitest,
        "run",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${report}`,
        ...args,
      ],
      {
        limitMs: LIMIT_MS,
        ...options,
        env: {
          // Tests start the same programs again and again. That Node.js keeps
          // what it compiled halves the work of a start.
          NODE_COMPILE_CACHE: join(folder, "compiled"),
          ...options.env,
        },
      },
    );
    return count(runtime, ended, readReport(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The part of vitest's report that is used here.
 *
 * @typedef {{ status: string, fullName?: string, failureMessages?: string[] }} Result
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, name: string, assertionResults: Result[] }[]} testResults
 */

/**
 * @param {string} path
 * @returns {Report | undefined} undefined when the runner wrote none
 */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} name
 * @param {import("./run.mjs").Ended} ended
 * @param {Report | undefined} report
 * @returns {Counts}
 */
export function count(name, ended, report) {
  if (report === undefined) {
    const notes = [`the runner wrote no report (${ended.how})`];
    return { name, passed: 0, failed: 1, skipped: 0, notes };
  }
  const notes = [];
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  let failed = report.numFailedTests;
  // A file that fails to load, or a hook that fails, has no failed test.
  for (const file of report.testResults) {
    const failures = file.assertionResults.filter((t) => t.status === "failed");
    const path = relative(root, file.name);
    // So that the end of a long log says what failed.
    for (const { fullName = "", failureMessages = [] } of failures) {
      const [why = ""] = failureMessages.join("\n").split(/\n +at /);
      notes.push(`${path}: ${fullName}: ${why.slice(0, LONGEST_WHY)}`);
    }
    if (file.status === "failed" && failures.length === 0) {
      failed++;
      notes.push(`failed outside its tests: ${path}`);
    }
  }
  if (passed + failed === 0) {
    failed = 1;
    notes.push("no test ran");
  }
  if (failed === 0 && ended.code !== 0) {
    failed = 1;
    notes.push(`all tests passed but the runner did not (${ended.how})`);
  }
  return { name, passed, failed, skipped, notes };
}

/**
 * @param {Pick<Counts, "passed" | "failed" | "skipped">} counts
 */
export function inWords({ passed, failed, skipped }) {
  const tail = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${passed} passed, ${failed} failed${tail}`;
}

/**
 * Prints one line for each of `all` and the sum as the last line. Returns the
 * exit code.
 *
 * @param {readonly Counts[]} all
 * @param {string} [heading] stands before these
 */
export function summarize(all, heading = "") {
  console.log(`\n${heading}`.trimEnd());
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) {
    console.log(`${counts.name.padEnd(6)} ${inWords(counts)}`);
    for (const note of counts.notes) console.log(`       ${note}`);
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
  }
  console.log(inWords(sum));
  return sum.failed === 0 ? 0 : 1;
}
