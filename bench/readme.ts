/**
 * Writes the results into README.md, between two comments: a section for each
 * suite, with its chart in the folder `plots`. A suite is run and replaced as a
 * whole, so that all its rows and their comparisons are of one run. Sections of
 * suites that did not run stay; each section names its day.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { chart } from "./plot/chart.ts";
import { rows, suiteOf } from "./suites.ts";
import type { Result } from "./runner/results.ts";

const BEGIN = "<!-- results:begin -->";
const END = "<!-- results:end -->";
const HEADING = "### Results of ";

export const readme: URL = new URL("./README.md", import.meta.url);
const plots = new URL("./plots/", import.meta.url);

/** Text of a section, without its heading, by suite. */
export type Sections = ReadonlyMap<string, string>;

/** `text` with these sections in place of those of the same suites. */
export function replaceResults(text: string, sections: Sections): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`expected ${BEGIN} and after it ${END} in README.md`);
  }
  const all = new Map<string, string>();
  const old = text.slice(begin + BEGIN.length, end);
  for (const section of old.split(HEADING).slice(1)) {
    const [name = "", ...lines] = section.split("\n");
    all.set(name.replaceAll("`", ""), lines.join("\n"));
  }
  for (const [suite, section] of sections) all.set(suite, section);
  const order = [...new Set(rows.map(suiteOf))];
  const results = order.filter((suite) => all.has(suite)).map((suite) =>
    `${HEADING}\`${suite}\`\n\n${all.get(suite)!.trim()}\n\n`
  );
  return `${text.slice(0, begin + BEGIN.length)}\n\n${results.join("")}` +
    text.slice(end);
}

/** `show` makes the Markdown of results; the chart is put before it. */
export function updateReadme(
  results: readonly Result[],
  show: (results: readonly Result[]) => string,
): void {
  mkdirSync(plots, { recursive: true });
  const sections = new Map<string, string>();
  const bySuite = Map.groupBy(
    results,
    ({ bench }) => bench.slice(0, bench.indexOf("/")),
  );
  for (const [suite, some] of bySuite) {
    writeFileSync(new URL(`${suite}.svg`, plots), chart(some, suite));
    const image = `![Suite ${suite}](plots/${suite}.svg)`;
    sections.set(suite, `${image}\n\n${show(some)}`);
  }
  writeFileSync(
    readme,
    replaceResults(readFileSync(readme, "utf8"), sections),
  );
}
