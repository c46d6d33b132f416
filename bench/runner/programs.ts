/**
 * Finds the executables that a benchmark needs: the three runtimes, and
 * Erlang's programs for the comparison. It starts them only for their versions.
 */

import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export type Runtime = "node" | "deno" | "bun";

export const runtimeNames: readonly Runtime[] = ["node", "deno", "bun"];

/** A runtime that is installed here. */
export type InstalledRuntime = {
  readonly name: Runtime;
  readonly command: string;
};

/** Erlang's programs: the emulator, its compiler and its port mapper. */
export type ErlangPrograms = {
  readonly erl: string;
  readonly erlc: string;
  readonly epmd: string;
};

/** The runtime that this program runs on. */
function currentRuntime(): Runtime {
  if (process.versions["bun"] !== undefined) return "bun";
  return process.versions["deno"] === undefined ? "node" : "deno";
}

/** A program on PATH, or undefined. */
function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "").split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/**
 * The pinned executable of the checkout, else the one that runs this program,
 * else the one on PATH; undefined when there is none.
 */
export function findRuntime(name: Runtime): InstalledRuntime | undefined {
  const pinned = fileURLToPath(
    new URL(`../../node_modules/.bin/${name}`, import.meta.url),
  );
  const command = existsSync(pinned)
    // The real file and not a wrapper, so that a kill ends the runtime.
    ? realpathSync(pinned)
    : name === currentRuntime()
    ? process.execPath
    : onPath(name);
  return command === undefined ? undefined : { name, command };
}

/**
 * The environment of an emulator and a compiler: without variables that add
 * flags to their command lines, and without crash dumps.
 */
export const erlangEnv: Readonly<Record<string, string | undefined>> = {
  ERL_AFLAGS: undefined,
  ERL_FLAGS: undefined,
  ERL_ZFLAGS: undefined,
  ERL_COMPILER_OPTIONS: undefined,
  ERL_CRASH_DUMP_BYTES: "0",
};

export function findErlang(): ErlangPrograms | undefined {
  const [erl, erlc, epmd] = ["erl", "erlc", "epmd"].map(onPath);
  return erl === undefined || erlc === undefined || epmd === undefined
    ? undefined
    : { erl, erlc, epmd };
}

const VERSION_TIMEOUT_MS = 20_000;

function output(command: string, args: readonly string[]): string {
  return execFileSync(command, [...args], {
    encoding: "utf8",
    timeout: VERSION_TIMEOUT_MS,
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

/** `26.10.0` and the like. */
export function versionOfRuntime(runtime: InstalledRuntime): string {
  const text = output(runtime.command, ["--version"]);
  return /\d+\.\d+\.\d+\S*/.exec(text)?.[0] ?? text;
}

/** `25 (ERTS 13.1.5)` and the like. */
export function versionOfErlang(programs: ErlangPrograms): string {
  return output(programs.erl, [
    "-noshell",
    "-eval",
    'io:format("~s (ERTS ~s)", [erlang:system_info(otp_release), ' +
    "erlang:system_info(version)]), halt().",
  ]);
}
