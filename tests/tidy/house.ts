/**
 * The rules of the house as tests: order of the rooms, circles, folders,
 * READMEs, constants and words. `tests/tidy.test.ts` imports this file, so that
 * all rules share one parse of the checkout.
 */
import { expect, it } from "vitest";
import { describeOnNode as describe } from "../helpers/share.ts";
import { checkConstants } from "./constants.ts";
import { checkAnchors, checkNames, checkPaths } from "./paths.ts";
import { checkProse } from "./prose.ts";
import { allowedProse, proseInCode, refusedProse } from "./prose_samples.ts";
import {
  checkCircles,
  checkFolders,
  checkGuide,
  checkReadmes,
  checkRooms,
  MAX_FILES_IN_FOLDER,
  orders,
} from "./rooms.ts";
import { inLines, type SourceFile } from "./source.ts";

/** `rooms`: sources of runtime/, std/, cli/ and bench/. */
export interface Checkout {
  readonly rooms: readonly SourceFile[];
  readonly sources: readonly SourceFile[];
  readonly pages: readonly SourceFile[];
}

const sample = (path: string, ...imports: string[]): SourceFile => ({
  path,
  text: imports.map((from) => `import type { A } from "${from}";\n`).join(""),
});

function ofRooms({ rooms, sources }: Checkout): void {
  it("keep their order", () => {
    const checked = rooms;
    expect(inLines(checked.flatMap(checkRooms))).toEqual([]);
  });

  it.each([
    [
      "runtime/core/terms/a.ts",
      "../messages/b.ts",
      "terms may not import runtime/core/messages/b.ts: in runtime/core the " +
      "order is terms <- messages <- mailbox",
    ],
    ["runtime/wire/epmd/a.ts", "../etf/b.ts", "shared <- {etf, epmd} <-"],
    ["runtime/wire/etf/reader/a.ts", "../writer/b.ts", "reader may not import"],
    ["runtime/wire/etf/tags.ts", "./etf.ts", ". may not import runtime/wire"],
    ["runtime/kernel/rpc/a.ts", "../kernel.ts", "rpc may not import"],
    ["runtime/kernel/global/locks/a.ts", "../names/b.ts", "locks may not"],
    ["cli/shared/a.ts", "../program/b.ts", "cli the order is shared <- "],
  ])("refuse in %s an import of %s", (path, from, message) => {
    const said = inLines(checkRooms(sample(path, "./c.ts", from)));
    expect(said).toEqual([expect.stringContaining(`${path}:2: `)]);
    expect(said[0]).toContain(message);
    expect(said[0]).toContain("move what both need into the lower room");
  });

  it.each([
    ["runtime/core/messages/a.ts", "../terms/b.ts"],
    ["runtime/core/messages/a.ts", "./b.ts"],
    ["runtime/wire/etf/etf.ts", "./reader/b.ts"],
    ["runtime/wire/etf/reader/b.ts", "../tags.ts"],
    ["runtime/wire/cbor/a.ts", "../../core/node/node.ts"],
    ["cli/main.ts", "./commands.ts"],
  ])("allow in %s an import of %s", (path, from) => {
    expect(checkRooms(sample(path, from))).toEqual([]);
  });

  it("refuse a folder that has no place in the order", () => {
    const place = 'runtime/core has no room "util"; move the file';
    expect(inLines(checkRooms(sample("runtime/core/util/a.ts")))).toEqual([
      expect.stringContaining(`runtime/core/util/a.ts:1: ${place}`),
    ]);
  });

  it("are all there", () => {
    for (const [folder, order] of Object.entries(orders)) {
      for (const room of order.flat()) {
        const path = room === "." ? `${folder}/` : `${folder}/${room}`;
        const isThere = rooms.some((file) => file.path.startsWith(path));
        expect(isThere, `${path} in tests/tidy/rooms.ts`).toBe(true);
      }
    }
  });

  it("hold no circle of imports", () => {
    const checked = rooms;
    expect(inLines(checkCircles(checked))).toEqual([]);
  });

  it("refuse a circle, of types as well, and show it", () => {
    const files = [
      sample("std/z.ts", "./a.ts"),
      sample("std/a.ts", "./b.ts", "./outside.ts"),
      sample("std/b.ts", "./d.ts", "./c/e.ts"),
      sample("std/c/e.ts", "../a.ts"),
      sample("std/d.ts"),
    ];
    expect(inLines(checkCircles(files))).toEqual([
      "std/a.ts:1: these files import each other in a circle: " +
      "std/a.ts -> std/b.ts -> std/c/e.ts -> std/a.ts; move what they share " +
      "(often a type) into a file that imports none of them, or pass it in as " +
      "an argument",
    ]);
    expect(checkCircles(files.slice(0, 3))).toEqual([]);
  });

  it("are not crowded", () => {
    expect(inLines(checkFolders(sources))).toEqual([]);
    const files = (count: number) =>
      Array.from({ length: count }, (_, i) => sample(`std/a/${i}.ts`));
    expect(checkFolders(files(MAX_FILES_IN_FOLDER))).toEqual([]);
    expect(inLines(checkFolders(files(MAX_FILES_IN_FOLDER + 1)))).toEqual([
      expect.stringContaining("std/a:1: 17 files directly in this folder"),
    ]);
  });
}

