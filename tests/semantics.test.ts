/**
 * docs/semantics.md names a test for each promise. Here each of them must be
 * one that exists, under that name, in that file.
 */
import { describe, expect, it } from "vitest";
import {
  type NamedTest,
  type Row,
  rowsIn,
  testNamesIn,
} from "./docs/promises.ts";
import { filesUnder, type SourceFile } from "./tidy/source.ts";

const PAGE = "docs/semantics.md";
const page = filesUnder("docs", [".md"]).find(({ path }) => path === PAGE);
const rows = rowsIn(page?.text ?? "");
const files = new Map(filesUnder("tests").map((file) => [file.path, file]));

/** What is wrong with the test that a row names, or undefined. */
function missing(
  { path, name }: NamedTest,
  among: ReadonlyMap<string, SourceFile>,
): string | undefined {
  const file = among.get(path);
  if (file === undefined) return `there is no file ${path}`;
  if (testNamesIn(file).has(name)) return undefined;
  return `there is no test "${name}" in ${path}; write its describe and its ` +
    "title with a space between, and … for what it fills in";
}

function problemsOf(
  { line, item, cells, tests }: Row,
  among: ReadonlyMap<string, SourceFile>,
): string[] {
  const at = `${PAGE}:${line}: ${item}: `;
  if (cells.length !== 3 || cells.some((cell) => cell === "")) {
    return [`${at}expected what is asked for, what happens, and a test`];
  }
  if (tests.length === 0) {
    return [`${at}expected \`tests/file.test.ts\` "name of a test"`];
  }
  return tests.flatMap((test) => missing(test, among) ?? [])
    .map((what) => at + what);
}

/** Items of a section by letter, which must be numbered from 01 on. */
function gapsIn(items: readonly string[]): string[] {
  const last = new Map<string, number>();
  return items.filter((item) => {
    const kind = item.slice(0, -2);
    const number = Number(item.slice(-2));
    const isNext = number === (last.get(kind) ?? 0) + 1;
    last.set(kind, number);
    return !isNext;
  });
}

describe("docs/semantics.md", () => {
  it("has a row for every item", () => {
    const counts = new Map<string, number>();
    for (const { item } of rows) {
      const kind = item.slice(0, -2);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toMatchObject({
      "PROC-A": 18,
      "PROC-G": 11,
      "PROC-T": 10,
      "PROC-H": 9,
    });
    expect(gapsIn(rows.map(({ item }) => item))).toEqual([]);
  });

  it("says in each row what happens and names tests that exist", () => {
    expect(rows.flatMap((row) => problemsOf(row, files))).toEqual([]);
  });
});

describe("this test itself", () => {
  const sample = {
    path: "tests/a.test.ts",
    text: `
      describe("an actor", () => {
        it("runs", () => {});
        for (const x of [1]) test(\`counts to \${x}, then ends\`, f);
        it.each([[1]])("adds %i to $what", f);
        describe.skipIf(c)("of another node", () => { test("runs", f); });
      });
      test("alone", f);
      expect(test).toBe("no title");`,
  };

  it("finds the full names of tests", () => {
    expect([...testNamesIn(sample)].toSorted()).toEqual([
      "alone",
      "an actor adds … to …",
      "an actor counts to …, then ends",
      "an actor of another node runs",
      "an actor runs",
    ]);
  });

  it("refuses rows without a test, and tests that are not there", () => {
    const among = new Map([[sample.path, sample]]);
    const said = (row: string) =>
      rowsIn(row).flatMap((one) => problemsOf(one, among));
    const cell = '`tests/a.test.ts` "an actor runs", "alone"';
    expect(said(`| X-A01 | a \\| b | done | ${cell} |`)).toEqual([]);
    expect(said("| item | what | does | shown |\n| --- | --- | --- | --- |"))
      .toEqual([]);
    const bad = [
      `| X-A01 | what |  | ${cell} |`,
      `| X-A01 | what | ${cell} |`,
      "| X-A01 | what | done | everywhere |",
      '| X-A01 | what | done | `tests/a.test.ts` "an actor walks" |',
      '| X-A01 | what | done | `tests/b.test.ts` "alone" |',
    ];
    expect(bad.map((row) => said(`\n${row}`))).toEqual([
      [expect.stringContaining("docs/semantics.md:2: X-A01: expected what")],
      [expect.stringContaining("expected what is asked for")],
      [expect.stringContaining('expected `tests/file.test.ts` "name')],
      [expect.stringContaining('there is no test "an actor walks" in')],
      [expect.stringContaining("there is no file tests/b.test.ts")],
    ]);
    expect(gapsIn(["X-A01", "X-A02", "X-G01", "X-A04"])).toEqual(["X-A04"]);
  });
});
