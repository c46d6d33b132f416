/**
 * Every `ts` and `sh` block of the documentation, and every example in a doc
 * comment, runs here on the runtime under test; CONTRIBUTING.md tells authors
 * how. A program of a page is a process of its own; the small ones of doc
 * comments follow one another in one process, and on Deno and Bun those of
 * pages as well. In the nightly run each is a process of its own. There is no
 * way to leave a `ts` block out: a fragment that cannot run alone is
 * marked `<!-- test: typecheck only -->`, a program that does not end by itself
 * `<!-- test: run by FILE -->` with the test that runs it; both are still
 * type-checked.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  type Block,
  blocksIn,
  docBlocksIn,
  missingLine,
  promisedLines,
} from "./docs/blocks.ts";
import { type Offered, turnsOf, Workplace } from "./docs/workplace.ts";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
} from "./helpers/processes.ts";
import { isFull, isNightly, itOnNode } from "./helpers/share.ts";
import type { DenoJson, PackageJson } from "./tidy/exports.ts";
import { portMisuses, portsOfExamples } from "./tidy/ports.ts";
import { filesUnder } from "./tidy/source.ts";

const LIMIT_MS = 30_000;

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(root, name), "utf8")) as T;
}

const deno = readJson<DenoJson>("deno.json");
const offered: Offered = {
  scripts: Object.keys(readJson<PackageJson>("package.json").scripts),
  tasks: Object.keys(deno.tasks),
  exports: deno.exports,
};

const workplace = new Workplace(currentRuntime(), offered);
afterAll(() => workplace.remove());

const pages = filesUnder(".", [".md"]).filter(({ path }) =>
  path.startsWith("docs/") ||
  [
    ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"],
    "examples/README.md",
  ].includes(path)
);
const sources = filesUnder(".").filter(({ path }) =>
  /^(runtime|std)\//.test(path)
);
const blocks = [
  ...pages.flatMap(({ path, text }) => blocksIn(path, text)),
  ...sources.flatMap(docBlocksIn),
];
const programs = blocks.filter(({ language }) => language === "ts");
const shells = blocks.filter(({ language }) => language === "sh");

const FRAGMENT = "typecheck only";
const RUN_BY = /^run by (tests\/\S+\.test\.ts)$/;
const SKIP = /^skip\s+(\S.{9,})$/;

/** Languages under which code would escape the tests. */
const aliases = new Map([
  ["typescript", "ts"],
  ["tsx", "ts"],
  ["js", "ts"],
  ["javascript", "ts"],
  ["bash", "sh"],
  ["shell", "sh"],
  ["console", "sh"],
  ["", "text"],
]);

/** What is wrong with how a block is marked, or undefined. */
function misuse(block: Block): string | undefined {
  const { path, line, language, mark } = block;
  const alias = aliases.get(language);
  if (alias !== undefined) {
    return `${path}:${line}: write \`${alias}\` instead of \`${language}\``;
  }
  if (mark === undefined) return undefined;
  if (language === "ts" && mark === FRAGMENT) return undefined;
  const runner = RUN_BY.exec(mark)?.[1];
  if (language === "ts" && runner !== undefined && runs(runner, path)) {
    return undefined;
  }
  if (language === "sh" && SKIP.test(mark)) return undefined;
  return `${path}:${line}: expected "test: ${FRAGMENT}" or "test: run by ` +
    `<a test that names the page>" before a ts block or "test: skip <reason>" ` +
    `before a sh block, got "test: ${mark}" before a ${language} block`;
}

/** Whether a test is there and says that it is about a page. */
function runs(test: string, page: string): boolean {
  const path = join(root, test);
  return existsSync(path) && readFileSync(path, "utf8").includes(page);
}

/** Runs to the end; the exit code must be 0 and the promised lines there. */
async function succeed(child: SpawnedProcess, block: Block): Promise<void> {
  const exit = await child.waitForExit(LIMIT_MS);
  const output = [...child.stdout, ...child.stderr].join("\n");
  expect(exit, output).toEqual({ code: 0, signal: null });
  const missing = missingLine(child.stdout, promisedLines(block.code));
  expect(missing, `this line is missing in:\n${output}`).toBeUndefined();
}

describe("the documentation", () => {
  it("begins with programs and commands in README.md", () => {
    const languages = blocks.filter(({ path }) => path === "README.md")
      .map(({ language }) => language);
    expect(languages).toContain("ts");
    expect(languages).toContain("sh");
  });

  it("marks its blocks so that they are tested", () => {
    expect(blocks.map(misuse).filter((said) => said !== undefined)).toEqual([]);
  });

  itOnNode("shares no port between programs (on Node.js)", () => {
    const examples = filesUnder("examples").map(({ path, text }) => ({
      path,
      line: 1,
      code: text,
    }));
    expect(portMisuses([...blocks, ...examples])).toEqual([]);
    expect(portsOfExamples(examples)).toEqual([]);
  });

  itOnNode("passes the type checker (on Node.js)", async () => {
    expect(await workplace.check(programs)).toEqual([]);
  });
});

