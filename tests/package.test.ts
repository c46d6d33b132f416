/**
 * The npm package as a user gets it: packed, installed into an empty folder
 * and used from there, on the runtime under test. HORNBEAM_INSTALLED names a
 * folder in which scripts/test.mjs did that already; without it the test does.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  currentRuntime,
  root,
  type SpawnedProcess,
  spawnProcess,
  spawnRuntime,
} from "./helpers/processes.ts";
import { itOnNode } from "./helpers/share.ts";

const runtime = currentRuntime();
const SETUP_MS = 120_000;

const given = process.env["HORNBEAM_INSTALLED"] ?? "";
let folder = given;
let installed = "";

async function output(child: SpawnedProcess, limitMs: number): Promise<string> {
  const exit = await child.waitForExit(limitMs);
  const all = [...child.stdout, ...child.stderr].join("\n");
  expect(exit, all).toEqual({ code: 0, signal: null });
  return child.stdout.join("\n");
}

beforeAll(async () => {
  if (folder === "") {
    folder = await mkdtemp(join(tmpdir(), "hornbeam-package-"));
    const script = join(root, "scripts", "pack.mjs");
    await output(spawnRuntime("node", script, [folder]), SETUP_MS);
  }
  installed = join(folder, "user", "node_modules", "hornbeam");
}, SETUP_MS);

afterAll(async () => {
  if (folder === given) return;
  await rm(folder, { recursive: true, force: true });
});

async function program(name: string, source: string): Promise<string> {
  const path = join(folder, "user", name);
  await writeFile(path, source);
  return path;
}

/** The modules of std/ in the checkout: the folders with a `mod.ts`. */
async function modules(): Promise<string[]> {
  const names = await readdir(join(root, "std"));
  return names.filter((name) => existsSync(join(root, "std", name, "mod.ts")));
}

const EXAMPLE = `
import { start } from "hornbeam";

const node = await start({ name: "a@127.0.0.1", cookie: "secret" });
const out = await node.run(async (self) => {
  const echo = self.spawn(async (me) => {
    const m = await me.receive();
    me.send(m.from, { n: m.n + 1 });
  });
  self.send(echo, { from: self.pid, n: 1 });
  return await self.receive();
});
await node.stop();
console.log(JSON.stringify(out));
`;

describe("the installed package", () => {
  it("holds what it needs and no sources", async () => {
    const files = await readdir(installed, { recursive: true });
    expect(files.filter((file) => /(?<!\.d)\.ts$/.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md"]));
    const top = new Set(files.map((file) => file.split(/[\\/]/)[0]));
    expect([...top].filter((name) => name !== "node_modules").sort()).toEqual(
      ["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json"],
    );
    const main = await readFile(join(installed, "dist", "cli", "main.js"));
    expect(main.toString().split("\n", 1)).toEqual(["#!/usr/bin/env node"]);
  });

  it("starts a node, spawns an actor and talks to it", async () => {
    const path = await program("main.mjs", EXAMPLE);
    const child = spawnRuntime(runtime, path, [], {
      cwd: join(folder, "user"),
    });
    expect(await output(child, 15_000)).toBe('{"n":2}');
  });

  it("exports every module of std/, the test kit and the term codec", async () => {
    const entries = ["hornbeam/etf", "hornbeam/testing"];
    for (const name of await modules()) entries.push(`hornbeam/std/${name}`);
    const path = await program(
      "entries.mjs",
      `for (const entry of ${JSON.stringify(entries)}) {
         const names = Object.keys(await import(entry));
         console.log(entry, names.length > 0);
       }`,
    );
    const child = spawnRuntime(runtime, path, [], {
      cwd: join(folder, "user"),
    });
    expect(await output(child, 15_000)).toBe(
      entries.map((entry) => `${entry} true`).join("\n"),
    );
  });

  itOnNode("brings declarations that tsc accepts (on Node.js)", async () => {
    const entries = ["hornbeam", "hornbeam/etf", "hornbeam/testing"];
    for (const name of await modules()) entries.push(`hornbeam/std/${name}`);
    const source = entries.map((entry, i) =>
      `import * as entry${i} from "${entry}";\nvoid entry${i};\n`
    );
    await program(
      "types.ts",
      source.join("") +
        `import { start } from "hornbeam";
         const node = await start({ name: "a@127.0.0.1", cookie: "c" });
         // @ts-expect-error a node is not a number
         const wrong: number = node;
         void wrong;`,
    );
    await program(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          target: "esnext",
          module: "nodenext",
          skipLibCheck: false,
          types: ["node"],
          typeRoots: [join(root, "node_modules", "@types")],
        },
        files: ["types.ts"],
      }),
    );
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const child = spawnRuntime("node", tsc, ["-p", "."], {
      cwd: join(folder, "user"),
    });
    expect(await output(child, 60_000)).toBe("");
  });

  it("brings a command that explains itself", async () => {
    const main = join(installed, "dist", "cli", "main.js");
    const child = spawnRuntime(runtime, main, ["--help"]);
    expect(await output(child, 15_000)).toContain("hornbeam");
  });

  it("links the command where npx finds it", async () => {
    const bin = join(folder, "user", "node_modules", ".bin");
    const child = spawnProcess(join(bin, "hornbeam"), ["--help"]);
    expect(await output(child, 15_000)).toContain("hornbeam");
  });
});
