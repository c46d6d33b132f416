/**
 * How vitest runs on each of the three runtimes. Bun crashes with forked
 * workers, so it gets threads; Node.js and Deno get forks, because several
 * tests send signals to their own process or exhaust its memory.
 */
import process from "node:process";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const nightly = process.env["HORNBEAM_NIGHTLY"] === "1";

const config: ViteUserConfig = defineConfig({
  test: {
    // The tests against BEAM nodes leave out some on Deno and Bun otherwise.
    include: nightly
      ? ["tests/nightly/**/*.test.ts", "tests/beam/**/*.test.ts"]
      : ["tests/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "dist/**",
      "tests/fixtures/**",
      ...(nightly ? [] : ["tests/nightly/**"]),
    ],
    pool: process.versions["bun"] === undefined ? "forks" : "threads",
    // Two, whatever the machine has: many tests start processes of their own.
    maxWorkers: 2,
    maxConcurrency: 2,
    testTimeout: nightly ? 30 * 60_000 : 20_000,
    hookTimeout: nightly ? 60_000 : 20_000,
    teardownTimeout: 5_000,
    // A colour code in a child's output would break the tests' patterns.
    env: { NO_COLOR: "1" },
  },
});

export default config;