function ofReadmes({ rooms, pages, sources }: Checkout): void {
  it("has one", () => {
    const checked = rooms
      .filter(({ path }) => !/^runtime\/\w+\.ts$/.test(path));
    expect(inLines(checkReadmes(checked, pages))).toEqual([]);
  });

  it("is refused without one", () => {
    const file = sample("std/a/b.ts");
    expect(inLines(checkReadmes([file, file], []))).toEqual([
      expect.stringContaining("std/a:1: this room has no README.md; write"),
    ]);
    expect(checkReadmes([file], [sample("std/a/README.md")])).toEqual([]);
  });

  it("of the tests names each of their folders", () => {
    const guide = pages.find(({ path }) => path === "tests/README.md");
    expect(guide, "tests/README.md").toBeDefined();
    expect(checkGuide(guide!, sources)).toEqual([]);
    const incomplete = { path: "tests/README.md", text: "| `a/` | what |" };
    const files = ["a/x", "b/c/y", "z"].map((name) =>
      sample(`tests/${name}.ts`)
    );
    expect(checkGuide({ ...guide!, ...incomplete }, files)).toEqual([
      {
        path: "tests/README.md",
        line: 1,
        message: "the table has no row for b/; write what its tests are",
      },
    ]);
  });
}

function ofConstants({ sources }: Checkout): void {
  it("is one", () => {
    const checked = sources;
    expect(inLines(checked.flatMap(checkConstants))).toEqual([]);
  });

  it.each([
    ["const limit = 4;", "limit is a plain value; write it in UPPER_CASE"],
    ["export const limit = 4 * 1024;", "limit is a plain value"],
    ["const limit = -1n;", "limit is a plain value"],
    ["const on = true as const;", "on is a plain value"],
    ["const word = /a/g;", "word is a plain value"],
    ["const word = new RegExp(`a`);", "word is a plain value"],
    ["const text = `a`;", "text is a plain value"],
    ["const A = 1, text = `a${A}`;", "text is a plain value"],
    ["const TABLE = { a: 1 };", "TABLE is no plain value; write it in camel"],
    ["const ITEMS = [1] as const;", "ITEMS is no plain value"],
    ["const IDS = new Set([1]);", "IDS is no plain value"],
    ["const ADD = () => 1;", "ADD is no plain value"],
  ])("refuses %s", (text, message) => {
    expect(inLines(checkConstants({ path: "a.ts", text }))).toEqual([
      expect.stringContaining(`a.ts:1: ${message}`),
    ]);
  });

  it.each([
    "const LIMIT = 4;",
    "const table = { a: 1 };",
    "let count = 0;",
    "const ok = atom(`ok`);",
    "const OK = atom(`ok`);",
    "function f() { const limit = 4; }",
    "const { a } = { a: 1 };",
  ])("allows %s", (text) => {
    expect(checkConstants({ path: "a.ts", text })).toEqual([]);
  });
}

