/**
 * Paths in documents: a file that is named in backticks or in a link is there,
 * and so is the heading that a link leads to, and a function that is named
 * beside a file. A path counts from the checkout, from `runtime/`, or from the
 * page's folder.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "../helpers/processes.ts";
import { lineAt, type Problem, type SourceFile } from "./source.ts";

/** Something with an ending of ours, or with a slash at its end. */
const PATH =
  /^(?!\w+:|\/)[\w@.{},*-]*[\w}*](?:\/[\w.{},*-]+)*(?:\.(?:ts|mjs|md|json|yml|sh|ex|exs|erl|escript)|\/)$/;

/** A part that a reader fills in, such as `NNN-title.md`. */
const PLACEHOLDER =
  /(?<![A-Z])(?!README|CHANGELOG|CONTRIBUTING|ARCHITECTURE|SECURITY|LICENSE)[A-Z]{3,}/;

/** `a.{b,c}` as `a.b` and `a.c`. */
function expanded(path: string): string[] {
  const match = /\{([^{}]*)\}/.exec(path);
  if (match === null) return [path];
  return (match[1] ?? "").split(",").flatMap((part) =>
    expanded(
      path.slice(0, match.index) + part +
        path.slice(match.index + match[0].length),
    )
  );
}

/** Of a pattern, the folder before the first star. */
function withoutStars(path: string): string {
  const at = path.indexOf("*");
  return at < 0 ? path : path.slice(0, path.lastIndexOf("/", at) + 1) || ".";
}

interface Named {
  readonly path: string;
  readonly at: number;
  readonly isLink: boolean;
}

/** The paths that a page names, with their offsets. */
function pathsIn(text: string): Named[] {
  const found: Named[] = [];
  for (const match of text.matchAll(/(?<!`)`([^`]+)`(?!`)/g)) {
    for (const token of (match[1] ?? "").split(/\s+/)) {
      const path = token.replace(/^\.\//, "").replace(/(?<=\.\w+):\d+$/, "");
      if (
        PLACEHOLDER.test(path) || !PATH.test(path) ||
        !/[/.]/.test(path.slice(0, -1))
      ) continue;
      found.push({ path, at: match.index, isLink: false });
    }
  }
  for (const match of text.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)) {
    const path = match[1] ?? "";
    if (/^\w+:/.test(path)) continue;
    found.push({ path, at: match.index, isLink: true });
  }
  return found;
}

/** Blanks fenced blocks, whose files a reader makes. */
function withoutBlocks(text: string): string {
  return text.replace(
    /^([ \t]*)```[^\n]*\n[\s\S]*?^\1```[ \t]*$/gm,
    (block) => block.replace(/[^\n]/g, " "),
  );
}

/** The checkout, runtime/, and the page's folder with all around it. */
function basesOf(page: string): string[] {
  const bases = [".", "runtime"];
  for (let at = posix.dirname(page); at !== "."; at = posix.dirname(at)) {
    bases.push(at);
  }
  return bases;
}

/** Pages for users name files that a user has; of these only links count. */
function isForUsers(path: string): boolean {
  return /^(?:docs\/[\w-]+|examples\/.*|CHANGELOG|README)\.md$/.test(path);
}

/**
 * Checks the links of a page, and unless it is for users the paths that it
 * names in backticks. `isThere`: whether a path of the checkout exists.
 */
export function checkPaths(
  page: SourceFile,
  isThere: (path: string) => boolean = (path) => existsSync(join(root, path)),
): Problem[] {
  const problems: Problem[] = [];
  for (const { path, at, isLink } of pathsIn(withoutBlocks(page.text))) {
    if (!isLink && isForUsers(page.path)) continue;
    const bases = isLink ? [posix.dirname(page.path)] : basesOf(page.path);
    for (const one of expanded(path).map(withoutStars)) {
      if (bases.some((base) => isThere(posix.join(base, one)))) continue;
      problems.push({
        path: page.path,
        line: lineAt(page.text, at),
        message:
          `there is no ${one}; name the file where it is now, with its ` +
          "path from the root of the checkout, from runtime/ or from this " +
          "folder",
      });
    }
  }
  return problems;
}

/** The anchor that a heading gets. */
function anchorOf(heading: string): string {
  return heading.trim().toLowerCase().replaceAll(/[^\w\s-]/g, "")
    .replaceAll(/\s/g, "-");
}

/** Checks the headings that links lead to, on the same page or another. */
export function checkAnchors(
  page: SourceFile,
  read: (path: string) => string = (path) =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "",
): Problem[] {
  const problems: Problem[] = [];
  const links = withoutBlocks(page.text)
    .matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g);
  for (const match of links) {
    const [, path = "", anchor = ""] = match;
    const target = path === ""
      ? page.path
      : posix.join(posix.dirname(page.path), path);
    if (!target.endsWith(".md")) continue;
    const text = path === "" ? page.text : read(target);
    const headings = withoutBlocks(text).matchAll(/^#+ (.*)$/gm);
    const isThere = [...headings].some(([, heading = ""]) =>
      anchorOf(heading) === anchor
    );
    if (isThere) continue;
    problems.push({
      path: page.path,
      line: lineAt(page.text, match.index),
      message: `${target} has no heading for #${anchor}; follow the heading`,
    });
  }
  return problems;
}

/**
 * Checks the names of functions and fields that a page has in backticks, such
 * as `endActor`: each occurs in the source. `sources`: all of it as one text.
 */
export function checkNames(page: SourceFile, sources: string): Problem[] {
  return [...withoutBlocks(page.text).matchAll(/`([a-z]+[A-Z]\w*)`/g)]
    .filter(([, name = ""]) => !sources.includes(name))
    .map((match) => ({
      path: page.path,
      line: lineAt(page.text, match.index),
      message: `${match[1]} is not in the source; use the name that it has now`,
    }));
}
