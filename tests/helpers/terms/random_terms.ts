/**
 * Random terms: every row of the table of terms, with what encodings get wrong.
 * `term_census.ts` says what was among them.
 *
 * A term depends on its seed alone. Atoms, nodes and creations are drawn from
 * small pools, because a BEAM node that is sent a million terms must not run
 * out of atoms. Used in loops over seeds; a failure says how to run one again.
 */

import { termKey } from "../../../runtime/core/terms/key.ts";
import {
  BitString,
  Closure,
  ExternalFun,
  Float,
  ImproperList,
  Pid,
  Port,
  Ref,
  Tuple,
} from "../../../runtime/core/terms/terms.ts";
import { replayCommand, type Seeds, seedsOf } from "../simulate.ts";
import { errorText } from "../../../runtime/core/terms/error_text.ts";

/** Random numbers from a seed; the same on every engine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Seeds that follow each other must not begin alike.
    this.#state = Math.imul(seed ^ seed / 2 ** 32, 0x9e3779b1) | 0;
  }

  u32(): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let word = this.#state;
    word = Math.imul(word ^ word >>> 15, word | 1);
    word ^= word + Math.imul(word ^ word >>> 7, word | 61);
    return (word ^ word >>> 14) >>> 0;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.u32() / 2 ** 32 * limit);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.u32();
      bytes[i] = word;
      bytes[i + 1] = word >>> 8;
      bytes[i + 2] = word >>> 16;
      bytes[i + 3] = word >>> 24;
    }
    return bytes;
  }
}

export type TermOptions = {
  /** About how many terms it is made of, at most; 40 unless told. */
  readonly size?: number;
  /**
   * Whether it may hold what BEAM nodes before OTP 27 judge differently: -0.0,
   * which they take for 0.0, and funs, whose order is not fixed; and maps with
   * both 1 and 1.0 as keys, which only exact decoding keeps apart. True unless
   * told.
   */
  readonly unordered?: boolean;
  /** More pids, refs and the like, which only their node can make. */
  readonly identities?: readonly unknown[];
};

/** One seed in so many has a large term, of one of so many kinds in turn. */
const LARGE_EVERY = 500;
const LARGE_KINDS = 8;

/** The term of a seed. */
export function randomTerm(seed: number, options: TermOptions = {}): unknown {
  const maker = new Maker(seed, options);
  return seed % LARGE_EVERY === 0
    ? maker.large(seed / LARGE_EVERY)
    : maker.term();
}

/**
 * Calls `body` with each seed. A failure is thrown with its seed and the
 * command that runs the test again with that seed alone.
 */
export function eachSeed(seeds: Seeds, body: (seed: number) => void): void {
  for (const seed of seedsOf(seeds)) {
    try {
      body(seed);
    } catch (error) {
      const message = errorText(error);
      throw new Error(
        `failed with seed ${seed}: ${message}\nreplay: ${replayCommand(seed)}`,
        { cause: error },
      );
    }
  }
}

/** Names with everything in them that encodings get wrong. */
const names: readonly string[] = [
  ...["", "a", "ok", "error", "true", "false", "nil", "undefined", "null"],
  ...["__proto__", "constructor", "toString", "length", "__struct__", "0", "7"],
  ...["Elixir.Enum", "it's", "with space", "é", "привет", "日本語", "🙂", "\0"],
  ...["\ufeffmark", "z".repeat(255), "é".repeat(127), "é".repeat(128)],
  "🙂".repeat(255),
  ...Array.from({ length: 300 }, (_, i) => `name_${i}`),
];

/**
 * None of a BEAM node that judges: creation 0 means to it that it is its own.
 */
const nodes = [
  "b@127.0.0.1",
  "ts@127.0.0.1",
  "é@host",
  "n",
  `x@${"y".repeat(80)}`,
];
const creations = [0, 1, 2, 3, 4, 0x6b02c445, 0xffffffff];
const words = [0, 1, 7, 0x3ffff, 0xfffffff, 0x10000000, 0x7fffffff, 0xffffffff];

const texts: readonly string[] = [
  ...["", "a", "\0", "\ufeff", "\ufeffmark", "é", "€", "🙂", "\ud7ff\ue000"],
  ...["x".repeat(7), "x".repeat(8), "x".repeat(15), "x".repeat(16)],
  ...["y".repeat(40), "y".repeat(41), "y".repeat(64), "y".repeat(65)],
  "é".repeat(40),
  "z".repeat(300),
];

/** Powers of 2 where integers change their form in one encoding or another. */
const edgeBits = [0, 7, 8, 27, 28, 31, 32, 53, 59, 63, 64, 72, 2040] as const;

