/**
 * The project's own rules as tests. Each rule runs over the checkout, and over
 * a bad sample that it must refuse: a rule that cannot fail is no rule. The
 * message names the place and what to do instead.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./helpers/processes.ts";
import { describeOnNode as describe } from "./helpers/share.ts";
import {
  checkExports,
  checkPins,
  type DenoJson,
  type PackageJson,
} from "./tidy/exports.ts";
import { checkGlobals } from "./tidy/globals.ts";
import { houseRules } from "./tidy/house.ts";
import { checkFace, checkImports } from "./tidy/imports.ts";
import { checkFileLength, checkFunctionLength } from "./tidy/size.ts";
import {
  filesUnder,
  inLines,
  lineAt,
  type Problem,
  type SourceFile,
} from "./tidy/source.ts";
import {
  checkAny,
  checkMachinePaths,
  checkNarrowed,
  checkOpening,
  checkUnfinished,
} from "./tidy/words.ts";

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(root, name), "utf8")) as T;
}

const pkg = readJson<PackageJson>("package.json");
const deno = readJson<DenoJson>("deno.json");
const declared = Object.keys(pkg.dependencies);

const typescript = filesUnder(".");
const isIn = (...folders: string[]) => (file: SourceFile): boolean =>
  folders.some((folder) => file.path.startsWith(`${folder}/`));
const library = typescript.filter(isIn("runtime", "std"));
const tests = typescript.filter(isIn("tests"));
const everything = filesUnder(".", [
  ".ts",
  ".mjs",
  ".json",
  ".md",
  ".yml",
  ".sh",
  "/run",
]);

function over(
  files: readonly SourceFile[],
  rule: (file: SourceFile) => Problem[],
): string[] {
  return inLines(files.flatMap(rule));
}

/** What a rule says about a sample. */
function on(
  path: string,
  text: string,
  rule: (file: SourceFile) => Problem[],
): string[] {
  return inLines(rule({ path, text }));
}

it("finds the files that the rules are about", () => {
  expect(library.length).toBeGreaterThan(0);
  expect(everything.map((file) => file.path)).toContain("tests/tidy.test.ts");
});

houseRules({
  rooms: typescript.filter(isIn("runtime", "std", "cli", "bench")),
  sources: [...typescript, ...filesUnder(".", [".mjs"])],
  pages: everything.filter(({ path }) => path.endsWith(".md")),
});

