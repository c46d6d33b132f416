/**
 * Packs the npm package from a copy of the sources, so that several runs at
 * once do not build into the same dist/.
 *
 * `node scripts/pack.mjs FOLDER` prints the path of the tarball it made there.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { root } from "./run.mjs";

const sources = [
  "runtime",
  "std",
  "cli",
  "bench",
  "scripts",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
];

/**
 * Packs into `folder`, which exists, and returns the tarball's path. Throws
 * with the output of npm when packing fails.
 *
 * @param {string} folder
 * @returns {string}
 */
export function pack(folder) {
  const copy = mkdtempSync(join(tmpdir(), "hornbeam-sources-"));
  try {
    for (const source of sources) {
      if (!existsSync(join(root, source))) continue;
      cpSync(join(root, source), join(copy, source), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "dir");
    const target = resolve(folder);
    const npm = spawnSync("npm", ["pack", "--pack-destination", target], {
      cwd: copy,
      encoding: "utf8",
      shell: process.platform === "win32",
    });
    const name = readdirSync(target).find((file) => file.endsWith(".tgz"));
    if (npm.status !== 0 || name === undefined) {
      throw new Error(
        `npm pack failed (exit code ${npm.status}):\n${npm.stdout}${npm.stderr}`,
      );
    }
    return join(target, name);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  if (folder === undefined) {
    console.error("expected a folder to put the tarball into, got none");
    process.exit(2);
  }
  console.log(pack(folder));
}
