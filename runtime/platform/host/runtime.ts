/**
 * Which of the three runtimes this is. Asked only where one of them needs
 * something else; everything else is written against `node:*` modules. Also
 * what the environment says.
 */

import process from "node:process";

export type RuntimeName = "node" | "deno" | "bun";

export const runtimeName: RuntimeName = process.versions["bun"] !== undefined
  ? "bun"
  : process.versions["deno"] !== undefined
  ? "deno"
  : "node";

/**
 * A variable of the environment. Undefined when it is not set or empty, or when
 * the program may not see it.
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
