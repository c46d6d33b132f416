/**
 * Packs the npm package from a copy of the sources, so that several runs at
 * once do not build into the same dist/, and installs it as a user does.
 *
 * `node scripts/pack.mjs FOLDER` leaves the tarball in that folder and a package
 * of a user, which has it installed, in FOLDER/user.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
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
    npm(copy, ["pack", "--pack-destination", target]);
    const name = readdirSync(target).find((file) => file.endsWith(".tgz"));
    if (name === undefined) throw new Error(`expected a tarball in ${target}`);
    return join(target, name);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/**
 * Installs the tarball in a new package `user` in `folder`. Throws with the
 * output of npm when that fails.
 *
 * @param {string} folder
 * @param {string} tarball
 */
export function install(folder, tarball) {
  const user = join(resolve(folder), "user");
  mkdirSync(user);
  writeFileSync(
    join(user, "package.json"),
    JSON.stringify({ private: true, type: "module" }),
  );
  npm(user, [
    "install",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    tarball,
  ]);
}

/**
 * @param {string} cwd
 * @param {readonly string[]} args
 */
function npm(cwd, args) {
  const ended = spawnSync("npm", args, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (ended.status !== 0) {
    throw new Error(
      `npm ${args[0]} failed (exit code ${ended.status}):\n` +
        `${ended.stdout}${ended.stderr}`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  if (folder === undefined) {
    console.error("expected a folder to put the tarball into, got none");
    process.exit(2);
  }
  install(folder, pack(folder));
}
