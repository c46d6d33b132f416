/**
 * `hornbeam bench`: hands the options over to the benchmarks, which are loaded
 * only here so that the other commands start fast.
 */

import { existsSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { failure } from "./shared/errors.ts";

/** What the benchmarks are asked to do. */
export type BenchOptions = {
  /** All when empty. */
  readonly suites: string[];
  readonly json: boolean;
  readonly markdown: boolean;
  /** Puts the Markdown, with charts, into the benchmarks' README as well. */
  readonly updateReadme: boolean;
  /** What to compare with: `beam`, `raw`. */
  readonly vs: string[];
  /** All that are installed when empty. */
  readonly runtimes: string[];
  readonly list: boolean;
  readonly quick: boolean;
  readonly repeats?: number;
  /** Draws the results into this SVG file. */
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
