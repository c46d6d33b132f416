/**
 * The results in README.md, between two comments, as one command makes them,
 * and a chart for each suite in a folder beside it.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { chart } from "../plot/chart.ts";
import type { Result } from "./results.ts";

const BEGIN = "<!-- results:begin -->";
const END = "<!-- results:end -->";

export const readme: URL = new URL("../README.md", import.meta.url);
const plots = new URL("../plots/", import.meta.url);

/** `text` with what stands between the two comments replaced. */
export function replaceResults(text: string, results: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`expected ${BEGIN} and after it ${END} in README.md`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n\n${results.trim()}\n\n` +
    text.slice(end);
}

/** The results by suite, in their order. */
function bySuite(results: readonly Result[]): Map<string, Result[]> {
  return Map.groupBy(
    results,
    ({ bench }) => bench.slice(0, bench.indexOf("/")),
  );
}

/** `text` is the results in Markdown; charts come before it. */
export function updateReadme(results: readonly Result[], text: string): void {
  // Those of suites that did not run now would be of another machine or time.
  rmSync(plots, { recursive: true, force: true });
  mkdirSync(plots);
  let images = "";
  for (const [suite, some] of bySuite(results)) {
    writeFileSync(new URL(`${suite}.svg`, plots), chart(some, suite));
    images += `![Suite ${suite}](plots/${suite}.svg)\n\n`;
  }
  const old = readFileSync(readme, "utf8");
  writeFileSync(readme, replaceResults(old, images + text));
}
