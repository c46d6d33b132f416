/**
 * `hornbeam bench`: runs benchmarks and prints their results.
 *
 * Standard output has the results only; progress and notes go to standard
 * error. This module does not know what a row does.
 */

import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  DEFAULT_REPEATS,
  defaultPlan,
  QUICK_REPEATS,
  quickPlan,
} from "./plan.ts";
import { chart } from "./plot/chart.ts";
import { Beam } from "./runner/beam.ts";
import { Children } from "./runner/children.ts";
import { describeMachine } from "./runner/machine.ts";
import {
  findErlang,
  findRuntime,
  type InstalledRuntime,
  runtimeNames,
} from "./runner/programs.ts";
import { readme, updateReadme } from "./readme.ts";
import type { Result } from "./runner/results.ts";
import { runSession, type SessionResult } from "./runner/session.ts";
import { markdown, plainTable } from "./runner/text.ts";
import type { Row } from "./row.ts";
import { rows, select, suiteOf } from "./suites.ts";
import { errorText } from "../runtime/core/terms/error_text.ts";

/** Options of `hornbeam bench`. */
export type BenchOptions = {
  /** Suites (`local`) and ids (`local/spawn`); empty for all. */
  readonly suites: readonly string[];
  /** Prints a JSON array instead of a table. */
  readonly json: boolean;
  /** Comparisons to make: `beam`, `raw`, both or none. */
  readonly vs: readonly string[];
  /** `node`, `deno`, `bun`; empty for all that are installed. */
  readonly runtimes: readonly string[];
  /** Only lists the ids. */
  readonly list: boolean;
  /** Makes short runs, for tests; their figures mean nothing. */
  readonly quick: boolean;
  /** Runs of each row on each side; 3, and 1 with `quick`. */
  readonly repeats?: number;
  /** Prints Markdown, with the machine, instead of a table. */
  readonly markdown?: boolean;
  /** Writes that Markdown, with charts, to bench/README.md as well. */
  readonly updateReadme?: boolean;
  /** Draws the results into this file, whose name ends in `.svg`. */
  readonly plot?: string;
};

const REPEATS_MAX = 100;

/** An invalid request; its message is one line. */
class RequestError extends Error {}

/**
 * Runs benchmarks and prints the results. Returns the exit code: 0, 1 when a
 * run failed (the other results are printed nevertheless), 2 for an invalid
 * request, 130 when interrupted.
 */
export async function runBench(options: BenchOptions): Promise<number> {
  try {
    return await run(options);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    note(error.message);
    return 2;
  }
}

async function run(options: BenchOptions): Promise<number> {
  const selection = select(options.suites);
  if ("unknown" in selection) {
    const suites = [...new Set(rows.map(suiteOf))].join(", ");
    throw new RequestError(
      `expected a suite (${suites}) or an id as --list shows them, ` +
        `got ${JSON.stringify(selection.unknown)}`,
    );
  }
  check(options);
  const runtimes = chooseRuntimes(options.runtimes);
  if (options.list) {
    const ids = selection.rows.map((row) => row.id);
    await print(options.json ? `${JSON.stringify(ids)}\n` : lines(ids));
    return 0;
  }
  const erlang = findErlang();
  const isCompared = options.vs.includes("beam");
  const chosen = selection.rows.filter((row) =>
    erlang !== undefined || row.erlangPartner === undefined
  );
  if (erlang === undefined) noteMissing(isCompared, selection.rows, chosen);
  const children = new Children();
  const beam = isCompared && erlang !== undefined
    ? new Beam(children, erlang)
    : null;
  const interruption = new Interruption();
  let session: SessionResult | null;
  try {
    session = await Promise.race([
      interruption.happened,
      runSession({
        children,
        rows: chosen,
        runtimes,
        beam,
        comparesRaw: options.vs.includes("raw"),
        plan: options.quick ? quickPlan : defaultPlan,
        repeats: options.repeats ??
          (options.quick ? QUICK_REPEATS : DEFAULT_REPEATS),
        note: (line) => {
          if (!interruption.isOver) note(line);
        },
      }),
    ]);
  } finally {
    interruption.end();
    await children.stopAll();
    await beam?.stop();
  }
  if (session === null) return 130;
  const { results, failures } = session;
  const usesErlang = isCompared ||
    chosen.some((row) => row.erlangPartner !== undefined);
  const text = (some = results) =>
    markdown(
      some,
      describeMachine(runtimes, usesErlang ? erlang : undefined),
    );
  if (options.plot !== undefined) {
    writeFileSync(options.plot, chart(results, "hornbeam bench"));
  }
  if (options.updateReadme) updateReadme(results, text);
  await print(show(options, results, text));
  return failures === 0 ? 0 : 1;
}

