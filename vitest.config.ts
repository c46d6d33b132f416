/**
 * How vitest runs on each of the three runtimes. Bun crashes with forked
 * workers, so it gets threads; Node.js and Deno get forks, because several
 * tests send signals to their own process or exhaust its memory.
 *
 * There are two projects. Files of `alone` have a fresh worker each, which
 * costs half a second of work per file. Files of `shared` run one after the
 * other in the same workers and must leave them as they were: they start
 * programs and nodes, but change no global, and judge nothing that belongs to
 * the whole process.
 */
import process from "node:process";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const nightly = process.env["HORNBEAM_NIGHTLY"] === "1";

// Those beside tests/nightly leave out some of their cases otherwise.
const all = nightly
  ? [
    "tests/{nightly,beam,bench,cli,model,names}/**/*.test.ts",
    "tests/docs.test.ts",
  ]
  : ["tests/**/*.test.ts"];
const never = [
  "**/node_modules/**",
  "dist/**",
  "tests/fixtures/**",
  ...(nightly ? [] : ["tests/nightly/**"]),
];

/**
 * Files of the shared folders that look at what others leave behind: at the one
 * pool that cbor-x writes to, at the growth of the heap, at the environment.
 */
const PARTICULAR = "!(engine|beam_fuzz|simulator)";
const shared = nightly ? [] : [
  `tests/{beam,core,kernel,net,sim,std,wire}/**/${PARTICULAR}.test.ts`,
  "tests/platform/{carriers,log,tcp,tls}.test.ts",
  "tests/bench/report.test.ts",
  "tests/cli/view.test.ts",
  "tests/examples/word_index_parts.test.ts",
  "tests/{semantics,tidy}.test.ts",
];

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [{
      extends: true,
      test: {
        name: "alone",
        include: all,
        exclude: [...never, ...shared],
      },
    }, {
      extends: true,
      test: {
        name: "shared",
        isolate: false,
        include: shared,
        exclude: never,
      },
    }],
    pool: process.versions["bun"] === undefined ? "forks" : "threads",
    setupFiles: ["tests/helpers/setup.ts"],
    // For the two cores that a small machine has: many tests only wait.
    // `npm test` runs two suites at a time and says so here.
    maxWorkers: Number(process.env["HORNBEAM_WORKERS"] ?? "3"),
    maxConcurrency: 2,
    // Only for what hangs: a test's own deadlines say what did not come.
    testTimeout: nightly ? 30 * 60_000 : 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 5_000,
    // A colour code in a child's output would break the tests' patterns.
    env: { NO_COLOR: "1" },
  },
});

export default config;
