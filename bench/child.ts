/**
 * The program of a measured process: one run of one row.
 *
 *     node bench/child.ts ROW [WARMUP_MS TIMED_MS SIZE_DIVISOR]
 *
 * prints the figures as one line of JSON. It can be started by hand, under a
 * profiler for example. `ROW:raw` runs the raw program that the row compares
 * with. With `partner ROW` the process is the row's partner.
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { measure } from "./inside/measure.ts";
import {
  bePartner,
  startErlangPartner,
  startPartner,
} from "./inside/partner.ts";
import { defaultPlan } from "./plan.ts";
import type { Bench, Plan } from "./row.ts";
import { programOf } from "./suites.ts";

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === "partner") {
    const [, id = "", argument = "{}"] = args;
    const half = await programOf(id).partner?.(JSON.parse(argument));
    if (half === undefined) throw new Error(`expected ${id} to have a partner`);
    await bePartner(half);
    return;
  }
  const [id = "", warmupMs, timedMs, sizeDivisor] = args;
  const program = programOf(id);
  const plan: Plan = {
    warmupMs: Number(warmupMs ?? defaultPlan.warmupMs),
    timedMs: Number(timedMs ?? defaultPlan.timedMs),
    sizeDivisor: Number(sizeDivisor ?? defaultPlan.sizeDivisor),
  };
  const self = fileURLToPath(import.meta.url);
  const before = process.versions["deno"] === undefined
    ? []
    : ["run", "--allow-all", "--quiet"];
  const bench: Bench = {
    measure: (part) => measure(plan, part),
    size: (full) => Math.ceil(full / plan.sizeDivisor),
    startPartner: (argument = {}) =>
      startPartner(
        [...before, self, "partner", id, JSON.stringify(argument)],
      ),
    startErlangPartner: (flags) => {
      const source = program.erlangPartner;
      if (source !== undefined) return startErlangPartner(source, flags);
      throw new Error(`expected ${id} to have a partner, but it has none`);
    },
  };
  const figures = await program.run(bench);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/**
 * Ends the process when its standard input ends, whose other end the runner
 * holds: without the runner the figures have no reader. A terminal does not
 * count.
 */
function endWithParent(): void {
  if (process.stdin.isTTY) return;
  process.stdin.resume();
  process.stdin.once("end", () => process.exit(1));
}

const args = process.argv.slice(2);
if (process.env["HORNBEAM_BENCH_TIED"] === "1" && args[0] !== "partner") {
  endWithParent();
}
await main(args);
// Open handles, such as the standard input, would keep the process running.
process.stdout.write("", () => process.exit(0));
