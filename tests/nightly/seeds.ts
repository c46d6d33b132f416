/**
 * The seeds of the nightly tests. Each runtime has seeds of its own, other than
 * those of `npm test`: Node.js from 1,000,000 on, Deno from 2,000,000 and Bun
 * from 3,000,000. A test takes them in chunks and prints after each how far it
 * is, so that a run that was interrupted goes on from there.
 *
 * `HORNBEAM_SEEDS=FROM-TO`, which `npm run nightly -- PART --seeds FROM-TO`
 * sets, narrows them to these.
 */
import process from "node:process";
import { currentRuntime, type Runtime } from "../helpers/processes.ts";

/** Seeds one after the other. */
export type Chunk = { readonly base: number; readonly count: number };

const bases: Readonly<Record<Runtime, number>> = {
  node: 1_000_000,
  deno: 2_000_000,
  bun: 3_000_000,
};

const runtime: Runtime = currentRuntime();

/** The first nightly seed of this runtime. */
export const BASE_SEED: number = bases[runtime];

/** How many seeds, on each runtime or on all of them. */
export type Counts = number | Readonly<Record<Runtime, number>>;

/**
 * The seeds of this runtime in chunks: as many as `counts` says from its first
 * nightly seed on, or those of them that the user asks for.
 */
export function chunksOf(counts: Counts, length: number): Chunk[] {
  const count = typeof counts === "number" ? counts : counts[runtime];
  const wanted = wantedSeeds(process.env["HORNBEAM_SEEDS"]);
  const first = Math.max(BASE_SEED, wanted?.first ?? 0);
  const end = Math.min(BASE_SEED + count, (wanted?.last ?? Infinity) + 1);
  const chunks: Chunk[] = [];
  for (let base = first; base < end; base += length) {
    chunks.push({ base, count: Math.min(length, end - base) });
  }
  return chunks;
}

/** The seeds of a chunk. */
export function seedsIn({ base, count }: Chunk): number[] {
  return Array.from({ length: count }, (_, i) => base + i);
}

/** The seeds of a chunk that are among the first `count` of this runtime. */
export function firstOf({ base, count }: Chunk, counts: Counts): Chunk {
  const most = typeof counts === "number" ? counts : counts[runtime];
  const left = BASE_SEED + most - base;
  return { base, count: Math.max(0, Math.min(count, left)) };
}

/** Prints that everything up to the end of a chunk has passed. */
export function report(part: string, { base, count }: Chunk): void {
  console.log(`${part} on ${runtime}: seeds up to ${base + count - 1} passed`);
}

/** Reads `FROM-TO`. Throws a RangeError for anything else. */
export function wantedSeeds(
  text: string | undefined,
): { readonly first: number; readonly last: number } | undefined {
  if (text === undefined || text === "") return undefined;
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (first <= last) return { first, last };
  throw new RangeError(`expected seeds as FROM-TO, got "${text}"`);
}
