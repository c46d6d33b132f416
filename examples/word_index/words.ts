/**
 * What a word is. Pure.
 *
 * A word is a run of letters, combining marks and digits that starts with a
 * letter, apostrophes inside included: `don't`, `naïve`, `utf8`. Words are
 * compared in lower case and in Unicode's normal form C, and `’` is `'`. What
 * has more than 100 characters is data and no word. Writing without spaces
 * (Chinese, Thai) is not cut into its words.
 *
 * It takes two steps, because JavaScript engines carry different versions of
 * Unicode and do not agree on what a letter is. `countTokens` cuts where every
 * engine cuts alike and may run anywhere; `wordsOf` decides the rest and runs
 * in one process only. Text that is ASCII is done after the first step.
 */

/** Longer runs are hashes, base64 and the like. */
const MAX_WORD_LENGTH = 100;

/** Everything outside ASCII is kept together until `wordsOf` looks at it. */
const TOKEN = /[A-Za-z0-9\u0080-\uffff]+(?:'[A-Za-z0-9\u0080-\uffff]+)*/g;
const ASCII = /^[\0-\x7f]*$/;
const WORD =
  /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’][\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*/gu;

/** Counts of tokens. A token seen before costs one look-up, not two. */
export class TokenCounts {
  readonly #slots = new Map<string, number>();
  readonly #counts: number[] = [];

  /** Adds the tokens of a text. Gives the same on every engine. */
  addText(text: string): void {
    for (const found of text.match(TOKEN) ?? []) {
      if (!ASCII.test(found)) this.#add(found);
      else if (isAsciiWord(found)) this.#add(found.toLowerCase());
    }
  }

  #add(token: string): void {
    const slot = this.#slots.get(token);
    if (slot === undefined) {
      this.#slots.set(token, this.#counts.length);
      this.#counts.push(1);
    } else {
      this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    }
  }

  *[Symbol.iterator](): Generator<readonly [token: string, count: number]> {
    for (const [token, slot] of this.#slots) {
      yield [token, this.#counts[slot] ?? 0];
    }
  }
}

function isAsciiWord(run: string): boolean {
  return run.length <= MAX_WORD_LENGTH && run.charCodeAt(0) > 0x39;
}

/** The words of one token, in order. May differ between engines. */
export function wordsOf(token: string): string[] {
  if (ASCII.test(token)) return [token];
  // Composed first, so that a mark always belongs to its letter.
  const runs = token.normalize("NFC").match(WORD) ?? [];
  return runs
    .filter((run) => run.length <= MAX_WORD_LENGTH && !/^\p{N}/u.test(run))
    .map((run) => run.toLowerCase().normalize("NFC").replaceAll("’", "'"));
}

/** Some of the counts of a file, as they travel in one message. */
export type Part = {
  readonly counts: ReadonlyMap<string, number>;
  readonly isLast: boolean;
};

/** Cuts counts into parts of about `maxLength` characters, at least one. */
export function* partsOf(
  counts: Iterable<readonly [string, number]>,
  maxLength: number,
): Generator<Part> {
  let part = new Map<string, number>();
  let length = 0;
  for (const [token, count] of counts) {
    if (length > 0 && length + token.length > maxLength) {
      yield { counts: part, isLast: false };
      part = new Map();
      length = 0;
    }
    part.set(token, count);
    length += token.length;
  }
  yield { counts: part, isLast: true };
}
