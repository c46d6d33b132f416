/** Limits of length: a file or function beyond them wants to be two. */
import {
  isNode,
  lineAt,
  nameOf,
  parse,
  type Problem,
  type SourceFile,
  type SyntaxNode,
  walkTree,
} from "./source.ts";

export const MAX_FILE_LINES = 500;
export const MAX_FUNCTION_LINES = 90;

export function checkFileLength(file: SourceFile): Problem[] {
  const lines = file.text.replace(/\n$/, "").split("\n").length;
  if (lines <= MAX_FILE_LINES) return [];
  return [{
    path: file.path,
    line: MAX_FILE_LINES + 1,
    message:
      `${lines} lines, at most ${MAX_FILE_LINES}; split the file where ` +
      "its head comment says `and`",
  }];
}

export function checkFunctionLength(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  walkTree(parse(file).program, (node, parent) => {
    if (!isFunction(node) || isSuite(parent)) return;
    const first = lineAt(file.text, node.start);
    const lines = lineAt(file.text, node.end) - first + 1;
    if (lines <= MAX_FUNCTION_LINES) return;
    problems.push({
      path: file.path,
      line: first,
      message: `a function of ${lines} lines, at most ${MAX_FUNCTION_LINES}; ` +
        "give its parts names of their own",
    });
  });
  return problems;
}

function isFunction(node: SyntaxNode): boolean {
  return node.type === "FunctionDeclaration" ||
    node.type === "FunctionExpression" ||
    node.type === "ArrowFunctionExpression";
}

/** Calls whose callback is a list of tests and not a function to read. */
const suites: readonly (string | undefined)[] = ["describe", "matrix"];

function isSuite(parent: SyntaxNode | null): boolean {
  if (parent?.type !== "CallExpression") return false;
  let callee: unknown = parent["callee"];
  while (isNode(callee) && nameOf(callee) === undefined) {
    callee = callee["object"] ?? callee["callee"] ?? callee["tag"];
  }
  return suites.includes(nameOf(callee));
}
