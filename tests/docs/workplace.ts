/**
 * A temporary folder that looks like the checkout, in which the documentation's
 * code runs. Its entries are links into the checkout, so what a command writes
 * beside them is gone afterwards. `hornbeam` and `npx hornbeam` run cli/main.ts
 * on the runtime under test. What cannot run inside a test (installing,
 * cloning, the test run itself) is replaced by a check that the script it names
 * exists; every other command of npm, npx or git fails.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative, sep } from "node:path";
import { freePort } from "../helpers/ports.ts";
import {
  pinnedPath,
  root,
  type Runtime,
  runtimeCommand,
  type SpawnedProcess,
  spawnProcess,
  spawnRuntime,
} from "../helpers/processes.ts";
import { importsOf } from "../tidy/imports.ts";
import { portsIn } from "../tidy/ports.ts";
import type { Block } from "./blocks.ts";

/** What package.json and deno.json offer to commands. */
export interface Offered {
  /** Names of npm scripts. */
  readonly scripts: readonly string[];
  /** Names of tasks of deno.json. */
  readonly tasks: readonly string[];
  /** deno.json's exports: "." and "./std/..." to source files. */
  readonly exports: Readonly<Record<string, string>>;
}

export class Workplace {
  readonly folder: string;
  readonly #runtime: Runtime;
  readonly #offered: Offered;
  readonly #bin: string;