function ofWords({ sources, pages }: Checkout): void {
  it("are plain in comments, documents, titles and messages", () => {
    const checked = [...sources, ...pages]
      .filter(({ path }) => path !== "tests/tidy/prose_samples.ts");
    expect(inLines(checked.flatMap(checkProse))).toEqual([]);
  });

  it.each(refusedProse)("refuse %j", (text, found) => {
    const message = `"${found}" hides what is meant; `;
    for (
      const file of [
        { path: "a.md", text: `# A\n\n${text}\n` },
        {
          path: "a.ts",
          text: `\n/**\n * ${text.replaceAll("\n", "\n * ")}\n */`,
        },
        {
          path: "a.ts",
          text: `f();\n\n// ${text.replaceAll("\n", "\n// ")}\n`,
        },
        { path: "a.mjs", text: `\n\nf(${JSON.stringify(text)});` },
        { path: "a.ts", text: `\n\nf(\`${text.replaceAll("`", "")}\`, b);` },
      ]
    ) {
      expect(inLines(checkProse(file)), file.text).toEqual([
        expect.stringMatching(/^a\.\w+:[34]: /),
      ]);
      expect(inLines(checkProse(file))[0]).toContain(message);
    }
  });

  it("are refused between the values of a template", () => {
    const text = "f(`${a} and nobody but ${g(b)} knows of whoever ${c}`);";
    expect(inLines(checkProse({ path: "a.ts", text }))).toEqual([
      expect.stringContaining('"nobody" hides'),
      expect.stringContaining('"whoever" hides'),
    ]);
  });

  it.each(allowedProse)("allow %j", (text) => {
    expect(inLines(checkProse({ path: "a.md", text }))).toEqual([]);
    const comment = `/* ${text.replaceAll("*/", "")} */`;
    expect(inLines(checkProse({ path: "a.ts", text: comment }))).toEqual([]);
  });

  it.each(proseInCode)("do not matter in code: %j", (path, text) => {
    expect(inLines(checkProse({ path, text }))).toEqual([]);
  });
}

function ofPaths({ pages, sources }: Checkout): void {
  it("are there", () => {
    expect(inLines(pages.flatMap((page) => checkPaths(page)))).toEqual([]);
  });

  it("have the headings that links lead to", () => {
    expect(inLines(pages.flatMap((page) => checkAnchors(page)))).toEqual([]);
    const text =
      "See [a](b.md#what-it-is), [c](#here), [d](b.md#gone).\n# Here";
    const read = (path: string) => path === "docs/b.md" ? "## What it is?" : "";
    expect(inLines(checkAnchors({ path: "docs/a.md", text }, read))).toEqual([
      "docs/a.md:1: docs/b.md has no heading for #gone; follow the heading",
    ]);
  });

  it("have names that the source has", () => {
    const all = sources.map(({ text }) => text).join("\n");
    const checked = pages.filter(({ path }) =>
      /^(?:docs\/develop\/.*|ARCHITECTURE)\.md$/.test(path)
    );
    expect(inLines(checked.flatMap((page) => checkNames(page, all)))).toEqual(
      [],
    );
    const page = { path: "docs/develop/a.md", text: "`endActor` `endAll`" };
    expect(inLines(checkNames(page, "function endActor()"))).toEqual([
      "docs/develop/a.md:1: endAll is not in the source; use the name that it " +
      "has now",
    ]);
  });

  const has = ["core/a.ts", "runtime/core/b.ts", "docs/c.md", "docs/x/d.md"];
  const isThere = (path: string) => has.includes(path);

  it.each([
    ["ARCHITECTURE.md", "See `core/z.ts`.", "core/z.ts"],
    ["ARCHITECTURE.md", "See\n`core/{a,z}.ts`.", "core/z.ts"],
    ["docs/x/e.md", "Run `npm test -- core/z.ts`.", "core/z.ts"],
    ["docs/x/e.md", "See [c](c.md).", "c.md"],
    ["docs/e.md", "See [d](d.md#a).", "d.md"],
  ])("are refused in %s when missing: %j", (path, text, missing) => {
    const said = inLines(checkPaths({ path, text: `\n${text}` }, isThere));
    expect(said).toEqual([expect.stringContaining(`${path}:`)]);
    expect(said[0]).toContain(`there is no ${missing}; name the file where`);
  });

  it.each([
    ["ARCHITECTURE.md", "`core/a.ts`, `core/b.ts:3` and `node:net`, `a.b()`"],
    ["docs/x/e.md", "`d.md`, `c.md`, [c](../c.md#top), `docs/NNN-title.md`"],
    ["docs/e.md", "Write `app.ts`; see [d](x/d.md), [e](https://e.org/f.md)"],
    ["docs/x/e.md", "```sh\nls `z.ts` [a](z.ts)\n```"],
  ])("are allowed in %s: %j", (path, text) => {
    expect(inLines(checkPaths({ path, text }, isThere))).toEqual([]);
  });
}

/** Registers all rules of this file. */
export function houseRules(checkout: Checkout): void {
  describe("rooms", () => ofRooms(checkout));
  describe("a README of a room", () => ofReadmes(checkout));
  describe("the style of constants", () => ofConstants(checkout));
  describe("words of prose", () => ofWords(checkout));
  describe("paths in documents", () => ofPaths(checkout));
}