/** Integers there, and one less and more, by what they are called. */
export const integerEdges: ReadonlyMap<number | bigint, string> = new Map(
  edgeBits.flatMap((bits) =>
    ["-1", "", "+1"].flatMap((offset) => {
      const value = 2n ** BigInt(bits) + BigInt(offset);
      const name = `2^${bits}${offset}`;
      return [[canonical(value), name], [canonical(-value), `-(${name})`]];
    })
  ),
);
const edges = [...integerEdges.keys()];

const floats = [
  ...[0, 1, -1, 0.5, 1.5, Math.PI, 1e22, 1e23, 1e300, 2 ** 53, -(2 ** 53) - 2],
  ...[Number.MAX_VALUE, Number.MIN_VALUE, 2.2250738585072014e-308, 1e-7],
  ...[2.225073858507201e-308, -Number.MIN_VALUE],
];

const empty: readonly (() => unknown)[] = [
  () => [],
  () => ({}),
  () => new Tuple([]),
];

class Maker {
  readonly #random: Random;
  readonly #isOrdered: boolean;
  readonly #identities: readonly unknown[];
  /** Terms that may still be made. */
  #left: number;

  constructor(seed: number, options: TermOptions) {
    const { size = 40, unordered = true, identities = [] } = options;
    this.#random = new Random(seed);
    // Most are small, so that there can be many.
    const most = this.#random.once(16) ? size : Math.min(size, 6);
    this.#left = 1 + this.#random.below(most);
    this.#isOrdered = !unordered;
    this.#identities = identities;
  }

  term(): unknown {
    this.#left -= 1;
    return this.#left > 0 && this.#random.below(5) < 3
      ? this.#container()
      : this.#leaf();
  }

  /** What no other choice makes as large: each at a limit, and just above. */
  large(number: number): unknown {
    const random = this.#random;
    const above = Math.floor(number / LARGE_KINDS) % 2;
    switch (number % LARGE_KINDS) {
      case 0:
        return this.#noText(random.bytes(65_536 + above * 100_000));
      case 1:
        return "é".repeat(32_768 + above);
      case 2:
        // The longest that OTP writes as a string, and a longer one.
        return Array.from(random.bytes(65_535 + above));
      case 3:
        return new Tuple(new Array(255 + above).fill(this.#leaf()));
      case 4:
        return this.#object(32 + above);
      case 5:
        return this.#map(32 + above);
      case 6:
        return this.#bits(2_000 + random.below(6_000));
      default:
        return this.#deep(1_000);
    }
  }

  #deep(levels: number): unknown {
    let term = this.#leaf();
    for (let i = 0; i < levels; i++) {
      const kind = this.#random.below(3);
      if (kind === 0) term = [term];
      else if (kind === 1) term = new Tuple([i, term]);
      else term = { a: term };
    }
    return term;
  }

  #leaf(): unknown {
    const random = this.#random;
    switch (random.below(10)) {
      case 0:
      case 1:
        return this.#integer();
      case 2:
        return this.#float();
      case 3:
        return this.#atom();
      case 4:
      case 5:
        return this.#text();
      case 6:
        return this.#bytes();
      case 7:
        return random.pick<() => unknown>(empty)();
      case 8:
        return random.pick([true, false, null, undefined]);
      default:
        return this.#identity();
    }
  }

  #container(): unknown {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.#items();
      case 3:
      case 4:
      case 5:
        return new Tuple(this.#items());
      case 6:
      case 7:
        return this.#object(random.below(7));
      case 8:
        return this.#map(1 + random.below(6));
      case 9:
        return new ImproperList([this.term(), ...this.#items()], this.#tail());
      case 10:
        // What OTP writes as a string of bytes, or just not.
        return Array.from(random.bytes(1 + random.below(20))) as unknown[];
      default:
        return this.#isOrdered ? this.#items() : this.#closure();
    }
  }

  #items(): unknown[] {
    const items: unknown[] = [];
    for (let i = this.#random.below(6); i > 0; i--) items.push(this.term());
    return items;
  }

  /** Anything but a list. */
  #tail(): unknown {
    const term = this.#leaf();
    return Array.isArray(term) ? this.#atom() : term;
  }

