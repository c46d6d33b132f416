/**
 * The parts of the main job in one process: words, files, folders, the
 * comparison and the coordinator. The whole program is in word_index.test.ts.
 */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  coordinate,
  type Happening,
  type Inbox,
  type Job,
} from "../../examples/word_index/coordinator.ts";
import { CorpusError, readCorpus } from "../../examples/word_index/corpus.ts";
import { countFile, type FileFacts } from "../../examples/word_index/count.ts";
import {
  compare,
  exitCodeOf,
  WordIndex,
} from "../../examples/word_index/index.ts";
import { findRuntime } from "../../examples/word_index/runtimes.ts";
import {
  partsOf,
  TokenCounts,
  wordsOf,
} from "../../examples/word_index/words.ts";
import {
  type FromWorker,
  type ToWorker,
  wordWorker,
} from "../../examples/word_index/worker.ts";
import {
  type ExportedBehaviour,
  type Pid,
  type Self,
  start,
} from "../../runtime/mod.ts";
import { runtimes } from "../helpers/processes.ts";

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

/** Word counts of a text, as the index would have them. */
function count(text: string): Record<string, number> {
  const counts = new TokenCounts();
  counts.addText(text);
  const index = new WordIndex();
  index.add(0, fine(0), [counts]);
  const totals = index.top(1_000).map(({ word, total }) => [word, total]);
  return Object.fromEntries(totals);
}

function fine(bytes: number): FileFacts {
  return { bytes, problem: null, detail: "" };
}

describe("words", () => {
  it.each([
    ["The cat, the CAT", { the: 2, cat: 2 }],
    ["don't don’t 'quoted'", { "don't": 2, quoted: 1 }],
    ["snake_case kebab-case a.b", {
      snake: 1,
      case: 2,
      kebab: 1,
      a: 1,
      b: 1,
    }],
    ["utf8 3rd 42 0x1f ٣ab", { utf8: 1 }],
    ["Ünïcode ΣΑΣ Жук straße", {
      "ünïcode": 1,
      "σας": 1,
      "жук": 1,
      "straße": 1,
    }],
    ["cafe\u0301 café", { "café": 2 }],
    ["“naïve”—l'été… 日本語。中文", {
      "naïve": 1,
      "l'été": 1,
      "日本語": 1,
      "中文": 1,
    }],
    ["👍 🎉x 𝒳y", { x: 1, "𝒳y": 1 }],
    [`${"a".repeat(100)} ${"b".repeat(101)} ${"é".repeat(101)}`, {
      ["a".repeat(100)]: 1,
    }],
    ["", {}],
    ["… --- 123 \0", {}],
  ])("of %j", (text, expected) => {
    expect(count(text)).toEqual(expected);
  });

  it("are the same whether a text is ASCII or not", () => {
    fc.assert(fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
      // A letter at the end of the last run makes that one take the long way.
      const withTail = count(`${text} é`);
      delete withTail["é"];
      const long = new WordIndex();
      for (const run of text.match(/[A-Za-z0-9']+/g) ?? []) {
        const words = wordsOf(`${run}…`).map((word) => [word, 1] as const);
        long.add(long.facts().size, fine(0), words.map((word) => [word]));
      }
      const totals = long.top(1_000).map(({ word, total }) => [word, total]);
      expect(withTail).toEqual(Object.fromEntries(totals));
    }));
  });

  it("travel in parts that hold everything once", () => {
    const counts = new Map(
      Array.from({ length: 50 }, (_, n) => [`word${n}`, n + 1]),
    );
    const parts = [...partsOf(counts, 40)];
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.map((part) => part.isLast)).toEqual(
      parts.map((_, n) => n === parts.length - 1),
    );
    expect(new Map(parts.flatMap((part) => [...part.counts]))).toEqual(counts);
    for (const part of parts) {
      expect([...part.counts.keys()].join("").length).toBeLessThanOrEqual(40);
    }
    expect([...partsOf([], 40)]).toEqual([{ counts: new Map(), isLast: true }]);
    expect([...partsOf([["enormous", 1]], 3)]).toHaveLength(1);
  });
});

