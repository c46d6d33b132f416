/**
 * What Savina's benchmarks have in common: the actor that starts a run and is
 * told a number at its end, and random numbers that are the same on the BEAM.
 */

import type { Self } from "../../runtime/mod.ts";
import type { GO_ON } from "../inside/turns.ts";

/** The actor that starts the others. */
export type Owner = Self<number | typeof GO_ON>;

/** The number that some actor tells the owner. */
export async function toldNumber(self: Owner): Promise<number> {
  return Number(await self.receive());
}

/**
 * A linear congruential generator of 32 bits, with the numbers of "Numerical
 * Recipes": random enough, and quick in both languages.
 */
export function nextSeed(seed: number): number {
  return (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
}

/** An index below `length`, of the higher bits, since the low ones repeat. */
export function indexFrom(seed: number, length: number): number {
  return (seed >>> 8) % length;
}
