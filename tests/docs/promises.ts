/**
 * The tables of a page that says what is promised and which test shows it, and
 * the names of the tests that a file holds. Nothing is run here.
 */
import {
  isNode,
  nameOf,
  parse,
  type SourceFile,
  type SyntaxNode,
} from "../tidy/source.ts";

/** A test as the page names it: `path/of.test.ts` "describe it and title". */
export type NamedTest = { readonly path: string; readonly name: string };

/** One row of a table whose first column is an item like `PROC-A01`. */
export type Row = {
  readonly line: number;
  readonly item: string;
  /** Texts of the cells after the first. */
  readonly cells: readonly string[];
  /** Of the last cell. */
  readonly tests: readonly NamedTest[];
};

/** Stands in a name for what a test puts in when it runs. */
export const ANYTHING = "…";

const ITEM = /^[A-Z]+[0-9]*-[A-Z][0-9]{2}$/;

/** The rows of all tables on a page of Markdown. */
export function rowsIn(text: string): Row[] {
  return text.split("\n").flatMap((line, i) => {
    if (!line.startsWith("|")) return [];
    const [item = "", ...cells] = line.split(/(?<!\\)\|/).slice(1, -1)
      .map((cell) => cell.trim());
    if (!ITEM.test(item)) return [];
    return [{ line: i + 1, item, cells, tests: testsIn(cells.at(-1) ?? "") }];
  });
}

function testsIn(cell: string): NamedTest[] {
  const tests: NamedTest[] = [];
  let path = "";
  for (const found of cell.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    const [, file, name] = found;
    // Other code may stand in between.
    if (file !== undefined) path = file.startsWith("tests/") ? file : path;
    else if (name !== undefined) tests.push({ path, name });
  }
  return tests;
}

/** Full names of a file's tests: titles from the outermost `describe` on. */
export function testNamesIn(file: SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: unknown, outer: readonly string[]): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item, outer);
      return;
    }
    if (!isNode(node)) return;
    const call = titled(node);
    if (call?.what === "describe") outer = [...outer, call.title];
    else if (call !== null) names.add([...outer, call.title].join(" "));
    for (const value of Object.values(node)) {
      if (typeof value === "object") visit(value, outer);
    }
  };
  visit(parse(file).program, []);
  return names;
}

/** A call of `describe`, `it` or `test` in any form that takes a title. */
function titled(
  node: SyntaxNode,
): { readonly what: string; readonly title: string } | null {
  if (node.type !== "CallExpression") return null;
  let callee = node["callee"];
  // `it.each(rows)(...)`, `it.skipIf(x)(...)`, `it.concurrent(...)`.
  let isEach = false;
  while (isNode(callee) && nameOf(callee) === undefined) {
    if (nameOf(callee["property"]) === "each") isEach = true;
    callee = callee.type === "CallExpression"
      ? callee["callee"]
      : callee["object"];
  }
  const what = nameOf(callee);
  if (what !== "describe" && what !== "it" && what !== "test") return null;
  const [first] = node["arguments"] as unknown[];
  const title = textOf(first);
  if (title === null) return null;
  return {
    what,
    title: isEach ? title.replaceAll(/%[a-z]|\$[\w.]+/g, ANYTHING) : title,
  };
}

function textOf(node: unknown): string | null {
  if (!isNode(node)) return null;
  if (node.type === "Literal") {
    return typeof node["value"] === "string" ? node["value"] : null;
  }
  if (node.type !== "TemplateLiteral") return null;
  const quasis = node["quasis"] as readonly {
    readonly value: { readonly cooked: string };
  }[];
  return quasis.map(({ value }) => value.cooked).join(ANYTHING);
}
