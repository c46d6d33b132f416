/**
 * Helpers for Savina's benchmarks: the owner, which starts a run and gets a
 * number at its end, and random numbers that are the same on the BEAM.
 */

import type { Self } from "../../runtime/mod.ts";
import type { GO_ON } from "../inside/turns.ts";

/** The actor that starts the others. */
export type Owner = Self<number | typeof GO_ON>;

/** Receives the number that an actor has sent to the owner. */
export async function toldNumber(self: Owner): Promise<number> {
  return Number(await self.receive());
}

/**
 * A linear congruential generator of 32 bits, with the numbers of "Numerical
 * Recipes": random enough, and fast in both languages.
 */
export function nextSeed(seed: number): number {
  return (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
}

/** An index below `length`, from the higher bits, since the low ones repeat. */
export function indexFrom(seed: number, length: number): number {
  return (seed >>> 8) % length;
}