describe("the dependency rule", () => {
  const rule = (file: SourceFile) => checkImports(file, declared);

  it("holds in runtime/ and std/", () => {
    expect(over(library, rule)).toEqual([]);
  });

  it.each([
    ["runtime/core/a.ts", "../wire/b.ts", "core may not import runtime/wire"],
    ["runtime/wire/a.ts", "../net/b.ts", "wire may not import runtime/net"],
    ["runtime/net/a.ts", "../kernel/b.ts", "net may not import runtime/kernel"],
    ["runtime/kernel/a.ts", "../net/b.ts", "only core, kernel; declare an"],
    ["runtime/kernel/a.ts", "../wire/b.ts", "kernel may not import runtime/"],
    ["runtime/net/a.ts", "../platform/b.ts", "only core, wire, net; declare"],
    [
      "runtime/kernel/a.ts",
      "../platform/b.ts",
      "pass it in from runtime/start",
    ],
    ["runtime/platform/a.ts", "../wire/b.ts", "only core, net, platform;"],
    [
      "runtime/core/a.ts",
      "../start.ts",
      "core may not import runtime/start.ts",
    ],
    ["runtime/start.ts", "./mod.ts", "start may not import runtime/mod.ts"],
    ["std/a.ts", "../runtime/core/b.ts", 'import from "../runtime/mod.ts"'],
    ["std/a.ts", "../cli/b.ts", "std may not import cli/b.ts"],
    [
      "runtime/core/a.ts",
      "cbor-x",
      "core may not import cbor-x; only runtime/",
    ],
    ["runtime/kernel/a.ts", "comlink", "only runtime/platform/ may"],
    ["std/a.ts", "@logtape/logtape", "only runtime/platform/ may"],
    ["std/a.ts", "commander", "std may not import commander; only cli/ may"],
    ["std/a.ts", "left-pad", "left-pad is not among the dependencies"],
    ["runtime/net/a.ts", "node:net", "net may not import node:net; only"],
    ["runtime/platform/a.ts", "jsr:@std/path", 'only "node:" modules'],
  ])("refuses in %s an import of %s", (path, from, message) => {
    for (
      const text of [
        `\nimport { b } from "${from}";`,
        `\nimport type { B } from "${from}";`,
        `\nexport { b } from "${from}";`,
        `\nexport * from "${from}";`,
        `\nconst b = await import("${from}");`,
        `\ntype B = import("${from}").B;`,
      ]
    ) {
      const said = on(path, text, rule);
      expect(said).toHaveLength(1);
      expect(said[0]).toContain(`${path}:2: `);
      expect(said[0]).toContain(message);
    }
  });

  it.each([
    ["runtime/core/a.ts", "./b.ts"],
    ["runtime/kernel/a.ts", "../core/b.ts"],
    ["runtime/platform/a.ts", "../net/carrier.ts"],
    ["runtime/platform/a.ts", "node:net"],
    ["runtime/platform/a.ts", "comlink"],
    ["runtime/wire/a.ts", "cbor-x"],
    ["runtime/start.ts", "./platform/b.ts"],
    ["runtime/mod.ts", "./start.ts"],
    ["std/a.ts", "./inner/b.ts"],
    ["std/inner/b.ts", "../../runtime/mod.ts"],
  ])("allows in %s an import of %s", (path, from) => {
    expect(on(path, `import { b } from "${from}";`, rule)).toEqual([]);
  });

  it("refuses a file that is in no layer", () => {
    expect(on("runtime/util/a.ts", "", rule)[0]).toContain(
      "runtime/util/a.ts:1: this file belongs to no layer",
    );
  });

  it("does not mistake a comment or a string for an import", () => {
    const text = '// import "node:net";\nexport const a = `import "node:fs"`;';
    expect(on("runtime/core/a.ts", text, rule)).toEqual([]);
  });
});

describe("the public face", () => {
  it("only re-exports", () => {
    const face = typescript.filter((file) => file.path === "runtime/mod.ts");
    expect(face).toHaveLength(1);
    expect(over(face, checkFace)).toEqual([]);
  });

  it.each([
    'import { a } from "./core/a.ts";\nexport { a };',
    "export const a = 1;",
    "export default 1;",
    "console.log(1);",
  ])("refuses %j", (text) => {
    expect(on("runtime/mod.ts", text, checkFace)[0]).toContain(
      "runtime/mod.ts:1: the public face holds only",
    );
  });

  it("allows comments and every kind of re-export", () => {
    const text = '/** Face. */\nexport * from "./a.ts";\n' +
      'export { b } from "./b.ts";\nexport type { C } from "./c.ts";\n';
    expect(on("runtime/mod.ts", text, checkFace)).toEqual([]);
  });
});

