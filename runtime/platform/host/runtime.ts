/**
 * Which of the three runtimes this is, and variables of the environment. The
 * name is used only where one runtime needs other code; all other code is
 * written for the `node:*` modules of all three.
 */

import process from "node:process";

export type RuntimeName = "node" | "deno" | "bun";

export const runtimeName: RuntimeName = process.versions["bun"] !== undefined
  ? "bun"
  : process.versions["deno"] !== undefined
  ? "deno"
  : "node";

/**
 * A variable of the environment. Undefined when it is not set, empty, or may
 * not be read.
 */
export function environment(name: string): string | undefined {
  try {
    const value = process.env[name];
    return value === "" ? undefined : value;
  } catch {
    // Deno without the permission.
    return undefined;
  }
}
