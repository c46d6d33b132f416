/**
 * Plain technical English in comments, documents, test titles and messages.
 * This rule refuses the words that make a sentence a riddle, because they hide
 * which actor, caller or peer is meant, and names the plain word to use. It
 * sees words and not sense: a sentence without any of them may still be one to
 * write anew.
 */
import {
  isNode,
  lineAt,
  parse,
  type Problem,
  type SourceFile,
  walkTree,
} from "./source.ts";

/** A pattern that is refused, and what to write instead. */
export interface Refused {
  readonly pattern: RegExp;
  readonly instead: string;
}

const SAY_WHICH = "say which: the caller, the sender, the owner, the peer";

/**
 * All patterns are global and match across line breaks of a paragraph, which
 * arrive here as spaces.
 */
export const refused: readonly Refused[] = [
  { pattern: /\bwho(?:so)?m?ever\b/gi, instead: SAY_WHICH },
  {
    pattern: /\bwhat(?:so)?ever\b/gi,
    instead: 'say which: "any value", "each message", "in every case"',
  },
  {
    pattern: /\b(?:nobody|no one|noone)\b/gi,
    instead: 'say which: "no actor", "no caller", "no node", "no process"',
  },
  {
    pattern: /\b(?:some|any|every)(?:body|one)(?: else)?(?:['’]s)?\b/gi,
    instead: 'say which: "a caller", "another actor", "any peer", "every node"',
  },
  {
    pattern: /\blast\s+words?\b/gi,
    instead: '"terminate callback", "final message" or "final decision"',
  },
  {
    pattern: /\bthe\s+living\b/gi,
    instead: '"live actors", "current incarnation"',
  },
  {
    pattern:
      /\bthe\s+dead\b(?=\s*(?:[.,;:)"'`|]|$)|\s+(?:and|or|are|is|as|at|any|before|by|do|does|for|get|has|have|in|of|on|silent|to|when|which|who|would)\b)/gi,
    instead: '"actors that have ended", "an ended actor"',
  },
  {
    pattern: /\b(?:hear|hears|heard|hearing)\s+(?:of|from)\b/gi,
    instead: '"is notified of", "receives", "learns of"',
  },
  { pattern: /\bin\s+mid-?air\b/gi, instead: '"while it runs"' },
  {
    pattern: /\bharms?\s+(?:no\s+\w+|nothing|none)\b/gi,
    instead: '"has no effect"',
  },
  { pattern: /\bof\s+chance\b/gi, instead: '"random"' },
  {
    pattern: /\bstrangers?\b/gi,
    instead: '"another program", "a client without the cookie"',
  },
  {
    pattern: /\bdeaths?\b/gi,
    instead: '"termination" or "exit" of an actor, "loss" of a node',
  },
  {
    pattern: /(?<=^|[.:;!?|\n]\s*|\n\s*[-*]\s+)One\s+(?:that|who|which)\b/g,
    instead: "begin the sentence with the noun that is meant",
  },
  {
    pattern: /(?<=^\s*|[.:;!|\n]\s*|\n\s*[-*]\s+)Who\s(?![^.!|\n]*\?)/g,
    instead:
      'begin the sentence with the noun: "A caller that is refused a lock …"',
  },
];

/** Text of one paragraph or more; `at` is where it begins in the file. */
interface Prose {
  readonly text: string;
  readonly at: number;
}

/** Spaces of the same length, so that offsets stay what they are. */
function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

/**
 * Line breaks within a paragraph become spaces, code in backticks is blanked,
 * and everything stays where it was.
 */
function smoothed(text: string): string {
  return text.replace(
    /`[^`\n]+`/g,
    (code) => `"${"x".repeat(code.length - 2)}"`,
  )
    .replace(/\n(?!\s*(?:\n|[-*|#]\s|\d+\.\s|@))/g, " ");
}

/** The comments of a module, lines that follow one another as one. */
function commentsOf(file: SourceFile): Prose[] {
  const found: { start: number; end: number; type: string }[] = [];
  for (const { type, start, end } of parse(file).comments) {
    const before = found.at(-1);
    if (
      type === "Line" && before?.type === "Line" &&
      /^\n[ \t]*$/.test(file.text.slice(before.end, start))
    ) {
      before.end = end;
    } else found.push({ start, end, type });
  }
  return found.map(({ start, end }) => ({
    at: start,
    text: smoothed(
      withoutFences(
        file.text.slice(start, end)
          .replace(/^\/\*\*?|\*\/$/g, blank)
          .replace(/^[ \t]*(?:\/\/+|\*(?!\*))/gm, blank),
      ),
    ),
  }));
}

/** Blanks blocks of code, of which only the comments are prose. */
function withoutFences(text: string): string {
  return text.replace(
    /^([ \t]*)```[^\n]*\n[\s\S]*?^\1```[ \t]*$/gm,
    (block) =>
      block.split("\n").map((line) => {
        const at = line.search(/(?<=^|\s)(?:\/\/|#|%)\s/);
        return at < 0 ? blank(line) : blank(line.slice(0, at)) + line.slice(at);
      }).join("\n\n".slice(1)),
  );
}

/** What a string of Erlang, Elixir, shell or JSON has, and no sentence. */
const CODE = /\w\(|[{}]|=[:=]|\b[a-z]+:[a-z]/;

/** Strings that are sentences: titles of tests and messages. */
function sentencesOf(file: SourceFile): Prose[] {
  const found: Prose[] = [];
  walkTree(parse(file).program, (node, parent) => {
    if (node.type !== "TemplateElement" && node.type !== "Literal") return;
    if (typeof node["value"] !== "string" && node.type === "Literal") return;
    if (isNode(parent) && /^(?:Import|Export)/.test(parent.type)) return;
    // A part of a template may include the bounds of the values beside it.
    const text = file.text.slice(node.start, node.end)
      .replace(/^\}|\$\{$/g, blank);
    if (!/[a-z,;] [a-z]/i.test(text)) return;
    const whole = isNode(parent) && parent.type === "TemplateLiteral"
      ? file.text.slice(parent.start + 1, parent.end - 1)
      : text;
    if (CODE.test(whole.replace(/\$\{[^}]*\}|`[^`]*`/g, ""))) return;
    found.push({ at: node.start, text: text.replace(/^["'`]|\\[nt]/g, blank) });
  });
  return found;
}

/**
 * Blanks the titles of tests that a table row quotes: they are judged where the
 * tests are.
 */
function withoutTitles(text: string): string {
  return text.replace(
    /^\|.*`tests\/[\w/]+\.test\.ts`.*$/gm,
    (row) => row.replace(/"[^"\n]*"/g, blank),
  );
}

function proseOf(file: SourceFile): Prose[] {
  if (file.path.endsWith(".md")) {
    const text = withoutTitles(withoutFences(file.text));
    return [{ at: 0, text: smoothed(text) }];
  }
  return [...commentsOf(file), ...sentencesOf(file)];
}

/** Checks one `.ts`, `.mjs` or `.md` file. */
export function checkProse(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  for (const { text, at } of proseOf(file)) {
    for (const { pattern, instead } of refused) {
      for (const match of text.matchAll(pattern)) {
        const found = match[0].trim().replaceAll(/\s+/g, " ");
        problems.push({
          path: file.path,
          line: lineAt(file.text, at + match.index),
          message: `"${found}" hides what is meant; ${instead}`,
        });
      }
    }
  }
  return problems.sort((a, b) => a.line - b.line);
}
