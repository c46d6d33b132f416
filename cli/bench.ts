/**
 * `hornbeam bench`: passes the options to the benchmarks. They are loaded here
 * only, so that the other commands start fast.
 */

import { existsSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { failure } from "./shared/errors.ts";

/** Options of the benchmarks. */
export type BenchOptions = {
  /** Names of suites or benchmarks; all when empty. */
  readonly suites: string[];
  readonly json: boolean;
  readonly markdown: boolean;
  /** Writes the Markdown, with charts, to the README of the benchmarks too. */
  readonly updateReadme: boolean;
  /** Comparisons to make: `beam`, `raw`. */
  readonly vs: string[];
  /** Runtimes to measure; all that are installed when empty. */
  readonly runtimes: string[];
  readonly list: boolean;
  readonly quick: boolean;
  readonly repeats?: number;
  /** An SVG file to draw the results into. */
  readonly plot?: string;
};

type Benchmarks = {
  readonly runBench: (options: BenchOptions) => Promise<number>;
};

/** Resolves with the exit code. Rejects with a `CliError`. */
export async function bench(options: BenchOptions): Promise<number> {
  const ending = extname(fileURLToPath(import.meta.url));
  const url = new URL(`../bench/main${ending}`, import.meta.url);
  if (!existsSync(url)) {
    throw failure(
      "the benchmarks are not part of this installation; run them in a " +
        "checkout of the project",
    );
  }
  const { runBench } = await import(url.href) as Benchmarks;
  return await runBench(options);
}
