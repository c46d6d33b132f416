/**
 * The main job as a program: its output, its exit codes, and that it leaves no
 * process behind. Its parts are in word_index_parts.test.ts.
 */
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import {
  currentRuntime,
  isRunning,
  type SpawnedProcess,
  spawnRuntime,
} from "../helpers/processes.ts";
import { waitFor } from "../helpers/wait.ts";

const MAIN = "examples/word_index/main.ts";
const RUN_MS = 60_000;
const scratch = mkdtempSync(join(tmpdir(), "word-index-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folders = 0;

/** A new folder with these files; a name may hold slashes. */
function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

describe("the program", { timeout: RUN_MS + 10_000 }, () => {
  const program = (...args: string[]): SpawnedProcess =>
    spawnRuntime(currentRuntime(), MAIN, args);

  /** Process numbers of all nodes that came up, the main one first. */
  const pidsIn = (child: SpawnedProcess): number[] =>
    child.stdout.flatMap((line) => {
      const pid = / is up: .*, process (\d+)$/.exec(line)?.[1];
      return pid === undefined ? [] : [Number(pid)];
    });

  const allGone = (pids: readonly number[]): Promise<unknown> =>
    waitFor(() => !pids.some(isRunning), { what: `${pids} to be gone` });

  function sampleFolder(): string {
    const files: Record<string, string | Uint8Array> = {
      "empty.txt": "",
      "binary.dat": Uint8Array.of(1, 0, 2, 3),
    };
    for (let n = 0; n < 40; n++) {
      const line = `hornbeam file${n} Σίσυφος\n`;
      files[`sub${n % 4}/text${n}.md`] = `Ein Wörtchen ${n}: ` +
        line.repeat(n + 1);
    }
    const folder = folderOf(files);
    symlinkSync("nowhere", join(folder, "dangling"));
    symlinkSync(".", join(folder, "loop"));
    return folder;
  }

  it("survives the kill of a node and counts to the word", async () => {
    const child = program(sampleFolder());
    const exit = await child.waitForExit(RUN_MS);
    const out = child.stdout.join("\n");
    expect(exit, out + child.stderr.join("\n")).toEqual({
      code: 0,
      signal: null,
    });
    for (const name of ["Node.js", "Deno", "Bun"]) {
      expect(out).toMatch(new RegExp(`@127.0.0.1 is up: ${name} `));
    }
    const pids = pidsIn(child);
    expect(pids).toHaveLength(3);
    expect(pids[0]).toBe(child.pid);
    const killed =
      /killed (\w+@127.0.0.1) \(process (\d+)\)[^]*?held (\d+) file/
        .exec(out);
    expect(Number(killed?.[2])).toBe(pids[2]);
    expect(Number(killed?.[3])).toBeGreaterThan(0);
    expect(out).toMatch(/^ +\S+ \(counted, not delivered\)$/m);
    const downs = child.stdout.filter((line) => line.includes("DOWN: worker"));
    expect(downs).toHaveLength(2);
    for (const down of downs) {
      expect(down).toContain(`on ${killed?.[1]}, reason noconnection, seen `);
    }
    expect(out).toMatch(/handed out again: \S+, to \w+@127.0.0.1/);
    for (
      const odd of [
        "binary.dat: binary",
        "dangling: unreadable (ENOENT)",
        "empty.txt: empty",
        "loop: a link to a folder is not followed",
      ]
    ) expect(child.stdout).toContain(`  ${odd}`);
    expect(out).toMatch(/^ +hornbeam +820 {2}in 40 files$/m);
    expect(out).toMatch(/^ +files\/s +[\d,]+ +[\d,]+$/m);
    expect(child.stdout.at(-1)).toBe(
      "Equal to the word: cluster and sequential count agree on " +
        "44 different words, 2,540 in all, in 43 files.",
    );
    expect(child.complaints).toEqual([]);
    await allGone(pids);
  });

  it("kills with a file in hand even when there is only one", async () => {
    // Letters of Unicode 17, which not all three runtimes know.
    const text = "just one \u{16ea0}\u{16ebb} \ua7cex";
    const child = program(folderOf({ "one.txt": text }));
    expect((await child.waitForExit(RUN_MS)).code).toBe(0);
    const out = child.stdout.join("\n");
    expect(out).toContain("while it held 1 file:\n");
    expect(out).toContain("one.txt (counted, not delivered)");
    expect(out).toMatch(/handed out again: one.txt, to /);
    await allGone(pidsIn(child));
  });

  it("reports an empty folder", async () => {
    const child = program(folderOf({}));
    expect((await child.waitForExit(RUN_MS)).code).toBe(0);
    expect(child.stdout.at(-1)).toBe("Nothing to count: zero words.");
  });

  it.each([
    ["a folder that is not there", ["nowhere"], /nowhere does not exist$/],
    ["a file", [MAIN], /main\.ts is not one$/],
    ["an option", ["--wrong"], /^usage: /],
    ["two folders", ["examples", "tests"], /^usage: /],
  ])("refuses %s in one line", async (_, args, message) => {
    const child = program(...args);
    const exit = await child.waitForExit(RUN_MS);
    expect(exit).toEqual({ code: 2, signal: null });
    expect(child.stdout).toEqual([]);
    expect(child.stderr).toEqual([expect.stringMatching(message)]);
  });

  it.each(
    [
      ["SIGKILL", { code: null, signal: "SIGKILL" }],
      ["SIGINT", { code: 130, signal: null }],
      ["SIGTERM", { code: 143, signal: null }],
    ] as const,
  )("leaves no process behind after %s", async (signal, expected) => {
    const child = program();
    await child.waitForLine(/handed out \d+ files/, RUN_MS);
    const pids = pidsIn(child);
    expect(pids).toHaveLength(3);
    expect(pids.filter(isRunning)).toHaveLength(3);
    // Deno's `ChildProcess.kill` reports the signal as the cause of any exit.
    process.kill(child.pid, signal);
    expect(await child.exited).toEqual(expected);
    await allGone(pids);
  });
});
