/**
 * Standard output as the place where a node's `user` prints.
 */

import process from "node:process";

/** Resolves, where it returns a promise, when there is room again. */
export function writeOutput(text: string): void | Promise<void> {
  if (process.stdout.write(text)) return;
  return new Promise((resolve) => process.stdout.once("drain", resolve));
}