describe("a file", () => {
  it("is counted in pieces as if it were one", async () => {
    const words = ["alpha", "bêta", "γάμμα", "日本", "don't"];
    const text = Array.from(
      { length: 120_000 },
      (_, n) => words[n * 7 % 5] + (n % 11 === 0 ? "\n" : " "),
    ).join("");
    const bytes = new TextEncoder().encode(text);
    const path = join(folderOf({ "a.txt": bytes }), "a.txt");
    const { counts, ...facts } = await countFile(path);
    expect(facts).toEqual(fine(bytes.length));
    expect(bytes.length).toBeGreaterThan(3 * 256 * 1024);
    expect(Object.fromEntries(counts)).toEqual(
      Object.fromEntries(words.map((word) => [word, 24_000])),
    );
  });

  it("without any gap is counted all the same", async () => {
    const path = join(folderOf({ "a.txt": "x".repeat(600_000) }), "a.txt");
    const { counts, ...facts } = await countFile(path);
    expect(facts).toEqual(fine(600_000));
    expect([...counts]).toEqual([]);
  });

  it("that is empty, binary, missing or a folder is reported", async () => {
    const folder = folderOf({ empty: "", binary: Uint8Array.of(65, 0, 66) });
    const look = async (name: string) => {
      const { counts, ...facts } = await countFile(join(folder, name));
      return { ...facts, words: [...counts].length };
    };
    expect(await look("empty")).toMatchObject({ problem: "empty", words: 0 });
    expect(await look("binary")).toMatchObject({
      problem: "binary",
      bytes: 3,
      words: 0,
    });
    expect(await look("gone")).toMatchObject({
      problem: "unreadable",
      detail: "ENOENT",
    });
    expect(await look("../")).toMatchObject({ problem: "unreadable" });
  });
});

describe("a folder", () => {
  it("is walked without following links in circles", async () => {
    const folder = folderOf({
      "a.txt": "a",
      "deep/er/b.txt": "bbb",
      "deep/line\nbreak.txt": "cc",
      "node_modules/c.txt": "c",
      ".git/d.txt": "d",
    });
    symlinkSync("..", join(folder, "deep", "loop"));
    symlinkSync("a.txt", join(folder, "link.txt"));
    symlinkSync("nowhere", join(folder, "dangling"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const { files, skipped } = await readCorpus(folder);
    expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ["deep/er/b.txt", 3],
      ["deep/line?break.txt", 2],
      ["a.txt", 1],
      ["link.txt", 1],
      ["dangling", 0],
    ]);
    expect(skipped).toEqual([
      ".git/: left out by its name",
      "deep/loop: a link to a folder is not followed",
      "node_modules/: left out by its name",
      "pipe: not a regular file",
    ]);
  });

  it("that does not exist is refused", async () => {
    const folder = folderOf({ "a.txt": "a" });
    for (
      const [name, why] of [["gone", "does not exist"], ["a.txt", "not one"]]
    ) {
      const error = await readCorpus(join(folder, name ?? "")).catch((e) => e);
      expect(error).toBeInstanceOf(CorpusError);
      expect(error.message).toContain(why);
    }
  });
});

describe("the comparison", () => {
  const nameOf = (file: number) => `file ${file}`;
  const indexOf = (
    files: readonly (readonly [number, string])[],
    facts: FileFacts = fine(3),
  ) => {
    const index = new WordIndex();
    for (const [file, text] of files) {
      const counts = new TokenCounts();
      counts.addText(text);
      index.add(file, facts, [counts]);
    }
    return index;
  };
  const files = [[0, "a b a"], [1, "b c"]] as const;

  it("does not depend on the order in which files were added", () => {
    const same = compare(indexOf(files), indexOf(files.toReversed()), nameOf);
    expect(same).toEqual({ differences: 0, examples: [] });
    expect(exitCodeOf(same)).toBe(0);
  });

  it.each(
    [
      ["a word less", [[0, "a b a"], [1, "b"]], '"c" in file 1: cluster 1, s'],
      [
        "a word more",
        [[0, "a b a d"], [1, "b c"]],
        '"d" in file 0: cluster 0, s',
      ],
      [
        "a count off by one",
        [[0, "a b"], [1, "b c"]],
        "cluster 2, sequential 1",
      ],
      ["a word in another file", [[0, "a a"], [1, "b b c"]], '"b" in file 0'],
      [
        "a file less",
        [[0, "a b a"]],
        "bytes of file 1: cluster 3, sequential un",
      ],
    ] as const,
  )("fails, with exit code 1, for %s", (_, others, example) => {
    const comparison = compare(indexOf(files), indexOf(others), nameOf);
    expect(comparison.differences).toBeGreaterThan(0);
    expect(comparison.examples.join("\n")).toContain(example);
    expect(exitCodeOf(comparison)).toBe(1);
  });

  it("fails when a file could be read only once", () => {
    const broken = indexOf(files, { ...fine(3), problem: "unreadable" });
    const comparison = compare(indexOf(files), broken, nameOf);
    expect(comparison.examples).toContain(
      "state of file 0: cluster null, sequential unreadable",
    );
    expect(exitCodeOf(comparison)).toBe(1);
  });

  it("lists a few differences and counts all", () => {
    const many = Array.from({ length: 40 }, (_, n) => `w${n}`).join(" ");
    const comparison = compare(
      indexOf([[0, many]]),
      indexOf([[0, ""]]),
      nameOf,
    );
    expect(comparison.differences).toBe(40);
    expect(comparison.examples).toHaveLength(5);
  });

  it("cannot be fooled by adding a file twice", () => {
    const index = indexOf(files);
    expect(() => index.add(0, fine(3), [])).toThrow("file 0 once");
  });
});