describe("globals of the platform", () => {
  it("are named in runtime/platform/ alone", () => {
    const pure = library.filter((file) =>
      !file.path.startsWith("runtime/platform/")
    );
    expect(over(pure, checkGlobals)).toEqual([]);
  });

  it.each([
    ["const a = Date.now();", "Date.now", "ask the clock"],
    ['const a = Date["now"]();', "Date.now", "ask the clock"],
    ["const a = new Date();", "the current Date", "ask the clock"],
    ["const a = Date();", "the current Date", "ask the clock"],
    ["setTimeout(f, 1);", "setTimeout", "use the node's timers"],
    ["const g = setInterval;", "setInterval", "use the node's timers"],
    ["setImmediate(f);", "setImmediate", "let the scheduler decide"],
    ["queueMicrotask(f);", "queueMicrotask", "let the scheduler decide"],
    ["const a = Math.random();", "Math.random", "use the entropy"],
    ["crypto.randomUUID();", "crypto", "use the entropy"],
    ["performance.now();", "performance", "ask the clock"],
    ["process.exit(1);", "process", "declare an interface"],
    ["const a = { process };", "process", "declare an interface"],
    ["const a = new WeakRef(b);", "WeakRef", "use the weak table"],
    ["let a: WeakRef<object>;", "WeakRef", "use the weak table"],
    ["new FinalizationRegistry(f);", "FinalizationRegistry", "the weak table"],
    ["AbortSignal.timeout(5);", "AbortSignal.timeout", "the node's timers"],
    ["Deno.exit();", "Deno", "declare an interface"],
    ["typeof Bun;", "Bun", "declare an interface"],
    ['console.log("x");', "console", "use the log"],
    ["globalThis.setTimeout(f);", "globalThis", "declare an interface"],
    ["a[`${performance.now()}`];", "performance", "ask the clock"],
  ])("refuses %s", (code, what, instead) => {
    const said = on("runtime/core/a.ts", `// One.\n\n${code}`, checkGlobals);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(
      `runtime/core/a.ts:3: ${what} is only for runtime/platform/; `,
    );
    expect(said[0]).toContain(instead);
  });

  it.each([
    "// setTimeout(f) and process.exit()",
    "/* Date.now() */",
    'const a = "Date.now() and `process`";',
    "const a = `new Date() ${1} Bun`;",
    "const a = /process|Deno/;",
    "const a = new Date(0);",
    "const a = b instanceof Date;",
    "const a = b.process + b.console.crypto;",
    "const a = { setTimeout: 1, performance() {} };",
    "interface A { process: string; setTimeout(ms: number): void }",
    "class A { process = 1; now() { return this.process; } }",
    "const a = Math.floor(1.5);",
    "const a = AbortSignal.abort();",
  ])("allows %s", (code) => {
    expect(on("runtime/core/a.ts", code, checkGlobals)).toEqual([]);
  });
});

describe("length", () => {
  it("of files is limited", () => {
    expect(over(typescript, checkFileLength)).toEqual([]);
    expect(on("a.ts", "\n".repeat(500), checkFileLength)).toEqual([]);
    expect(on("a.ts", "\n".repeat(501), checkFileLength)).toEqual([
      expect.stringContaining("a.ts:501: 501 lines, at most 500; split"),
    ]);
  });

  it("of functions is limited", () => {
    expect(over(typescript, checkFunctionLength)).toEqual([]);
  });

  it.each([
    ["function f() {", "}"],
    ["const f = () => {", "};"],
    ["class A { f() {", "} }"],
    ['it("does", () => {', "});"],
  ])("of %s is counted", (open, close) => {
    const body = (lines: number) => `\n${open}${"\n".repeat(lines)}${close}`;
    expect(on("a.ts", body(89), checkFunctionLength)).toEqual([]);
    expect(on("a.ts", body(90), checkFunctionLength)).toEqual([
      "a.ts:2: a function of 91 lines, at most 90; " +
      "give its parts names of their own",
    ]);
  });

  it.each(["describe", "describe.each([1])", "describe.skipIf(true)"])(
    "of the callback of %s is not",
    (callee) => {
      const text = `${callee}("a", () => {${"\n".repeat(200)}});`;
      expect(on("a.ts", text, checkFunctionLength)).toEqual([]);
    },
  );
});

