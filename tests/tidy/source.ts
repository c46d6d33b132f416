/**
 * What the tidy rules look at: the checkout's files, parsed where they are
 * TypeScript, and the form in which a rule reports a problem. A rule is a
 * function from one file to problems, so that a test can feed it a bad sample.
 *
 * The parser is rolldown's (oxc), which vitest brings along: strings, comments
 * and types are told apart by a real parser and not by patterns.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { type ParseResult, parseSync } from "rolldown/utils";
import { root } from "../helpers/processes.ts";

/** One file, its path relative to the checkout with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A breach of a rule. `message` says what to do instead. */
export interface Problem {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** `path:line: message`, for each problem a line of its own. */
export function inLines(problems: readonly Problem[]): string[] {
  return problems.map((p) => `${p.path}:${p.line}: ${p.message}`);
}

/** The line, from 1, that holds the character at `offset`. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset;) {
    line++;
    at = text.indexOf("\n", at + 1);
  }
  return line;
}

const parsed = new WeakMap<SourceFile, ParseResult>();

/** Parses a TypeScript or JavaScript file. Throws with its first syntax error. */
export function parse(file: SourceFile): ParseResult {
  let result = parsed.get(file);
  if (result === undefined) {
    const lang = file.path.endsWith(".mjs") ? "js" : "ts";
    result = parseSync(file.path, file.text, { lang });
    const [error] = result.errors;
    if (error !== undefined) {
      throw new Error(`${file.path} does not parse: ${error.message}`);
    }
    parsed.set(file, result);
  }
  return result;
}

/** Folders that hold nothing the project wrote by hand. */
const leftOut = new Set([
  ".git",
  "node_modules",
  "dist",
  "coverage",
  "fixtures",
]);

/** All files under `folder` of the checkout with one of these endings. */
export function filesUnder(
  folder: string,
  endings: readonly string[] = [".ts"],
): SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) {
        if (!leftOut.has(entry.name)) walk(inner);
      } else if (
        entry.isFile() && endings.some((end) => entry.name.endsWith(end))
      ) {
        files.push({
          path: relative(root, inner).split(sep).join("/"),
          text: readFileSync(inner, "utf8"),
        });
      }
    }
  };
  walk(join(root, folder));
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** A node of the syntax tree, as far as a general walk needs to know it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string";
}

/** The name of an identifier, or undefined for any other node. */
export function nameOf(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== "Identifier") return undefined;
  return typeof node["name"] === "string" ? node["name"] : undefined;
}

/**
 * Calls `visit` for each node of the tree, parents first, with its parent and
 * the field of the parent that holds it.
 */
export function walkTree(
  node: unknown,
  visit: (node: SyntaxNode, parent: SyntaxNode | null, field: string) => void,
): void {
  if (isNode(node)) walkFrom(node, visit, null, "");
}

/** The tree has a million nodes: no lists of entries, no second look at any. */
function walkFrom(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | null, field: string) => void,
  parent: SyntaxNode | null,
  field: string,
): void {
  visit(node, parent, field);
  for (const inner in node) {
    const value = node[inner];
    if (typeof value !== "object" || value === null) continue;
    if (!Array.isArray(value)) {
      if (isNode(value)) walkFrom(value, visit, node, inner);
      continue;
    }
    for (const item of value) {
      if (isNode(item)) walkFrom(item, visit, node, inner);
    }
  }
}