  constructor(runtime: Runtime, offered: Offered) {
    this.folder = mkdtempSync(join(tmpdir(), "hornbeam-docs-"));
    this.#runtime = runtime;
    this.#offered = offered;
    mirror(this.folder);
    this.#bin = join(this.folder, ".bin");
    mkdirSync(this.#bin);
    for (const [name, script] of commands(runtime, offered)) {
      writeFileSync(join(this.#bin, name), script);
      chmodSync(join(this.#bin, name), 0o755);
    }
  }

  /**
   * Writes a `ts` block as a program and returns its path. The lines keep
   * their numbers, so that what a compiler says fits the documentation.
   */
  write(block: Block): string {
    const name = `${block.path.replaceAll("/", "-")}-${block.line}.ts`;
    const path = join(this.folder, name);
    writeFileSync(path, "\n".repeat(block.line - 1) + this.#resolve(block));
    return path;
  }

  /** Runs a `ts` block. */
  async runProgram(block: Block): Promise<SpawnedProcess> {
    const path = this.write(await withFreePorts(block));
    const options = { cwd: this.folder, env: await this.#environment() };
    return spawnRuntime(this.#runtime, path, [], options);
  }

  /**
   * Runs `ts` blocks one after the other in one process, which saves starting
   * many; `turnsOf` tells apart what they printed. It ends when all of them
   * have released what would keep it running.
   */
  async runInTurn(blocks: readonly Block[]): Promise<SpawnedProcess> {
    const ready = await Promise.all(blocks.map(withFreePorts));
    const steps = ready.map((block) => {
      const path = `./${relative(this.folder, this.write(block))}`;
      return `console.log(${JSON.stringify(TURN)});\n` +
        `await import(${JSON.stringify(path)});\n`;
    });
    const path = join(this.folder, "in_turn.ts");
    writeFileSync(path, `${steps.join("")}export {};\n`);
    const env = await this.#environment();
    return spawnRuntime(this.#runtime, path, [], { cwd: this.folder, env });
  }

  /**
   * Runs a `sh` block in a mirror of its own; what it left in the background
   * ends with it.
   */
  async runCommands(block: Block): Promise<SpawnedProcess> {
    const cwd = mkdtempSync(join(this.folder, "commands-"));
    mirror(cwd);
    const options = { cwd, env: await this.#environment(), group: true };
    const { code } = await withFreePorts(block);
    return spawnProcess("sh", ["-euc", code], options);
  }

  /** Type-checks all blocks at once and returns the compiler's words. */
  async check(blocks: readonly Block[]): Promise<string[]> {
    const files = blocks.map((block) => this.write(block));
    const config = join(this.folder, "tsconfig.docs.json");
    writeFileSync(
      config,
      JSON.stringify({
        extends: "./tsconfig.json",
        compilerOptions: {
          noUnusedLocals: false,
          noUnusedParameters: false,
          declaration: false,
          isolatedDeclarations: false,
          // The sources are links, and so seem to lie outside the project.
          rewriteRelativeImportExtensions: false,
        },
        include: files,
        exclude: [],
      }),
    );
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const compiler = spawnRuntime("node", tsc, ["--project", config], {
      cwd: this.folder,
    });
    const { code } = await compiler.waitForExit(60_000);
    return code === 0 ? [] : [...compiler.stdout, ...compiler.stderr];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Lets "hornbeam" and "hornbeam/..." mean the checkout's sources. */
  #resolve(block: Block): string {
    let code = block.code;
    const imports = [...importsOf({ path: block.path, text: code })];
    for (const { from, quoted } of imports.reverse()) {
      const entry = /^hornbeam(\/.*)?$/.exec(from);
      if (entry === null) continue;
      const file = this.#offered.exports[`.${entry[1] ?? ""}`];
      if (file === undefined) {
        throw new Error(
          `${block.path}:${block.line}: "${from}" is not among the exports ` +
            "in deno.json",
        );
      }
      const path = relative(this.folder, join(root, file)).split(sep).join("/");
      code = code.slice(0, quoted[0]) + JSON.stringify(path) +
        code.slice(quoted[1]);
    }
    return code;
  }

  /** Blocks run side by side, so each gets a port for an epmd of its own. */
  async #environment(): Promise<Record<string, string>> {
    return {
      PATH: this.#bin + delimiter + pinnedPath(),
      ERL_EPMD_PORT: String(await freePort()),
    };
  }
}

/**
 * Replaces the ports that a block names by free ones: the same block may run on
 * another runtime at this moment.
 */
async function withFreePorts(block: Block): Promise<Block> {
  let { code } = block;
  for (const port of new Set(portsIn(code))) {
    code = code.replaceAll(String(port), String(await freePort()));
  }
  return { ...block, code };
}

/** What \`runInTurn\` prints before each block. */
const TURN = "-- the next block";

/**
 * The lines of each block that \`runInTurn\` ran, with a first one for itself.
 */
export function turnsOf(stdout: readonly string[]): string[][] {
  const turns: string[][] = [];
  for (const line of stdout) {
    if (line === TURN) turns.push([]);
    turns.at(-1)?.push(line);
  }
  return turns;
}

/** Fills a folder with links to what the checkout holds. */
function mirror(folder: string): void {
  for (const entry of readdirSync(root)) {
    if (entry === "dist" || entry === ".git") continue;
    symlinkSync(join(root, entry), join(folder, entry));
  }
}

/** The replaced commands, as shell scripts. */
function commands(runtime: Runtime, offered: Offered): Map<string, string> {
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  const line = ({ command, args }: { command: string; args: string[] }) =>
    [command, ...args].map(quote).join(" ");
  const pinned = (name: Runtime) =>
    quote(runtimeCommand(name, "").command) + ' "$@"';
  const cli = line(runtimeCommand(runtime, join(root, "cli", "main.ts")));
  const scripts = offered.scripts.join("|");
  const tasks = [...offered.tasks, ...offered.scripts].join("|");
  const refuse = `echo "the docs test does not know: $0 $*" >&2; exit 1`;
  const script = (body: string) => `#!/bin/sh\n${body}\n`;
  const known = (names: string) =>
    `case "$1" in ${names}) exit 0;; *) ${refuse};; esac`;
  return new Map([
    ["hornbeam", script(`exec ${cli} "$@"`)],
    [
      "npx",
      script(
        `case "$1" in -y|--yes) shift;; esac\n` +
          `case "$1" in hornbeam) shift; exec hornbeam "$@";; *) ${refuse};; esac`,
      ),
    ],
    [
      "npm",
      script(
        `case "$1" in\n` +
          `ci|install|i) exit 0;;\n` +
          `start|test) ${known(scripts)};;\n` +
          `run) shift; while :; do case "$1" in -s|--silent) shift;; *) break;; ` +
          `esac; done;;\n` +
          `*) ${refuse};;\nesac\n` +
          `if [ "$1" = hornbeam ]; then shift; [ "\${1-}" != -- ] || shift; ` +
          `exec hornbeam "$@"; fi\n${known(scripts)}`,
      ),
    ],
    [
      "deno",
      script(
        `case "$1" in\nadd|install) exit 0;;\n` +
          `task) shift; ${known(tasks)};;\nesac\nexec ${pinned("deno")}`,
      ),
    ],
    [
      "bun",
      script(
        `case "$1" in\nadd|install) exit 0;;\n` +
          `run) case "$2" in ${scripts}) exit 0;; esac;;\nesac\n` +
          `exec ${pinned("bun")}`,
      ),
    ],
    [
      "git",
      script(
        `case "$1" in clone) ln -s . "$(basename "\${3:-$2}" .git)";; ` +
          `*) ${refuse};; esac`,
      ),
    ],
  ]);
}
