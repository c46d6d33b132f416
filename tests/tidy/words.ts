/**
 * Words and marks that do not belong into the checkout: unfinished work, tests
 * left out by hand, `any`, paths that exist on one machine only, and modules that do
 * not say what they are.
 */
import {
  isNode,
  lineAt,
  nameOf,
  parse,
  type Problem,
  type SourceFile,
  walkTree,
} from "./source.ts";

// Written so that this file does not match itself.
const UNFINISHED = /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g;
const MACHINE_PATH = /(?<![\w.~*-])\/(?:work|home|root)\/\S*/g;

function matches(
  file: SourceFile,
  pattern: RegExp,
  message: (found: string) => string,
): Problem[] {
  return [...file.text.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(file.text, match.index),
    message: message(match[0]),
  }));
}

export function checkUnfinished(file: SourceFile): Problem[] {
  return matches(
    file,
    UNFINISHED,
    (mark) => `${mark}: finish it, or open an issue and delete the mark`,
  );
}

export function checkMachinePaths(file: SourceFile): Problem[] {
  return matches(
    file,
    MACHINE_PATH,
    (path) =>
      `${path} exists on one machine only; use a relative path or a ` +
      "temporary folder",
  );
}

/** Every module opens with a comment that says what it is. */
export function checkOpening(file: SourceFile): Problem[] {
  const text = file.text.replace(/^#!.*\n/, "").trimStart();
  if (text.startsWith("/*") || text.startsWith("//")) return [];
  return [{
    path: file.path,
    line: 1,
    message: "open the module with a comment: what it is, what it is not, " +
      "which protocol or source it follows",
  }];
}

/** No `any`, neither written nor cast to. */
export function checkAny(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  walkTree(parse(file).program, (node) => {
    if (node.type !== "TSAnyKeyword") return;
    problems.push({
      path: file.path,
      line: lineAt(file.text, node.start),
      message: "`any` turns the type checker off; use `unknown` and narrow it",
    });
  });
  return problems;
}

const runners = new Set(["it", "test", "describe", "suite", "bench"]);
const marks = new Set(["only", "skip", "todo", "fails"]);

/** Tests narrowed down or left out by hand; `skipIf` with a reason may be. */
export function checkNarrowed(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  walkTree(parse(file).program, (node) => {
    if (node.type !== "MemberExpression") return;
    const mark = nameOf(node["property"]);
    if (mark === undefined || !marks.has(mark)) return;
    let object: unknown = node["object"];
    while (isNode(object) && object.type === "MemberExpression") {
      object = object["object"];
    }
    if (!runners.has(nameOf(object) ?? "")) return;
    problems.push({
      path: file.path,
      line: lineAt(file.text, node.start),
      message: `.${mark} leaves tests out in silence; run them all, or use ` +
        "skipIf with a condition that can be seen",
    });
  });
  return problems;
}
