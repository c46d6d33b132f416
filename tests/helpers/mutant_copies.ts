/**
 * Copies of the project with one mistake each, for tests that ask whether other
 * tests would notice. Each is judged in a process of its own, since a mutant may
 * do anything.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Mutant } from "../model/mutants.ts";
import { currentRuntime, root, spawnRuntime } from "./processes.ts";

/** What became of one copy; both null when nothing was found. */
export type Verdict = {
  readonly folder: string;
  readonly seed: number | null;
  readonly why: string | null;
};

/** Patches that do not apply exactly once, as lines. */
export function misfits(mutant: Mutant): string[] {
  return mutant.patches.flatMap(({ file, find }) => {
    const count = readFileSync(join(root, file), "utf8").split(find).length - 1;
    return count === 1 ? [] : [`${file}: ${count} times ${find}`];
  });
}

/** A folder for copies, which `remove` deletes. */
export class MutantCopies {
  readonly #workplace: string;
  readonly #parts: readonly string[];

  /** `parts`: files and folders that each copy holds. */
  constructor(parts: readonly string[]) {
    this.#parts = parts;
    this.#workplace = mkdtempSync(join(tmpdir(), "hornbeam-mutants-"));
    const modules = "node_modules";
    symlinkSync(join(root, modules), join(this.#workplace, modules));
    for (const file of ["package.json", "deno.json"]) {
      cpSync(join(root, file), join(this.#workplace, file));
    }
  }

  add(folder: string, mutant: Mutant | null): void {
    for (const part of this.#parts) {
      const to = join(this.#workplace, folder, part);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(root, part), to, { recursive: true });
    }
    for (const { file, find, replace } of mutant?.patches ?? []) {
      const path = join(this.#workplace, folder, file);
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replace(find, () => replace));
    }
  }

  /**
   * Runs a program with the seeds as JSON and the folders as arguments, which
   * prints a `Verdict` per line. Rejects when it fails.
   */
  async judge(
    program: string,
    folders: readonly string[],
    seeds: readonly number[],
    limitMs: number,
  ): Promise<readonly Verdict[]> {
    cpSync(join(root, program), join(this.#workplace, "judge.ts"));
    const child = spawnRuntime(
      currentRuntime(),
      join(this.#workplace, "judge.ts"),
      [JSON.stringify(seeds), ...folders],
      // What is compiled of the copies is of no use to anybody else.
      { cwd: this.#workplace, env: { NODE_DISABLE_COMPILE_CACHE: "1" } },
    );
    const exit = await child.waitForExit(limitMs);
    if (exit.code === 0) {
      return child.stdout.map((line) => JSON.parse(line) as Verdict);
    }
    throw new Error(
      `expected all copies to be judged, but the process ended with ` +
        `${exit.code} ${exit.signal} after ${child.stdout.join("\n")}\n` +
        child.stderr.join("\n"),
    );
  }

  remove(): void {
    rmSync(this.#workplace, { recursive: true, force: true });
  }
}
