/**
 * Mutants: the runtime with one mistake each, as small patches of its source.
 * A suite of random programs must notice every one of them, or it could not
 * notice a real mistake.
 *
 * A patch names a piece of source that occurs exactly once in its file. When
 * the runtime changes so that it does not, a test says so in every run, whether
 * the mutant is tried in it or not: adapt the patch, so that it makes the same
 * mistake in the new code.
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
import { join } from "node:path";
import { currentRuntime, root, spawnRuntime } from "../processes.ts";

/** `find` becomes `replace` in `file`, a path in the checkout. */
export type Patch = {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

export type Mutant = {
  /** The mistake, in a few words. */
  readonly name: string;
  readonly patches: readonly Patch[];
};

export type Verdict = {
  readonly folder: string;
  /** The first seed that found something, or null. */
  readonly seed: number | null;
  readonly why: string | null;
};

/** A mutant of one patch of a file of the runtime. */
export function mutant(
  name: string,
  file: string,
  find: string,
  replace: string,
): Mutant {
  const patch = { file: `runtime/${file}`, find, replace };
  return { name, patches: [patch] };
}

/** Patches that do not apply exactly once. */
export function misfits(mutant: Mutant): string[] {
  return mutant.patches.flatMap(({ file, find }) => {
    const count = readFileSync(join(root, file), "utf8").split(find).length - 1;
    return count === 1 ? [] : [`${file}: ${count} times ${find}`];
  });
}

export type Trial = {
  /** A folder with a module `check.ts` that exports `violationOf`. */
  readonly suite: string;
  readonly mutants: readonly Mutant[];
  /** Tried in this order until one finds something. */
  readonly seeds: readonly number[];
  readonly limitMs: number;
};

/**
 * Has the suite judge copies of the runtime: a verdict per mutant, in order,
 * and one on the original, under the seeds that have found a mutant.
 */
export async function tryMutants(
  trial: Trial,
): Promise<{
  readonly mutants: readonly (Verdict | undefined)[];
  readonly original: Verdict | undefined;
}> {
  const workplace = mkdtempSync(join(tmpdir(), "hornbeam-mutants-"));
  try {
    prepare(workplace, trial);
    const folders = trial.mutants.map((_, i) => `m${i}`);
    // Two processes, for the two cores that a small machine has.
    const verdicts = await Promise.all(
      [0, 1].map((half) => {
        const share = folders.filter((_, i) => i % 2 === half);
        return judge(workplace, trial, share, trial.seeds);
      }),
    );
    const all = new Map(verdicts.flatMap((part) => [...part]));
    const found = [...all.values()].flatMap(({ seed }) => seed ?? []);
    const seeds = [...new Set(found)];
    const originals = await judge(workplace, trial, [ORIGINAL], seeds);
    return {
      mutants: folders.map((folder) => all.get(folder)),
      original: originals.get(ORIGINAL),
    };
  } finally {
    rmSync(workplace, { recursive: true, force: true });
  }
}

const ORIGINAL = "original";

function prepare(workplace: string, { suite, mutants }: Trial): void {
  symlinkSync(join(root, "node_modules"), join(workplace, "node_modules"));
  for (const file of ["package.json", "deno.json"]) {
    cpSync(join(root, file), join(workplace, file));
  }
  mkdirSync(join(workplace, "child"));
  cpSync(
    join(root, "tests/helpers/mutants/child.ts"),
    join(workplace, "child/mutant_child.ts"),
  );
  copy(join(workplace, ORIGINAL), suite, []);
  mutants.forEach(({ patches }, i) =>
    copy(join(workplace, `m${i}`), suite, patches)
  );
}

function copy(folder: string, suite: string, patches: readonly Patch[]): void {
  for (const part of ["runtime", "std/testing", suite]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  for (const { file, find, replace } of patches) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(find, () => replace));
  }
}

/** Runs the copies one after the other, in a process of its own. */
async function judge(
  workplace: string,
  { suite, limitMs }: Trial,
  folders: readonly string[],
  seeds: readonly number[],
): Promise<ReadonlyMap<string, Verdict>> {
  const child = spawnRuntime(
    currentRuntime(),
    join(workplace, "child/mutant_child.ts"),
    [suite, JSON.stringify(seeds), ...folders],
    // Other processes have no use for the compiled copies.
    { cwd: workplace, env: { NODE_DISABLE_COMPILE_CACHE: "1" } },
  );
  const exit = await child.waitForExit(limitMs);
  if (exit.code !== 0) {
    throw new Error(
      `expected all copies to be judged, but the process ended with ` +
        `${exit.code} ${exit.signal} after ${child.stdout.join("\n")}\n` +
        child.stderr.join("\n"),
    );
  }
  const verdicts = child.stdout.map((line) => JSON.parse(line) as Verdict);
  return new Map(verdicts.map((verdict) => [verdict.folder, verdict]));
}