const complete = programs.filter(({ mark = "" }) =>
  mark !== FRAGMENT && !RUN_BY.test(mark)
);
const isAlone = ({ path, code }: Block) =>
  isNightly || code.includes("import.meta.main") ||
  (isFull && path.endsWith(".md"));

describe("a program at", () => {
  for (const block of complete.filter(isAlone)) {
    it.concurrent(`${block.path}:${block.line} runs`, async () => {
      await succeed(await workplace.runProgram(block), block);
    }, LIMIT_MS + 5_000);
  }
});

describe("an example at", () => {
  const examples = complete.filter((block) => !isAlone(block));
  const outputs = new Map<Block, readonly string[]>();

  it.skipIf(isNightly)("some line runs, one after the other", async () => {
    const child = await workplace.runInTurn(examples);
    const exit = await child.waitForExit(2 * LIMIT_MS);
    const output = [...child.stdout, ...child.stderr].join("\n");
    for (const [i, lines] of turnsOf(child.stdout).entries()) {
      const block = examples[i];
      if (block !== undefined) outputs.set(block, lines);
    }
    expect(exit, output).toEqual({ code: 0, signal: null });
  }, 2 * LIMIT_MS + 5_000);

  it.each(examples.map((block) => [`${block.path}:${block.line}`, block]))(
    "%s says what it promises",
    (_, block) => {
      const output = outputs.get(block as Block) ?? [];
      expect(output).not.toEqual([]);
      const promised = promisedLines((block as Block).code);
      expect(missingLine(output, promised), output.join("\n")).toBeUndefined();
    },
  );
});

describe("commands at", () => {
  for (const block of shells) {
    const reason = SKIP.exec(block.mark ?? "")?.[1];
    const place = `${block.path}:${block.line}`;
    // \`hornbeam\` is the one of the runtime under test; others name theirs.
    const isTried = isFull || /^hornbeam /m.test(block.code);
    if (reason === undefined) {
      it.skipIf(!isTried).concurrent(`${place} run`, async () => {
        await succeed(await workplace.runCommands(block), block);
      }, LIMIT_MS + 5_000);
    } else {
      it.concurrent(`${place} are real (not run: ${reason})`, async () => {
        const code = helpOf(block.code);
        await succeed(await workplace.runCommands({ ...block, code }), block);
      }, LIMIT_MS + 5_000);
    }
  }
});

/** Every way to start the command line, up to the subcommand. */
const COMMAND =
  /^(?:(?:npx )?hornbeam|npm run -s hornbeam --|(?:node|deno run -A|bun) cli\/main\.ts) +([a-z]\w*)/gm;

/**
 * For commands that are not run: the shell accepts them, each subcommand of
 * hornbeam that they use explains itself, and the checkout's files that they
 * name are there.
 */
function helpOf(code: string): string {
  const used = [...code.matchAll(COMMAND)].map((match) => match[1]);
  const quoted = `'${code.replaceAll("'", "'\\''")}'`;
  const helps = [...new Set(used)].map((name) =>
    `hornbeam ${name} --help | grep "^Usage: hornbeam ${name}"`
  );
  const files = code.match(/(?<=^|\s)[\w/]+\/\w+\.ts\b/gm) ?? [];
  return [`sh -nc ${quoted}`, ...helps, ["ls .", ...files].join(" ")]
    .join("\n");
}

