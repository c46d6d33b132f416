/**
 * docs/semantics.md and docs/std.md name a test for each promise. Here each of
 * them must be one that exists, under that name, in that file.
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

describe("docs/std.md", () => {
  const stdPage = filesUnder("docs", [".md"])
    .find(({ path }) => path === "docs/std.md");
  const stdRows = rowsIn(stdPage?.text ?? "");

  it("has a row for every item of its sections", () => {
    const items = [...new Set(stdRows.map(({ item }) => item))];
    const kinds = new Set(items.map((item) => item.slice(0, -2)));
    const counts = [...kinds].map((kind) => [
      kind,
      items.filter((item) => item.slice(0, -2) === kind).length,
    ]);
    // As the checklist of OTP's and Elixir's behaviours numbers them.
    expect(Object.fromEntries(counts)).toEqual({
      ...{ "GS-A": 9, "GS-G": 5, "GS-T": 2, "GS-H": 4 },
      ...{ "SM-A": 4, "SM-G": 4, "SM-T": 1, "SM-H": 2 },
      ...{ "GE-A": 1, "GE-G": 1, "GE-T": 1 },
      ...{ "SUP-A": 5, "SUP-G": 11, "SUP-T": 7, "SUP-H": 6 },
      ...{ "DSUP-A": 2, "DSUP-G": 4, "DSUP-T": 1, "DSUP-H": 1 },
      ...{ "PSUP-A": 1, "PSUP-T": 1, "PSUP-H": 1 },
      ...{ "REG-A": 2, "REG-G": 4, "REG-T": 1, "REG-H": 1 },
      ...{ "TASK-A": 1, "TASK-G": 3, "TASK-T": 1, "TASK-H": 1 },
      ...{ "AGT-A": 1, "SYS-A": 1, "SYS-G": 2, "SYS-H": 1 },
      ...{ "LOG-A": 1, "LOG-G": 2, "LOG-T": 1, "LOG-H": 1 },
      ...{ "APP-A": 2, "APP-H": 1 },
      ...{ "RPC-A": 3, "RPC-G": 2, "RPC-T": 1, "RPC-H": 2 },
      ...{ "PUB-A": 4, "PUB-G": 4, "PUB-T": 2, "PUB-H": 3 },
    });
  });

  it("names tests that exist, or says why an item is not here", () => {
    const problems = stdRows.flatMap(({ line, item, cells, tests }) => {
      const shown = cells.at(-1) ?? "";
      const said = tests.length === 0 &&
          !/not here|`tests\/\S+\.test\.ts`/.test(shown)
        ? ["expected a test, or why the item is not here"]
        : tests.flatMap((test) => missing(test, files) ?? []);
      return said.map((what) => `docs/std.md:${line}: ${item}: ${what}`);
    });
    expect(problems).toEqual([]);
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
