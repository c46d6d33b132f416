/**
 * Which of the three runtimes this is. Asked only where one of them needs
 * something else; everything else is written against `node:*` modules.
 */

import process from "node:process";

export type RuntimeName = "node" | "deno" | "bun";

export const runtimeName: RuntimeName = process.versions["bun"] !== undefined
  ? "bun"
  : process.versions["deno"] !== undefined
  ? "deno"
  : "node";
