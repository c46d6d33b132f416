/**
 * Checks of numbers that both formats need.
 */

/** Whether a value is an unsigned integer of 32 bits. */
export function isU32(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}
