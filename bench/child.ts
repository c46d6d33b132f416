/**
 * The program of a measured process: one run of one row.
 *
 *     node bench/child.ts ROW [WARMUP_MS TIMED_MS SIZE_DIVISOR]
 *
 * prints the figures as one line of JSON. It can be started by hand, under a
 * profiler for example. `ROW:raw` is what the row compares with. With
 * `partner ROW` it is the row's second process.
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
 * The runner holds the other end of the standard input: when it is gone, so is
 * whoever wants the figures. At a terminal nobody is.
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
// Whatever still waits, the standard input for one, is of no use any more.
process.stdout.write("", () => process.exit(0));
