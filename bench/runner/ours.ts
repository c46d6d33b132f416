/** Runs one program on one of the runtimes, in a new process. */

import { fileURLToPath } from "node:url";
import type { Plan } from "../row.ts";
import { type Children, numberOf, parseFigures } from "./children.ts";
import { erlangEnv, type InstalledRuntime } from "./programs.ts";

/** The figures of one run, on any side. */
export type Sample = {
  readonly rate: number;
  /** Not measured on the BEAM. */
  readonly timerGapMs?: number;
  readonly extra: Readonly<Record<string, number>>;
};

// The built package holds .js files in the same places.
const child = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../child.ts" : "../child.js",
    import.meta.url,
  ),
);

/** `name` is a row's id, or the name of its raw program; see `programOf`. */
export async function runOurs(
  children: Children,
  runtime: InstalledRuntime,
  name: string,
  plan: Plan,
): Promise<Sample> {
  const before = runtime.name === "deno"
    ? ["run", "--allow-all", "--quiet"]
    : [];
  const output = await children.run({
    command: runtime.command,
    args: [
      ...before,
      child,
      name,
      String(plan.warmupMs),
      String(plan.timedMs),
      String(plan.sizeDivisor),
    ],
    // A row may start an emulator of its own.
    env: { HORNBEAM_BENCH_TIED: "1", ...erlangEnv },
  });
  const figures = parseFigures(output);
  return {
    rate: numberOf(figures, "rate"),
    timerGapMs: numberOf(figures, "timerGapMs"),
    extra: figures["extra"] as Record<string, number>,
  };
}