describe("words", () => {
  it("that mark unfinished work stand nowhere", () => {
    expect(over(everything, checkUnfinished)).toEqual([]);
    const sample = ["FIX", "ME"].join("");
    expect(on("a.ts", `\n// ${sample}: later`, checkUnfinished)).toEqual([
      `a.ts:2: ${sample}: finish it, or open an issue and delete the mark`,
    ]);
  });

  it("that name a machine's folders stand nowhere", () => {
    expect(over(everything, checkMachinePaths)).toEqual([]);
    const sample = ["", "home", "me", "a.ts"].join("/");
    expect(on("a.md", `See ${sample}`, checkMachinePaths)).toEqual([
      expect.stringContaining(`a.md:1: ${sample} exists on one machine only`),
    ]);
    const allowed = ["https://a.example", "work", "b"].join("/");
    expect(on("a.md", allowed, checkMachinePaths)).toEqual([]);
  });

  it("open every module of the library", () => {
    expect(over(library, checkOpening)).toEqual([]);
    expect(on("a.ts", "#!/x\n/** What. */\nf();", checkOpening)).toEqual([]);
    expect(on("a.ts", "f(); // What.", checkOpening)).toEqual([
      expect.stringContaining("a.ts:1: open the module with a comment"),
    ]);
  });

  it("do not turn the type checker off", () => {
    expect(over(library, checkAny)).toEqual([]);
    for (const code of ["let a: any;", "f(a as any);", "type A = any[];"]) {
      expect(on("a.ts", `\n${code}`, checkAny)).toEqual([
        expect.stringContaining("a.ts:2: `any` turns the type checker off"),
      ]);
    }
    expect(on("a.ts", 'f("as any"); // : any', checkAny)).toEqual([]);
  });

  it("do not leave out tests", () => {
    expect(over(tests, checkNarrowed)).toEqual([]);
    const codes = [
      "it.only('', f)",
      "test.skip('', f)",
      "describe.each.only()",
    ];
    for (const code of codes) {
      expect(on("a.test.ts", code, checkNarrowed)).toEqual([
        expect.stringContaining("leaves tests out in silence"),
      ]);
    }
    expect(on("a.test.ts", "it.skipIf(a)('', f)", checkNarrowed)).toEqual([]);
  });
});

describe("the package", () => {
  const sources = typescript.filter(isIn("runtime", "std", "cli"))
    .map((file) => file.path);

  it("exports what exists, under npm and jsr alike", () => {
    expect(inLines(checkExports(pkg, deno, sources))).toEqual([]);
  });

  it("refuses entry points without a source, and sources without one", () => {
    const bad = {
      ...pkg,
      version: "0.0.1",
      exports: { ".": { types: "./dist/x.d.ts", default: "./y.js" } },
    };
    const said = inLines(checkExports(bad, deno, ["std/new/mod.ts"]));
    expect(said).toEqual(expect.arrayContaining([
      expect.stringContaining('exports["."] points at ./dist/x.d.ts'),
      expect.stringContaining('exports["."] points at ./y.js'),
      expect.stringContaining('bin["hornbeam"] points at dist/cli/main.js'),
      expect.stringContaining("exports names ./runtime/mod.ts, which does not"),
      expect.stringContaining('add "./std/new": "./std/new/mod.ts"'),
      expect.stringContaining('exports lacks "./std/*"'),
      expect.stringContaining("version 0.1.0, but package.json says 0.0.1"),
    ]));
  });

  it("pins exact versions", () => {
    expect(inLines(checkPins(pkg))).toEqual([]);
    const bad = { ...pkg, dependencies: { a: "^1.0.0", b: "1.0.0" } };
    expect(inLines(checkPins(bad))).toEqual([
      'package.json:1: a is "^1.0.0"; pin one exact version',
    ]);
  });

  it("has a lock without hosts or folders of one machine", () => {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    const [found] = lock.matchAll(/"resolved"|"file:/g);
    const line = found === undefined ? 0 : lineAt(lock, found.index);
    expect(
      line,
      `package-lock.json:${line}: delete "resolved"; .npmrc sets ` +
        "omit-lockfile-registry-resolved, then run npm install",
    ).toBe(0);
  });
});