describe("this test itself", () => {
  const sample = [
    "Text.",
    "",
    "<!-- test: typecheck only -->",
    "",
    "```ts",
    "const a = 1;",
    "```",
  ].join("\n");

  it("finds blocks, their lines and their marks", () => {
    expect(blocksIn("a.md", sample)).toEqual([
      {
        path: "a.md",
        line: 6,
        language: "ts",
        code: "const a = 1;",
        mark: "typecheck only",
      },
    ]);
    expect(blocksIn("a.md", "1. x\n   ```sh\n   echo\n   ```", 10)).toEqual([
      { path: "a.md", line: 13, language: "sh", code: "echo", mark: undefined },
    ]);
    expect(() => blocksIn("a.md", "```ts\n")).toThrow("a.md:1: this fence");
  });

  it("finds examples in doc comments", () => {
    const text = "f();\n/**\n * Adds.\n *\n * @example\n * ```ts\n" +
      " * add(1,\n *   2);\n * ```\n */\nfunction add() {}\n";
    expect(docBlocksIn({ path: "a.ts", text })).toEqual([
      {
        path: "a.ts",
        line: 7,
        language: "ts",
        code: "add(1,\n  2);",
        mark: undefined,
      },
    ]);
  });

  it("refuses marks that hide a block", () => {
    const block = { path: "a.md", line: 3, code: "", mark: undefined };
    expect(misuse({ ...block, language: "js" })).toContain(
      "a.md:3: write `ts`",
    );
    expect(misuse({ ...block, language: "ts", mark: "skip it takes too long" }))
      .toContain('expected "test: typecheck only"');
    expect(misuse({ ...block, language: "sh", mark: "skip" })).toContain(
      '"test: skip <reason>"',
    );
    expect(misuse({ ...block, language: "ts", mark: FRAGMENT })).toBe(
      undefined,
    );
    const by = (file: string, path = "docs/beam.md") =>
      misuse({ ...block, path, language: "ts", mark: `run by ${file}` });
    expect(by("tests/beam/guides/guide.test.ts")).toBe(undefined);
    expect(by("tests/beam/guides/guide.test.ts", "a.md")).toContain("a.md:3:");
    expect(by("tests/no_such.test.ts")).toContain("run by <a test");
    expect(misuse({ ...block, language: "text" })).toBe(undefined);
  });

  it.each([
    ["a subcommand that is not there", "npm run -s hornbeam -- nonsense x.ts"],
    ["a program that is not there", "deno run -A cli/main.ts run a/no_such.ts"],
    ["no shell", "if then"],
  ])("fails commands that are not run on %s", async (_, code) => {
    const path = "a.md";
    const block = { path, line: 1, language: "sh", code, mark: undefined };
    const child = await workplace.runCommands({ ...block, code: helpOf(code) });
    await expect(succeed(child, block)).rejects.toThrow();
  });

  it("refuses ports that programs share or that cannot be replaced", () => {
    const one = { path: "a.md", line: 3, code: "start({ epmdPort: 4380 })" };
    const two = { ...one, line: 9 };
    expect(portMisuses([one, { ...two, code: "epmdPort = 4381; f(4369)" }]))
      .toEqual([]);
    expect(portMisuses([one, two])).toEqual([
      "a.md:9: port 4380 is that of a.md:3 as well; take one that no other " +
      "program has",
    ]);
    for (
      const code of [
        "start({ port: 8080 })",
        "hornbeam run a.ts --epmd-port 5000",
        "ERL_EPMD_PORT=5000 erl",
        "curl http://localhost:8080/",
      ]
    ) {
      expect(portMisuses([{ ...one, code }]), code).toEqual([
        expect.stringContaining("a.md:3: expected port 0 or one from 4370"),
      ]);
    }
  });

  it("refuses an example with a port of its own", () => {
    const example = { path: "examples/a.ts", line: 1 };
    const fixed = { ...example, code: "start({ epmdPort: 4395 })" };
    expect(portsOfExamples([fixed])).toEqual([
      "examples/a.ts: port 4395 is fixed; read ERL_EPMD_PORT, or ask for a " +
      "free one",
    ]);
    const free = { ...example, code: "start({ epmdPort: await freePort() })" };
    expect(portsOfExamples([free])).toEqual([]);
  });

  it("wants promised lines in order", () => {
    expect(promisedLines("f(); // prints: a b\n# prints: c…\n")).toEqual([
      "a b",
      "c…",
    ]);
    expect(missingLine(["x", "a b", "y", "c9"], ["a b", "c…"])).toBe(undefined);
    expect(missingLine(["c9", "a b"], ["a b", "c…"])).toBe("c…");
    expect(missingLine(["a.b"], ["a+b"])).toBe("a+b");
  });

  it.each([
    ["exit 3", "exit 3"],
    ["a command that is not there", "no-such-command-here"],
    ["an npm script that is not there", "npm run no-such-script"],
    ["an npm command it does not know", "npm publish"],
    ["a task that is not there", "deno task no-such-task"],
    ["another package", "npx left-pad"],
    ["git push", "git push"],
    ["a missing promised line", "echo b # prints: a"],
  ])("fails commands on %s", async (_, code) => {
    const block = {
      path: "a.md",
      line: 1,
      language: "sh",
      code,
      mark: undefined,
    };
    const child = await workplace.runCommands(block);
    await expect(succeed(child, block)).rejects.toThrow();
  });

  it("lets commands through that are checked otherwise", async () => {
    const block = {
      path: "a.md",
      line: 1,
      language: "sh",
      code:
        "git clone https://example.com/hornbeam.git\ncd hornbeam\nnpm ci\n" +
        "npm test\nnpm run check\ndeno task start\nbun run start\n" +
        "npm install hornbeam\nsleep 600 &\nnode --version # prints: v2…",
      mark: undefined,
    };
    await succeed(await workplace.runCommands(block), block);
  });

  const block = { path: "a.md", line: 7, language: "ts", mark: undefined };

  itOnNode("fails programs on their types (on Node.js)", async () => {
    const wrong = { ...block, code: "const a: number = `a`;" };
    expect((await workplace.check([wrong])).join("\n")).toContain(
      "a.md-7.ts(7,7): error TS2322",
    );
  });

  it("fails programs on what they do and on what they import", async () => {
    const throws = { ...block, code: 'throw new Error("bad example");' };
    const child = await workplace.runProgram(throws);
    await expect(succeed(child, throws)).rejects.toThrow("bad example");
    const unknown = { ...block, code: 'import "hornbeam/nowhere";' };
    expect(() => workplace.write(unknown)).toThrow(
      'a.md:7: "hornbeam/nowhere" is not among the exports in deno.json',
    );
  });
});
