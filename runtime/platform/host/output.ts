/**
 * Standard output, to which a node's `user` actor prints.
 */

import process from "node:process";

/** Writes text. Returns a promise when the caller has to wait for room. */
export function writeOutput(text: string): void | Promise<void> {
  if (process.stdout.write(text)) return;
  return new Promise((resolve) => process.stdout.once("drain", resolve));
}
