/**
 * Random terms: every row of the table of terms, with what encodings get wrong.
 *
 * A term depends on its seed alone. Atoms, nodes and creations are drawn from
 * small pools, because a BEAM node that is sent a million terms must not run
 * out of atoms. Used in loops over seeds; a failure says how to run one again.
 */

import { termKey } from "../../runtime/core/term_key.ts";
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
} from "../../runtime/core/terms.ts";
import { replayCommand, type Seeds, seedsOf } from "./simulate.ts";

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
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }
}

export type TermOptions = {
  /** About how many terms it is made of, at most; 40 unless told. */
  readonly size?: number;
  /**
   * Whether it may hold what BEAM nodes before OTP 27 judge differently: -0.0,
   * which they take for 0.0, and funs, whose order is not fixed. True unless
   * told.
   */
  readonly unordered?: boolean;
};

/** The term of a seed. */
export function randomTerm(seed: number, options: TermOptions = {}): unknown {
  return new Maker(seed, options).term();
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
      const message = error instanceof Error ? error.message : String(error);
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

const nodes = [
  "a@127.0.0.1",
  "b@127.0.0.1",
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

/** Where integers change their form, and one less and more. */
const edges: readonly bigint[] = [
  ...[0n, 255n, 256n, 2n ** 27n, 2n ** 28n, 2n ** 31n, 2n ** 32n, 2n ** 53n],
  ...[2n ** 59n, 2n ** 63n, 2n ** 64n, 2n ** 72n, 2n ** 2040n],
].flatMap((edge) => [edge - 1n, edge, edge + 1n, -edge, -edge - 1n]);

const floats = [
  ...[0, 1, -1, 0.5, 1.5, Math.PI, 1e22, 1e23, 1e300, 2 ** 53, -(2 ** 53) - 2],
  ...[Number.MAX_VALUE, Number.MIN_VALUE, 2.2250738585072014e-308, 1e-7],
];

class Maker {
  readonly #random: Random;
  readonly #isOrdered: boolean;
  /** Terms that may still be made. */
  #left: number;

  constructor(seed: number, { size = 40, unordered = true }: TermOptions) {
    this.#random = new Random(seed);
    this.#left = 1 + this.#random.below(size);
    this.#isOrdered = !unordered;
  }

  term(): unknown {
    this.#left -= 1;
    return this.#left > 0 && this.#random.below(5) < 3
      ? this.#container()
      : this.#leaf();
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
        return random.pick<() => unknown>([() => [], () => ({})])();
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
        return this.#object();
      case 8:
        return this.#map();
      case 9:
        return new ImproperList([this.term(), ...this.#items()], this.#atom());
      case 10:
        // What OTP writes as a string of bytes, or just not.
        return Array.from(random.bytes(1 + random.below(20))) as unknown[];
      default:
        return this.#isOrdered ? this.#items() : this.#closure();
    }
  }

  #items(): unknown[] {
    const random = this.#random;
    if (random.once(400)) return new Array(255 + random.below(3)).fill(null);
    return Array.from({ length: random.below(6) }, () => this.term());
  }

  #object(): Record<string, unknown> {
    const random = this.#random;
    const count = random.once(50) ? 30 + random.below(6) : random.below(7);
    const entries = Array.from(
      { length: count },
      () => [this.#key(count), this.term()] as const,
    );
    return Object.fromEntries(entries);
  }

  /** Engines move keys that are numbers; order counts in large maps only. */
  #key(count: number): string {
    return count > 20 ? `name_${this.#random.below(300)}` : this.#name();
  }

  #map(): Map<unknown, unknown> {
    const random = this.#random;
    const count = random.once(50) ? 30 + random.below(6) : 1 + random.below(6);
    const map = new Map<unknown, unknown>();
    const seen = new Set<string>();
    // With one key that is no atom it arrives as a `Map` as well.
    for (let i = 0; i < count; i++) {
      const key = i === 0 ? i : this.#left > 0 ? this.term() : this.#integer();
      // Before OTP 27, 0.0 and -0.0 are one key, deep inside of others as well.
      const text = termKey(key).replaceAll("f-0;", "f0;");
      if (seen.has(text)) continue;
      seen.add(text);
      map.set(key, this.term());
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
        return canonical(random.pick(edges));
      default: {
        const bits = random.once(30) ? 3000 : 1 + random.below(90);
        let value = 0n;
        for (let i = 0; i < bits; i += 32) {
          value = value << 32n | BigInt(random.u32());
        }
        value = BigInt.asUintN(bits, value);
        return canonical(random.once(2) ? value : -value);
      }
    }
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
        const points = Array.from(
          { length: random.below(24) },
          () => random.below(limit),
        );
        return String.fromCodePoint(...points).toWellFormed();
      }
    }
  }

  #bytes(): unknown {
    const random = this.#random;
    const bytes = random.bytes(1 + random.below(random.once(9) ? 400 : 12));
    // Never UTF-8, which would arrive as a string.
    bytes[random.below(bytes.length)] = 0xff;
    return random.once(3) ? new BitString(bytes, 1 + random.below(7)) : bytes;
  }

  #identity(): unknown {
    const random = this.#random;
    const node = random.pick(nodes);
    const creation = random.pick(creations);
    const word = () => random.once(2) ? random.pick(words) : random.u32();
    switch (random.below(4)) {
      case 0:
        return this.#pid();
      case 1:
        // OTP 25 crashes over references without words, and hashes those of
        // one word by what happens to stand behind it.
        return new Ref(
          node,
          creation,
          Array.from({ length: 2 + random.below(4) }, word),
        );
      case 2: {
        const id = BigInt(random.once(2) ? word() : 0) << 32n | BigInt(word());
        return new Port(node, id, creation);
      }
      default:
        return this.#isOrdered
          ? this.#pid()
          : new ExternalFun(this.#name(), this.#name(), random.below(256));
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
      free: this.#items().slice(0, 5),
    });
  }
}

/** As a decoder gives it: a number where it is safe. */
function canonical(value: bigint): number | bigint {
  return BigInt.asIntN(54, value) === value &&
      Number.isSafeInteger(Number(value))
    ? Number(value)
    : value;
}
