/**
 * Finds the code that the documentation shows: fenced blocks of Markdown files
 * and of doc comments. Nothing is run here.
 */
import { lineAt, parse, type SourceFile } from "../tidy/source.ts";

/** One fenced block. */
export interface Block {
  /** The file it stands in. */
  readonly path: string;
  /** The line, from 1, of its first line of code. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** What an HTML comment `test: ...` right before it says, if one is there. */
  readonly mark: string | undefined;
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*([\w+-]*)[^`]*$/;
const MARK = /^\s*<!--\s*test:\s*(.*?)\s*-->\s*$/;

/** The fenced blocks of some Markdown. `offset`: lines before the text. */
export function blocksIn(path: string, text: string, offset = 0): Block[] {
  const blocks: Block[] = [];
  const lines = text.split("\n");
  let mark: string | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const open = FENCE.exec(line);
    if (open === null) {
      if (line.trim() !== "") mark = MARK.exec(line)?.[1];
      continue;
    }
    const [, indent = "", fence = "", language = ""] = open;
    const first = i + 1;
    const code: string[] = [];
    for (i = first; i < lines.length; i++) {
      const inner = lines[i] ?? "";
      if (inner.trim() === fence) break;
      code.push(inner.startsWith(indent) ? inner.slice(indent.length) : inner);
    }
    if (i === lines.length) {
      throw new Error(`${path}:${offset + first}: this fence is never closed`);
    }
    blocks.push({
      path,
      line: offset + first + 1,
      language,
      code: code.join("\n"),
      mark,
    });
    mark = undefined;
  }
  return blocks;
}

/** The fenced blocks in the doc comments of a TypeScript file. */
export function docBlocksIn(file: SourceFile): Block[] {
  return parse(file).comments
    .filter(({ type, value }) => type === "Block" && value.startsWith("*"))
    .flatMap(({ value, start }) => {
      const text = value.split("\n")
        .map((line) => line.replace(/^\s*\* ?/, "")).join("\n");
      return blocksIn(file.path, text, lineAt(file.text, start) - 1);
    });
}

/** What the comments `// prints: ...` of a block promise, in order. */
export function promisedLines(code: string): string[] {
  return [...code.matchAll(/(?:\/\/|#) prints: (.*)$/gm)]
    .map((match) => (match[1] ?? "").trim());
}

/**
 * The first promised line that `output` does not hold after the ones before
 * it; undefined when all are there. `…` in a promise stands for anything.
 */
export function missingLine(
  output: readonly string[],
  promised: readonly string[],
): string | undefined {
  let at = 0;
  for (const promise of promised) {
    const pattern = new RegExp(
      `^${
        promise.split("…").map((part) =>
          part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
        ).join(".*")
      }$`,
    );
    while (at < output.length && !pattern.test((output[at] ?? "").trim())) at++;
    if (at === output.length) return promise;
    at++;
  }
  return undefined;
}
