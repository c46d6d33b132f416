/** How much of the costly tests is done on each runtime. */
import process from "node:process";
import { describe, it } from "vitest";
import { currentRuntime } from "./processes.ts";

export const isNightly: boolean = process.env["HORNBEAM_NIGHTLY"] === "1";

/** Whether everything is tried here, or only the core of it. */
export const isFull: boolean = currentRuntime() === "node" || isNightly;

/**
 * `it`, for checks that are the same on each runtime, such as the verdict of
 * the compiler. On Deno and Bun it is shown as skipped.
 */
export const itOnNode: typeof it.skip = it.skipIf(currentRuntime() !== "node");
export const describeOnNode: typeof describe.skip = describe.skipIf(
  currentRuntime() !== "node",
);

/** `it`, for costly tests of what one engine alone hardly gets wrong. */
export const itIfFull: typeof it.skip = it.skipIf(!isFull);
export const describeIfFull: typeof describe.skip = describe.skipIf(!isFull);

/**
 * All of it on Node.js and in the nightly run, else a fifth, but ten at least:
 * the code under test is the same, and what another engine alone gets wrong
 * shows in few cases.
 */
export function share(count: number): number {
  return isFull ? count : Math.max(Math.min(count, 10), Math.ceil(count / 5));
}
