/**
 * One style for constants at the top of a module: a plain number, text, bigint,
 * boolean or regular expression is UPPER_CASE; a table, object, function or
 * instance is camelCase. Other values, such as what a call returns, may be
 * either.
 */
import {
  isNode,
  lineAt,
  nameOf,
  parse,
  type Problem,
  type SourceFile,
} from "./source.ts";

const UPPER = /^[A-Z][A-Z0-9_]*$/;

const wrappers: ReadonlySet<string> = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "ParenthesizedExpression",
]);

const composite: ReadonlySet<string> = new Set([
  "ObjectExpression",
  "ArrayExpression",
  "NewExpression",
  "ArrowFunctionExpression",
  "FunctionExpression",
  "ClassExpression",
]);

/** Whether an expression is a plain value, made of plain values alone. */
function isPlain(node: unknown): boolean {
  if (!isNode(node)) return false;
  if (wrappers.has(node.type)) return isPlain(node["expression"]);
  switch (node.type) {
    case "Literal":
      return node["value"] !== null || "regex" in node;
    case "TemplateLiteral":
      return (node["expressions"] as unknown[]).every(isPlain);
    case "UnaryExpression":
      return isPlain(node["argument"]);
    case "BinaryExpression":
      return isPlain(node["left"]) && isPlain(node["right"]);
    case "NewExpression":
      return nameOf(node["callee"]) === "RegExp";
    case "Identifier":
      return UPPER.test(nameOf(node) ?? "");
    default:
      return false;
  }
}

function isComposite(node: unknown): boolean {
  if (!isNode(node)) return false;
  if (wrappers.has(node.type)) return isComposite(node["expression"]);
  return composite.has(node.type) && !isPlain(node);
}

/** Checks the constants at the top level of one file. */
export function checkConstants(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const report = (start: number, message: string) => {
    const line = lineAt(file.text, start);
    problems.push({ path: file.path, line, message });
  };
  for (const statement of parse(file).program.body) {
    const declaration = statement.type === "ExportNamedDeclaration"
      ? statement.declaration
      : statement;
    if (declaration?.type !== "VariableDeclaration") continue;
    if (declaration.kind !== "const") continue;
    for (const { id, init } of declaration.declarations) {
      const name = nameOf(id);
      if (name === undefined) continue;
      if (isPlain(init) && !UPPER.test(name)) {
        report(id.start, `${name} is a plain value; write it in UPPER_CASE`);
      } else if (isComposite(init) && UPPER.test(name) && name.length > 1) {
        report(id.start, `${name} is no plain value; write it in camelCase`);
      }
    }
  }
  return problems;
}
