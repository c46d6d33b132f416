/** The results in README.md, between two comments, as one command makes them. */

import { readFileSync, writeFileSync } from "node:fs";

const BEGIN = "<!-- results:begin -->";
const END = "<!-- results:end -->";

export const readme: URL = new URL("../README.md", import.meta.url);

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

export function updateReadme(results: string): void {
  writeFileSync(readme, replaceResults(readFileSync(readme, "utf8"), results));
}
