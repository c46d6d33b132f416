/**
 * Limits of terms that both formats have in common. Limits of one format are in
 * `cbor/tags.ts` and `etf/limits.ts`.
 */

/**
 * Objects, arrays and the like in one signal. An empty `Map` is two bytes on
 * the wire and a hundred times that in memory, so bytes alone are no limit.
 */
export const OBJECTS_MAX: number = 1 << 22;

/** Bits of the largest integer; more than engines agree to support. */
export const BIG_INTEGER_BITS_MAX: number = 1 << 20;
