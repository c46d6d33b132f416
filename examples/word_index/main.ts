/**
 * Builds an index of the words in a folder on a cluster of three processes,
 * one on Node.js, one on Deno and one on Bun; kills one of them in the middle;
 * and compares the result with a count done in one process.
 *
 * `npm start`, or `npm start -- FOLDER`. Without npm: run this file with any of
 * the three. Exit code 0 when the comparison held, 1 when it did not or the
 * job failed, 2 for wrong arguments.
 */

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Self } from "../../runtime/mod.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { coordinate, type Inbox } from "./coordinator.ts";
import { type Corpus, CorpusError, readCorpus } from "./corpus.ts";
import { countFile } from "./count.ts";
import { compare, exitCodeOf, WordIndex } from "./index.ts";
import {
  count,
  printComparison,
  printOddities,
  printThroughput,
  printTopWords,
  Report,
  type Run,
  Story,
} from "./report.ts";

const USAGE = "usage: npm start [-- FOLDER] (default: this project's files)";
const PROJECT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 1 || args[0]?.startsWith("-") === true) {
    const isHelp = args[0] === "--help" || args[0] === "-h";
    (isHelp ? console.log : console.error)(USAGE);
    return isHelp ? 0 : 2;
  }
  const folder = args[0] === undefined ? PROJECT : resolve(base(), args[0]);
  const corpus = await readCorpus(folder);
  using report = new Report(process.stdout);
  printCorpus(report, corpus);
  if (corpus.files.length === 0) {
    printOddities(report, corpus, new Map());
    report.line("Nothing to count: zero words.");
    return 0;
  }
  const clustered = await countOnCluster(report, corpus);
  const sequential = await countSequentially(report, corpus);
  const nameOf = (file: number): string => corpus.files[file]?.name ?? "?";
  const comparison = compare(clustered.index, sequential.index, nameOf);
  printOddities(report, corpus, clustered.index.facts());
  printTopWords(report, clustered.index);
  printThroughput(report, [clustered, sequential], availableParallelism());
  printComparison(report, comparison, clustered.index);
  return exitCodeOf(comparison);
}

/** npm runs scripts in the project's folder, and tells where it was called. */
function base(): string {
  const { npm_lifecycle_event: script, INIT_CWD: cwd } = process.env;
  return script === "start" && cwd !== undefined ? cwd : process.cwd();
}

function printCorpus(report: Report, { folder, files }: Corpus): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  report.line(
    `Word index of ${folder}: ${count(files.length, "file")}, ` +
      `${(bytes / 1e6).toFixed(1)} MB`,
  );
}

async function countOnCluster(report: Report, corpus: Corpus): Promise<Run> {
  await using cluster = await startCluster({
    up: ({ name, runtime, pid }) =>
      report.at(`${name} is up: ${runtime}, process ${pid}`),
    missing: (runtime, standIn) =>
      report.at(`${runtime} is not installed: ${standIn} stands in for it`),
    log: ({ level, node, message }) => {
      if (level === "warning" || level === "error") {
        report.at(`${level} from ${node}: ${message}`);
      }
    },
  }, (begun) => endWithSignals(begun, report));
  const [own = "", ...others] = cluster.processes.map(({ name }) => name);
  const victim = others.at(-1) ?? "";
  const pidOf = (node: string): number =>
    cluster.processes.find(({ name }) => name === node)?.pid ?? 0;
  const story = new Story(report, corpus.files.length, pidOf);
  const startedAt = report.ms;
  const index = await cluster.node.run((self: Self<Inbox>) =>
    coordinate(self, {
      files: corpus.files,
      // The coordinator's own node is the last to be given a large file.
      nodes: [...others, own],
      accident: { node: victim, strike: () => cluster.kill(victim) },
      tell: (happening) => story.tell(happening),
    })
  );
  const ms = report.ms - startedAt;
  const messages = await cluster.messages();
  return { title: "cluster", ms, index, messages };
}

/** Ends the other processes, in whichever way the program ends. */
function endWithSignals(cluster: Cluster, report: Report): void {
  for (const [signal, code] of Object.entries(signals)) {
    process.once(signal, () => {
      cluster.killOthers();
      report.closeBar();
      process.exit(code);
    });
  }
}

async function countSequentially(
  report: Report,
  corpus: Corpus,
): Promise<Run> {
  report.at("counting the same files one by one in this process");
  report.openBar("sequential", corpus.files.length);
  const startedAt = report.ms;
  const index = new WordIndex();
  for (const [file, { path }] of corpus.files.entries()) {
    const { counts, ...facts } = await countFile(path);
    index.add(file, facts, [counts]);
    report.progress(file + 1);
  }
  const ms = report.ms - startedAt;
  report.closeBar();
  report.at("done");
  return { title: "sequential", ms, index, messages: null };
}

// The reader of the output (`head`) has ended, so no report is possible.
process.stdout.on("error", () => process.exit(1));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`word_index: ${message}`);
  process.exitCode = error instanceof CorpusError ? 2 : 1;
}
