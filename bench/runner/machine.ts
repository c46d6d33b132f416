/** Describes the machine that the figures were measured on. */

import { readFileSync } from "node:fs";
import os from "node:os";
import {
  type ErlangPrograms,
  type InstalledRuntime,
  versionOfErlang,
  versionOfRuntime,
} from "./programs.ts";

/** Pairs of a name and a value, for a table. */
export type Machine = readonly (readonly [name: string, value: string])[];

const titles = { node: "Node.js", deno: "Deno", bun: "Bun" } as const;

export function describeMachine(
  runtimes: readonly InstalledRuntime[],
  erlang: ErlangPrograms | undefined,
): Machine {
  const cpus = os.cpus();
  return [
    ["day", new Date().toISOString().slice(0, 10)],
    ["CPU", cpus[0]?.model.trim() ?? "unknown"],
    ["cores", String(cpus.length)],
    ["memory", `${Math.round(os.totalmem() / 2 ** 30)} GiB`],
    ["system", `${systemName()}, ${os.type()} ${os.release()}, ${os.arch()}`],
    ...runtimes.map((runtime) =>
      [titles[runtime.name], versionOfRuntime(runtime)] as const
    ),
    ...(erlang === undefined
      ? []
      : [["Erlang/OTP", versionOfErlang(erlang)] as const]),
  ];
}

/** The name of the Linux distribution, if there is one. */
function systemName(): string {
  try {
    const text = readFileSync("/etc/os-release", "utf8");
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? os.type();
  } catch {
    return os.type();
  }
}
