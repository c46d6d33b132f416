/** Finding the three runtimes, and the error for a missing one. */
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  rm,
  writeFile,
} from "node:fs/promises";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  currentRuntime,
  findRuntime,
  ownCommand,
} from "../../cli/launcher/runtimes.ts";
import { root, runtimes, spawnRuntime } from "../helpers/processes.ts";
import { ends } from "./command.ts";

const runtime = currentRuntime();
const others = runtimes.filter((name) => name !== runtime);

describe("in a checkout", () => {
  it("the runtimes are the pinned ones", () => {
    for (const name of others) {
      const pinned = join(root, "node_modules", ".bin", name);
      expect(findRuntime(name)).toBe(realpathSync(pinned));
    }
    expect(findRuntime(runtime)).toBe(process.execPath);
  });

  it("the command is started from its source", () => {
    const main = join(root, "cli", "main.ts");
    expect(ownCommand("deno", ["run"]).args)
      .toEqual(["run", "--allow-all", "--quiet", main, "run"]);
    expect(ownCommand("bun", ["run"]).args).toEqual([main, "run"]);
  });
});

describe("elsewhere", () => {
  let folder = "";

  beforeAll(async () => {
    folder = realpathSync(await mkdtemp(join(tmpdir(), "hornbeam-runtimes-")));
    for (const room of ["launcher", "shared"]) {
      await mkdir(join(folder, "cli", room), { recursive: true });
    }
    for (
      const name of ["launcher/runtimes", "shared/errors", "shared/ending"]
    ) {
      const file = join("cli", `${name}.ts`);
      await copyFile(join(root, file), join(folder, file));
    }
    await writeFile(
      join(folder, "find.ts"),
      `import { findRuntime } from "./cli/launcher/runtimes.ts";
       for (const name of ${JSON.stringify(others)}) {
         try { console.log(findRuntime(name)); }
         catch (error) { console.log(error.message, error.exitCode); }
       }`,
    );
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function find(path: string): Promise<readonly string[]> {
    const child = spawnRuntime(runtime, join(folder, "find.ts"), [], {
      cwd: folder,
      env: { PATH: path },
    });
    await ends(child, 0);
    return child.stdout;
  }

  it("a missing runtime is reported in a line that says how to get it", async () => {
    const titles = { node: "Node.js", deno: "Deno", bun: "Bun" };
    expect(await find(join(folder, "nothing"))).toEqual(
      others.map((name) =>
        `${titles[name]} is not installed; get it with "npm install ` +
        `--save-dev ${name}" or put \`${name}\` on PATH, or choose another ` +
        "--runtime 2"
      ),
    );
  });

  it("the runtimes are found on PATH", async () => {
    const bin = join(folder, "bin");
    await mkdir(bin);
    for (const name of others) {
      await writeFile(join(bin, name), "#!/bin/sh\n");
      await chmod(join(bin, name), 0o755);
    }
    expect(await find(bin)).toEqual(others.map((name) => join(bin, name)));
  });
});
