/**
 * The word index: for each word, in which files it stands and how often; and
 * the comparison of two of them, which decides over success.
 */

import type { FileFacts } from "./count.ts";
import { wordsOf } from "./words.ts";

export class WordIndex {
  /** `[file, count, file, count, ...]` of each word, each file once. */
  readonly #postings = new Map<string, number[]>();
  readonly #facts = new Map<number, FileFacts>();
  #occurrences = 0;

  /** Adds a whole file, whose counts may come in parts. */
  add(
    file: number,
    facts: FileFacts,
    parts: Iterable<Iterable<readonly [token: string, count: number]>>,
  ): void {
    if (this.#facts.has(file)) {
      throw new Error(`expected file ${file} once, but it was added again`);
    }
    this.#facts.set(file, facts);
    for (const part of parts) {
      for (const [token, count] of part) {
        for (const word of wordsOf(token)) this.#addWord(file, word, count);
      }
    }
  }

  #addWord(file: number, word: string, count: number): void {
    this.#occurrences += count;
    const postings = this.#postings.get(word);
    if (postings === undefined) {
      this.#postings.set(word, [file, count]);
    } else if (postings.at(-2) === file) {
      // A file is added in one go, so its own entry can only be the last.
      postings.push((postings.pop() ?? 0) + count);
    } else {
      postings.push(file, count);
    }
  }

  /** Different words. */
  get size(): number {
    return this.#postings.size;
  }

  /** Words in all files, each as often as it stands there. */
  get occurrences(): number {
    return this.#occurrences;
  }

  /** Bytes that were read. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#facts.values()) sum += bytes;
    return sum;
  }

  words(): Iterable<string> {
    return this.#postings.keys();
  }

  /** How often a word stands in each file that has it. */
  filesWith(word: string): Map<number, number> {
    const postings = this.#postings.get(word) ?? [];
    const counts = new Map<number, number>();
    for (let i = 0; i < postings.length; i += 2) {
      counts.set(postings[i] ?? 0, postings[i + 1] ?? 0);
    }
    return counts;
  }

  facts(): ReadonlyMap<number, FileFacts> {
    return this.#facts;
  }

  /** The most frequent words. */
  top(limit: number): { word: string; total: number; files: number }[] {
    const all = [...this.#postings].map(([word, postings]) => ({
      word,
      total: postings.reduce((sum, n, i) => i % 2 === 0 ? sum : sum + n, 0),
      files: postings.length / 2,
    }));
    all.sort((a, b) => b.total - a.total || (a.word < b.word ? -1 : 1));
    return all.slice(0, limit);
  }
}

/** How two indexes differ; equal when there is no difference. */
export type Comparison = {
  readonly differences: number;
  /** The first few, for people. */
  readonly examples: readonly string[];
};

const MAX_EXAMPLES = 5;

/** Compares word by word and file by file; `nameOf` is for the examples. */
export function compare(
  cluster: WordIndex,
  sequential: WordIndex,
  nameOf: (file: number) => string,
): Comparison {
  let differences = 0;
  const examples: string[] = [];
  const differ = (what: string, here: unknown, there: unknown): void => {
    if (here === there) return;
    differences++;
    if (examples.length >= MAX_EXAMPLES) return;
    examples.push(`${what}: cluster ${here}, sequential ${there}`);
  };
  for (const file of keysOf(cluster.facts(), sequential.facts())) {
    const [here, there] = [
      cluster.facts().get(file),
      sequential.facts().get(file),
    ];
    differ(`bytes of ${nameOf(file)}`, here?.bytes, there?.bytes);
    differ(`state of ${nameOf(file)}`, here?.problem, there?.problem);
  }
  for (const word of new Set([...cluster.words(), ...sequential.words()])) {
    const [here, there] = [cluster.filesWith(word), sequential.filesWith(word)];
    for (const file of keysOf(here, there)) {
      const what = `"${word}" in ${nameOf(file)}`;
      differ(what, here.get(file) ?? 0, there.get(file) ?? 0);
    }
  }
  return { differences, examples };
}

function keysOf<K>(
  a: ReadonlyMap<K, unknown>,
  b: ReadonlyMap<K, unknown>,
): Set<K> {
  return new Set([...a.keys(), ...b.keys()]);
}

/** What the whole program ends with. */
export function exitCodeOf(comparison: Comparison): 0 | 1 {
  return comparison.differences === 0 ? 0 : 1;
}