  #object(count: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (let i = 0; i < count; i++) {
      // Engines move keys that are numbers; order counts in large maps only.
      const key = count > 20 ? `name_${i}` : this.#name();
      entries.push([key, this.term()]);
    }
    return Object.fromEntries(entries);
  }

  #map(count: number): Map<unknown, unknown> {
    const random = this.#random;
    const map = new Map<unknown, unknown>();
    const seen = new Set<string>();
    const add = (key: unknown): void => {
      // Before OTP 27, 0.0 and -0.0 are one key, deep inside of others as well.
      let text = termKey(key).replaceAll("f-0;", "f0;");
      if (this.#isOrdered) text = text.replaceAll(/f(-?\d+;)/g, "i$1");
      if (seen.has(text)) return;
      seen.add(text);
      map.set(key, this.term());
    };
    // With one key that is no atom it arrives as a `Map` as well.
    const first = random.once(2) ? 0 : 2 ** random.below(60);
    add(canonical(BigInt(first)));
    if (!this.#isOrdered && random.once(4)) add(new Float(first));
    while (map.size < count) {
      add(this.#left > 0 ? this.term() : this.#integer());
    }
    return map;
  }

  #integer(): number | bigint {
    const random = this.#random;
    switch (random.below(4)) {
      case 0:
        return random.below(256);
      case 1:
        return random.u32() | 0;
      case 2:
        return random.pick(edges);
      default:
        return this.#bits(random.once(50) ? 3_000 : 1 + random.below(90));
    }
  }

  /** An integer of at most so many bits, of either sign. */
  #bits(bits: number): number | bigint {
    const random = this.#random;
    let value = 0n;
    for (let i = 0; i < bits; i += 32) {
      value = value << 32n | BigInt(random.u32());
    }
    value = BigInt.asUintN(bits, value);
    return canonical(random.once(2) ? value : -value);
  }

  #float(): unknown {
    const random = this.#random;
    let value = random.once(2)
      ? random.pick(floats)
      : new Float64Array(random.bytes(8).buffer)[0]!;
    if (!Number.isFinite(value)) value = 0.25;
    if (value === 0 && random.once(2) && !this.#isOrdered) value = -0;
    // What is no integer stays a float by itself.
    return Number.isSafeInteger(value) || random.once(2)
      ? new Float(value)
      : value;
  }

  #name(): string {
    return this.#random.pick(names);
  }

  #atom(): unknown {
    const name = this.#name();
    switch (name) {
      case "true":
      case "false":
        return name === "true";
      case "nil":
        return null;
      case "undefined":
        return undefined;
      default:
        return Symbol.for(name);
    }
  }

  #text(): string {
    const random = this.#random;
    switch (random.below(4)) {
      case 0:
        return random.pick(texts);
      case 1:
        return String(random.u32());
      default: {
        const limit = random.pick([0x80, 0x80, 0x800, 0x10000, 0x110000]);
        let text = "";
        for (let i = random.below(24); i > 0; i--) {
          text += String.fromCodePoint(random.below(limit));
        }
        return text.toWellFormed();
      }
    }
  }

  #bytes(): unknown {
    const random = this.#random;
    const length = 1 + random.below(random.once(9) ? 400 : 12);
    const bytes = this.#noText(random.bytes(length));
    return random.once(3) ? new BitString(bytes, 1 + random.below(7)) : bytes;
  }

  /** As UTF-8 they would arrive as a string. */
  #noText(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    bytes[this.#random.below(bytes.length)] = 0xff;
    return bytes;
  }

  #identity(): unknown {
    const random = this.#random;
    const node = random.pick(nodes);
    const creation = random.pick(creations);
    const word = () => random.once(2) ? random.pick(words) : random.u32();
    switch (random.below(this.#identities.length > 0 ? 5 : 4)) {
      case 0:
        return this.#pid();
      case 1: {
        // OTP 25 crashes over references without words, and hashes those of
        // one word by what happens to stand behind it.
        const length = 2 + random.below(4);
        return new Ref(node, creation, Array.from({ length }, word));
      }
      case 2: {
        const id = BigInt(random.once(2) ? word() : 0) << 32n | BigInt(word());
        return new Port(node, id, creation);
      }
      case 3:
        return this.#isOrdered
          ? this.#pid()
          : new ExternalFun(this.#name(), this.#name(), random.below(256));
      default:
        return random.pick(this.#identities);
    }
  }

  #pid(): Pid {
    const random = this.#random;
    return new Pid(
      random.pick(nodes),
      random.pick(words),
      random.pick(words),
      random.pick(creations),
      null,
    );
  }

  #closure(): Closure {
    const random = this.#random;
    // Arguments and what it has closed over are at most 255 together.
    return new Closure({
      module: this.#name(),
      arity: random.below(250),
      index: random.below(20),
      uniq: random.bytes(16),
      oldIndex: random.below(20),
      oldUniq: random.u32() >>> 5,
      pid: this.#pid(),
      free: this.#items(),
    });
  }
}

/** As a decoder gives it: a number where it is safe. */
function canonical(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
