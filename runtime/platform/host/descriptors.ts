/**
 * How many files and sockets this process may have open. A process at that limit
 * can accept no connection and open no file, so listeners use only a share.
 */

import { readFileSync } from "node:fs";
import { runtimeName } from "./runtime.ts";

/** What Linux and macOS allow at least, where nothing else is known. */
const USUAL_LIMIT = 1_024;

const LIMITS_FILE = "/proc/self/limits";

/**
 * The limit of open file descriptors, as of now. 1,024 where it cannot be read:
 * outside of Linux, and on Deno without the permission.
 */
export function descriptorLimit(): number {
  if (!mayRead(LIMITS_FILE)) return USUAL_LIMIT;
  try {
    return limitIn(readFileSync(LIMITS_FILE, "utf8")) ?? USUAL_LIMIT;
  } catch {
    return USUAL_LIMIT;
  }
}

/** The soft limit in the text of `/proc/PID/limits`; null if there is none. */
export function limitIn(text: string): number | null {
  const soft = /^Max open files\s+(\d+|unlimited)\s/m.exec(text)?.[1];
  if (soft === undefined) return null;
  return soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft);
}

/** The used part of Deno's permissions. */
type DenoPermissions = {
  querySync(wanted: { readonly name: "read"; readonly path: string }): {
    readonly state: string;
  };
};

/** Deno would ask the user at the terminal for a permission that is missing. */
function mayRead(path: string): boolean {
  if (runtimeName !== "deno") return true;
  const { permissions } = (globalThis as unknown as {
    readonly Deno: { readonly permissions: DenoPermissions };
  }).Deno;
  return permissions.querySync({ name: "read", path }).state === "granted";
}
