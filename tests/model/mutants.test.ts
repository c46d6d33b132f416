/** The model tests notice mistakes: each mutant is found, the original is not. */

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
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { currentRuntime, root, spawnRuntime } from "../helpers/processes.ts";
import { isNightly } from "../helpers/share.ts";
import { type Mutant, mutants } from "./mutants.ts";

/** All of them at night; else a sample, which shows that it is no accident. */
const judged = mutants.filter((_, i) =>
  isNightly || i % (currentRuntime() === "node" ? 3 : 12) === 0
);
/**
 * Seeds of programs that find all of these mutants, nearly all of them twice:
 * they are tried first. A change of the runtime lets programs run differently,
 * so others may have to be looked for then, which only takes longer.
 */
const FIRST = [
  ...[101, 4, 76, 120, 10, 48, 142, 7, 34, 58, 67, 138, 159, 308, 378, 559],
  ...[31, 91, 125, 174, 448, 14, 36, 119, 307, 932],
];
/** Programs that a mutant may survive. */
const SEEDS_MAX = 2_000;
const ORIGINAL = "original";
const LIMIT_MS = 180_000;

type Verdict = { folder: string; seed: number | null; why: string | null };

let workplace = "";
const verdicts = new Map<string, Verdict>();

function patched(mutant: Mutant): string[] {
  return mutant.patches.flatMap(({ file, find }) => {
    const count = readFileSync(join(root, file), "utf8").split(find).length - 1;
    return count === 1 ? [] : [`${file}: ${count} times ${find}`];
  });
}

function copy(folder: string, mutant: Mutant | null): void {
  for (const part of ["runtime", "std/testing", "tests/model"]) {
    cpSync(join(root, part), join(workplace, folder, part), {
      recursive: true,
    });
  }
  cpSync(
    join(root, "std/testing.ts"),
    join(workplace, folder, "std/testing.ts"),
  );
  for (const { file, find, replace } of mutant?.patches ?? []) {
    const path = join(workplace, folder, file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(find, () => replace));
  }
}

/** Runs the copies one after the other, in a process of its own. */
async function judge(
  folders: readonly string[],
  seeds: readonly number[],
): Promise<void> {
  const child = spawnRuntime(
    currentRuntime(),
    join(workplace, "child/tests/model/mutant_child.ts"),
    [JSON.stringify(seeds), ...folders.map((folder) => `../../../${folder}`)],
    // What is compiled of the copies is of no use to anybody else.
    { cwd: workplace, env: { NODE_DISABLE_COMPILE_CACHE: "1" } },
  );
  const exit = await child.waitForExit(LIMIT_MS);
  for (const line of child.stdout) {
    const verdict = JSON.parse(line) as Verdict;
    verdicts.set(verdict.folder.slice("../../../".length), verdict);
  }
  if (exit.code !== 0) {
    throw new Error(
      `expected all copies to be judged, but the process ended with ` +
        `${exit.code} ${exit.signal} after ${child.stdout.join("\n")}\n` +
        child.stderr.join("\n"),
    );
  }
}

beforeAll(async () => {
  workplace = mkdtempSync(join(tmpdir(), "hornbeam-mutants-"));
  symlinkSync(join(root, "node_modules"), join(workplace, "node_modules"));
  for (const file of ["package.json", "deno.json"]) {
    cpSync(join(root, file), join(workplace, file));
  }
  mkdirSync(join(workplace, "child/tests"), { recursive: true });
  cpSync(join(root, "tests/model"), join(workplace, "child/tests/model"), {
    recursive: true,
  });
  copy(ORIGINAL, null);
  judged.forEach((mutant, i) => copy(`m${i}`, mutant));
  const folders = judged.map((_, i) => `m${i}`);
  // Two processes, for the two cores that a small machine has.
  const others = Array.from({ length: SEEDS_MAX }, (_, i) => i + 1);
  await Promise.all(
    [0, 1].map((half) =>
      judge(folders.filter((_, i) => i % 2 === half), [...FIRST, ...others])
    ),
  );
  const found = [...verdicts.values()].flatMap(({ seed }) => seed ?? []);
  await judge([ORIGINAL], [...new Set(found)]);
}, LIMIT_MS);

afterAll(() => {
  if (workplace !== "") rmSync(workplace, { recursive: true, force: true });
});

describe("mutants", () => {
  it("the original is innocent", () => {
    expect(verdicts.get(ORIGINAL)).toMatchObject({ seed: null, why: null });
  });

  it.each(judged.map((mutant, i) => ({ ...mutant, folder: `m${i}` })))(
    "$name",
    (mutant) => {
      expect(patched(mutant), "each patch must apply exactly once").toEqual([]);
      expect(verdicts.get(mutant.folder)?.why).toMatch(/./);
    },
  );
});
