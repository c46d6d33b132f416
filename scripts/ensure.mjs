/**
 * Makes the pinned tools present: runs `npm ci` when node_modules is missing
 * or was installed from another package-lock.json, and remembers the lock's
 * hash inside node_modules.
 *
 * It runs before any dependency exists and on the system's Node.js (20 or
 * later), so it is plain JavaScript and imports nothing but Node.js itself.
 *
 * `--record` only remembers the hash: npm runs it as the `prepare` script
 * after an install that a person started, so that the install is not done
 * twice. npm runs `prepare` when packing as well, which installs nothing.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const stamp = join(modules, ".hornbeam-lock-hash");

/** The lock alone does not say for which system it was installed. */
function wantedHash() {
  const lock = readFileSync(join(root, "package-lock.json"));
  return createHash("sha256").update(lock)
    .update(`${process.platform}-${process.arch}`).digest("hex");
}

function installedHash() {
  return existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
}

function record() {
  if (existsSync(modules)) writeFileSync(stamp, wantedHash());
}

/** Installs what package-lock.json pins, unless that is already there. */
export function ensure() {
  if (installedHash() === wantedHash()) return;
  console.error("hornbeam: installing the pinned tools with npm ci ...");
  // npm deletes node_modules while it works, so it must not itself run on the
  // pinned Node.js inside it.
  const path = (process.env.PATH ?? "").split(delimiter)
    .filter((folder) => !folder.includes(join("node_modules", ".bin")))
    .join(delimiter);
  // Warnings that the system's Node.js is too old for the tools are moot: they
  // run on the pinned one.
  const npm = spawnSync("npm", ["ci", "--loglevel=error"], {
    cwd: root,
    env: { ...process.env, PATH: path },
    // Standard output belongs to the program that runs next.
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) {
    const what = npm.error?.message ?? `exit code ${npm.status}`;
    console.error(
      `hornbeam: npm ci failed (${what}). It needs npm 11 and the registry; ` +
        "run `npm ci` by hand to see all of its output.",
    );
    process.exit(1);
  }
  record();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes("--record")) ensure();
  else if (/^(ci|install)$/.test(process.env.npm_command ?? "")) record();
}