describe("the coordinator", () => {
  /** Runs it on one node, whose workers behave as given. */
  async function run(
    texts: readonly string[],
    worker: ExportedBehaviour,
    nodes = 1,
  ): Promise<{ index: WordIndex; story: Happening[] }> {
    const names = texts.map((_, n) => `${n}.txt`);
    const folder = folderOf(
      Object.fromEntries(names.map((name, n) => [name, texts[n] ?? ""])),
    );
    const story: Happening[] = [];
    await using node = await start({
      exports: { word_worker: worker },
      log: () => {},
    });
    const job: Job = {
      files: names.map((name) => ({
        path: join(folder, name),
        name,
        bytes: 0,
      })),
      // The same node again and again is as good as several.
      nodes: Array<string>(nodes).fill(node.name),
      accident: null,
      tell: (happening) => story.push(happening),
    };
    const index = await node.run((self: Self<Inbox>) => coordinate(self, job));
    return { index, story };
  }

  const texts = Array.from({ length: 20 }, (_, n) => `all word${n}`);

  function expectComplete(index: WordIndex): void {
    expect(index.size).toBe(21);
    expect(index.occurrences).toBe(40);
    expect(index.filesWith("all").size).toBe(20);
  }

  it("indexes every file", async () => {
    const { index, story } = await run(texts, wordWorker);
    expectComplete(index);
    expect(story.filter(({ type }) => type === "progress")).toHaveLength(20);
    expect(story.at(0)).toEqual({
      type: "handed",
      files: 8,
      workers: 2,
      waiting: 12,
    });
  });

  it("hands the files of a crashed worker to the other", async () => {
    let crashes = 0;
    const fragile: ExportedBehaviour = (coordinator: Pid<FromWorker>) =>
      crashes++ > 0
        ? wordWorker(coordinator)
        : async (self: Self<ToWorker>) => {
          await self.receive("count");
          throw new Error("a worker that breaks");
        };
    const { index, story } = await run(texts, fragile);
    expectComplete(index);
    const [down, ...more] = story.filter(({ type }) => type === "down");
    expect(more).toEqual([]);
    expect(down).toMatchObject({ names: expect.any(Array) });
    const names = (down as Extract<Happening, { type: "down" }>).names;
    expect(names.length).toBeGreaterThan(0);
    const again = story.flatMap((one) => one.type === "again" ? one.name : []);
    expect(again.toSorted()).toEqual(names.toSorted());
  });

  it("counts once what is answered twice", async () => {
    const repeating: ExportedBehaviour =
      (coordinator: Pid<unknown>) => async (self: Self<ToWorker>) => {
        for await (const { type, file } of self) {
          const counts = new Map([["all", 1], [`word${file}`, 1]]);
          const from = self.pid;
          const answer = type === "count"
            ? { type: "counted", from, file, facts: fine(1) }
            : { type: "part", from, file, part: { counts, isLast: true } };
          self.send(coordinator, answer);
          self.send(coordinator, answer);
        }
      };
    const { index, story } = await run(texts, repeating);
    expectComplete(index);
    const finished = story.at(-1) as Extract<Happening, { type: "finished" }>;
    expect(finished.dropped).toBeGreaterThan(0);
  });

  it("gives up on a file that ends worker after worker", async () => {
    const picky: ExportedBehaviour = () => async (self: Self<ToWorker>) => {
      await self.receive((message) => message.file === 19);
      throw new Error("a worker that breaks");
    };
    await expect(run(texts, picky, 20)).rejects.toThrow(
      "expected 19.txt to be counted, but 3 workers died while they held it",
    );
  });

  it("gives up when no worker survives", async () => {
    const broken: ExportedBehaviour = () => async (self: Self<ToWorker>) => {
      await self.receive("count");
      throw new Error("a worker that breaks");
    };
    await expect(run(texts, broken)).rejects.toThrow("all have died");
  });
});

it("finds the three runtimes, and knows when one is missing", () => {
  for (const runtime of runtimes) {
    expect(findRuntime(runtime)).toMatch(new RegExp(`${runtime}$`));
    expect(findRuntime(runtime, [scratch, join(scratch, "no")])).toBe(null);
  }
});
