/**
 * Globals that only runtime/platform/ may name. With clock, entropy and
 * input/output passed in, the same code runs in the simulator; one hidden
 * `Date.now` would make a seed unrepeatable.
 */
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

const CLOCK = "ask the clock that is passed in";
const TIMER = "use the node's timers, which run on the clock that is passed in";
const ENTROPY = "use the entropy that is passed in";
const IO = "declare an interface and implement it in runtime/platform/";

/** Free identifiers, and what to use instead. */
const names: ReadonlyMap<string, string> = new Map([
  ["setTimeout", TIMER],
  ["setInterval", TIMER],
  ["setImmediate", "let the scheduler decide when an actor goes on"],
  ["queueMicrotask", "let the scheduler decide when an actor goes on"],
  ["clearTimeout", TIMER],
  ["clearInterval", TIMER],
  ["clearImmediate", TIMER],
  ["crypto", ENTROPY],
  ["performance", CLOCK],
  ["process", IO],
  ["WeakRef", "use the weak table that is passed in"],
  ["FinalizationRegistry", "use the weak table that is passed in"],
  ["Deno", IO],
  ["Bun", IO],
  ["console", "use the log that is passed in"],
  ["globalThis", IO],
  ["require", "use `import`"],
]);

/** Members of globals that are otherwise harmless. */
const members: ReadonlyMap<string, string> = new Map([
  ["Date.now", CLOCK],
  ["Math.random", ENTROPY],
  ["AbortSignal.timeout", TIMER],
]);

/** Whether an identifier names a property or a label rather than a value. */
function isPlainName(
  node: SyntaxNode,
  parent: SyntaxNode | null,
  field: string,
): boolean {
  if (parent === null) return false;
  if (parent["computed"] === true) return false;
  switch (parent.type) {
    case "MemberExpression":
      return field === "property";
    case "Property":
      // In `{ process }` key and value are the same name: the value counts.
      return field === "key";
    case "MethodDefinition":
    case "PropertyDefinition":
    case "AccessorProperty":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return field === "key";
    case "TSQualifiedName":
      return field === "right";
    case "ImportSpecifier":
      return field === "imported" &&
        nameOf(parent["local"]) !== nameOf(node);
    case "ExportSpecifier":
      return field === "exported";
    case "TSNamedTupleMember":
      return field === "label";
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return field === "label";
    default:
      return false;
  }
}

/** Checks one file under runtime/ (without platform/) or std/. */
export function checkGlobals(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const report = (node: SyntaxNode, what: string, instead: string) => {
    problems.push({
      path: file.path,
      line: lineAt(file.text, node.start),
      message: `${what} is only for runtime/platform/; ${instead}`,
    });
  };
  walkTree(parse(file).program, (node, parent, field) => {
    const name = nameOf(node);
    if (name !== undefined) {
      const instead = names.get(name);
      if (instead !== undefined && !isPlainName(node, parent, field)) {
        report(node, name, instead);
      }
      return;
    }
    if (node.type === "MemberExpression") {
      const member = memberName(node);
      const instead = member === undefined ? undefined : members.get(member);
      if (instead !== undefined) report(node, member ?? "", instead);
    }
    if (isBareDate(node)) report(node, "the current Date", CLOCK);
  });
  return problems;
}

/** `Date.now` and `Date["now"]` alike. */
function memberName(node: SyntaxNode): string | undefined {
  const object = nameOf(node["object"]);
  const property = node["property"];
  if (object === undefined || !isNode(property)) return undefined;
  const name = node["computed"] === true ? property["value"] : nameOf(property);
  return typeof name === "string" ? `${object}.${name}` : undefined;
}

/** `new Date()` reads the clock, `new Date(0)` does not; `Date(0)` does. */
function isBareDate(node: SyntaxNode): boolean {
  if (node.type !== "NewExpression" && node.type !== "CallExpression") {
    return false;
  }
  if (nameOf(node["callee"]) !== "Date") return false;
  const given = node["arguments"];
  return node.type === "CallExpression" ||
    (Array.isArray(given) && given.length === 0);
}
