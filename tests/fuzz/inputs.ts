/**
 * What all fuzz tests share: random numbers from a seed, changed bytes, and the
 * loop over inputs. An input depends on its seed alone, so a failure names the
 * seed, and `HORNBEAM_SEED` runs that input alone.
 */
import process from "node:process";
import { errorText } from "../../runtime/core/terms/error_text.ts";
import { toHex } from "../helpers/hex.ts";

/** Whole numbers below a limit, the same ones for the same seed. */
export type Draw = (limit: number) => number;

export function drawOf(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % limit;
  };
}

export function pick<T>(draw: Draw, choices: readonly T[]): T {
  return choices[draw(choices.length)]!;
}

/** Numbers at which something changes its form, and any others. */
export function u32Of(draw: Draw): number {
  return draw(2) === 0
    ? pick(draw, [0, 1, 2, 3, 0x7f, 0xff, 0x3ffff, 0x7fffffff, 0xffffffff])
    : draw(0x1_0000_0000);
}

export function bytesOf(draw: Draw, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = draw(256);
  return bytes;
}

/** Bytes with a meaning: tags, marks and limits. */
const telling = Uint8Array.of(
  ...[0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xfe, 0xff],
  ...[68, 69, 70, 77, 80, 82, 88, 89, 90, 97, 98, 99, 100, 101, 102, 103, 104],
  ...[105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118],
  ...[119, 120, 121, 131],
);

/** One to four changes somewhere in the bytes. */
export function mutate(
  bytes: Uint8Array,
  draw: Draw,
  other: Uint8Array = bytes,
): Uint8Array<ArrayBuffer> {
  let all = new Uint8Array(bytes);
  for (let changes = 1 + draw(4); changes > 0; changes--) {
    const at = draw(all.length + 1);
    const count = draw(8) === 0 ? draw(200) : draw(4);
    switch (draw(7)) {
      case 0:
        all[at] = draw(256);
        break;
      case 1:
        all[at] = telling[draw(telling.length)]!;
        break;
      case 2:
        if (at < all.length) all[at]! ^= 1 << draw(8);
        break;
      case 3:
        all = all.slice(0, at);
        break;
      case 4:
        all = joined(all.subarray(0, at), all.subarray(at + count));
        break;
      case 5:
        all = joined(
          all.subarray(0, at),
          bytesOf(draw, count),
          all.subarray(at),
        );
        break;
      default: {
        // A piece of another input, or of this one.
        const from = draw(other.length + 1);
        all = joined(
          all.subarray(0, at),
          other.subarray(from, from + count * 4),
          all.subarray(draw(2) === 0 ? at : at + count * 4),
        );
      }
    }
  }
  return all;
}

export function joined(
  ...parts: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Counts of both results, so that a test sees that both have happened. */
export type Tally = { accepted: number; refused: number };

/** Keeps what a failure has to show: the bytes of the input, or its text. */
export type Note = (input: Uint8Array | string) => void;

/** Runs one input. Returns whether it was accepted; throws when it must not. */
export type Input = (draw: Draw, note: Note) => boolean;
export type AsyncInput = (draw: Draw, note: Note) => Promise<boolean>;

/** Runs inputs `first` to `first + count - 1`, or the one of the seed. */
export function run(first: number, count: number, one: Input): Tally {
  const tally: Tally = { accepted: 0, refused: 0 };
  for (const seed of inputsOf(first, count)) {
    const noted = new Noted();
    try {
      if (one(drawOf(seed), noted.take)) tally.accepted++;
      else tally.refused++;
      noted.expectSoon();
    } catch (error) {
      throw noted.failure(seed, error);
    }
  }
  return tally;
}

/** As `run`, for inputs whose effect takes several turns. */
export async function runAsync(
  first: number,
  count: number,
  one: AsyncInput,
): Promise<Tally> {
  const tally: Tally = { accepted: 0, refused: 0 };
  for (const seed of inputsOf(first, count)) {
    const noted = new Noted();
    try {
      if (await one(drawOf(seed), noted.take)) tally.accepted++;
      else tally.refused++;
      noted.expectSoon();
    } catch (error) {
      throw noted.failure(seed, error);
    }
  }
  return tally;
}

function* inputsOf(first: number, count: number): Generator<number> {
  const asked = process.env["HORNBEAM_SEED"];
  if (asked !== undefined && asked !== "") yield Number(asked);
  else for (let seed = first; seed < first + count; seed++) yield seed;
}

/** An input that takes longer has no limit: most take microseconds. */
const LIMIT_MS = 20_000;

/** An input that did not do what it must; its seed runs it again. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly seed: number;

  constructor(seed: number, shown: string, cause: unknown) {
    super(
      `input ${seed} failed, which HORNBEAM_SEED=${seed} runs alone: ` +
        `${errorText(cause)}; it was ${shown}`,
      { cause },
    );
    this.seed = seed;
  }
}

class Noted {
  readonly #startedAt = performance.now();
  #input: Uint8Array | string = "";

  readonly take = (input: Uint8Array | string): void => {
    this.#input = typeof input === "string" ? input : input.slice();
  };

  expectSoon(): void {
    const ms = performance.now() - this.#startedAt;
    if (ms > LIMIT_MS) throw new Error(`expected an end, it took ${ms} ms`);
  }

  failure(seed: number, cause: unknown): InputError {
    const shown = typeof this.#input === "string"
      ? this.#input.slice(0, 4_000)
      : toHex(this.#input.subarray(0, 2_000));
    return new InputError(seed, shown, cause);
  }
}