/** Notes what is left out because Erlang is missing. */
function noteMissing(
  isCompared: boolean,
  wanted: readonly Row[],
  chosen: readonly Row[],
): void {
  const missing = "no erl, erlc and epmd on PATH";
  if (isCompared) note(`${missing}: nothing is compared with the BEAM`);
  for (const row of wanted) {
    if (!chosen.includes(row)) note(`${missing}: ${row.id} is left out`);
  }
}

function show(
  options: BenchOptions,
  results: readonly Result[],
  text: () => string,
): string {
  if (options.json) return `${JSON.stringify(results)}\n`;
  return options.markdown ? text() : plainTable(results);
}

function check(options: BenchOptions): void {
  const { repeats, vs } = options;
  const unknown = vs.find((name) => name !== "beam" && name !== "raw");
  if (unknown !== undefined) {
    throw new RequestError(
      `expected "beam" or "raw" to compare with, got ${
        JSON.stringify(unknown)
      }`,
    );
  }
  if (
    repeats !== undefined &&
    !(Number.isInteger(repeats) && repeats >= 1 && repeats <= REPEATS_MAX)
  ) {
    throw new RequestError(
      `expected 1 to ${REPEATS_MAX} repeats, got ${repeats}`,
    );
  }
  if (options.json && options.markdown) {
    throw new RequestError("expected --json or --markdown, got both");
  }
  const { plot } = options;
  if (
    plot !== undefined && !(plot.endsWith(".svg") && existsSync(dirname(plot)))
  ) {
    throw new RequestError(
      "expected a file to draw into, ending in .svg and in a folder that is " +
        `there, got ${JSON.stringify(plot)}`,
    );
  }
  if (options.updateReadme && options.quick) {
    throw new RequestError(
      "expected --update-readme without --quick, whose figures mean nothing",
    );
  }
  const isPart = options.runtimes.length > 0 ||
    options.suites.some((name) => name.includes("/"));
  if (options.updateReadme && isPart) {
    throw new RequestError(
      "expected --update-readme with whole suites and all runtimes, since it " +
        "replaces whole tables; --markdown prints those of some",
    );
  }
  if (options.updateReadme && !existsSync(readme)) {
    throw new RequestError("expected bench/README.md, which a checkout has");
  }
}

function chooseRuntimes(names: readonly string[]): InstalledRuntime[] {
  const unknown = names.find((name) => !runtimeNames.some((r) => r === name));
  if (unknown !== undefined) {
    throw new RequestError(
      `expected a runtime (${runtimeNames.join(", ")}), ` +
        `got ${JSON.stringify(unknown)}`,
    );
  }
  const chosen: InstalledRuntime[] = [];
  for (const name of runtimeNames) {
    if (names.length > 0 && !names.includes(name)) continue;
    const found = findRuntime(name);
    if (found !== undefined) chosen.push(found);
    else if (names.includes(name)) {
      throw new RequestError(`expected ${name} on PATH, found none`);
    }
  }
  return chosen;
}

/** Has SIGINT and SIGTERM end the session, with cleanup, and not the process. */
class Interruption {
  readonly happened: Promise<null>;
  isOver = false;
  readonly end: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<null>();
    this.happened = promise;
    const interrupt = () => {
      this.isOver = true;
      resolve(null);
    };
    process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
    this.end = () => {
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    };
  }
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join("");
}

function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Resolves when the text is written, so that an exit cannot cut it. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(
      text,
      (error) => error == null ? resolve() : reject(error),
    );
  });
}

async function main(args: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        markdown: { type: "boolean", default: false },
        "update-readme": { type: "boolean", default: false },
        vs: { type: "string", multiple: true, default: [] },
        runtime: { type: "string", multiple: true, default: [] },
        repeats: { type: "string" },
        plot: { type: "string" },
      },
    });
  } catch (error) {
    note(errorText(error));
    return 2;
  }
  const { values, positionals } = parsed;
  return await runBench({
    suites: positionals,
    json: values.json,
    vs: values.vs.flatMap((names) => names.split(",")),
    runtimes: values.runtime.flatMap((names) => names.split(",")),
    list: values.list,
    quick: values.quick,
    markdown: values.markdown,
    updateReadme: values["update-readme"],
    ...(values.plot === undefined ? {} : { plot: values.plot }),
    ...(values.repeats === undefined
      ? {}
      : { repeats: Number(values.repeats) }),
  });
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
