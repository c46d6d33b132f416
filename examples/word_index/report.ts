/**
 * What people see: a timeline while the job runs, with a progress bar where
 * the output is a terminal, and the tables at the end.
 */

import { MultiBar, type SingleBar } from "cli-progress";
import colors from "picocolors";
import { printTerm } from "../../runtime/mod.ts";
import type { Happening, HeldFile } from "./coordinator.ts";
import type { Corpus } from "./corpus.ts";
import type { FileFacts } from "./count.ts";
import type { Comparison, WordIndex } from "./index.ts";

const MAX_LISTED = 8;
const TOP_WORDS = 10;
const INDENT = " ".repeat(12);

/** Prints lines, lines with a time, and a bar below them on a terminal. */
export class Report {
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #bars: MultiBar | null = null;
  #bar: SingleBar | null = null;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Milliseconds since the start. */
  get ms(): number {
    return performance.now() - this.#startedAt;
  }

  line(text = ""): void {
    if (this.#bars === null) {
      this.#out.write(`${text}\n`);
    } else {
      this.#bars.log(`${text}\n`);
      this.#bars.update();
    }
  }

  /** A line of the timeline. */
  at(text: string): void {
    this.line(`${colors.dim(`${this.ms.toFixed(0).padStart(7)} ms`)}  ${text}`);
  }

  /** Shows a bar, on a terminal only; `close` takes it away. */
  openBar(title: string, total: number): void {
    if (this.#out.isTTY !== true) return;
    this.#bars = new MultiBar({
      stream: this.#out,
      format: `${title} [{bar}] {value} of {total} files`,
      barsize: 30,
      clearOnComplete: true,
      gracefulExit: false,
      linewrap: true,
    });
    this.#bar = this.#bars.create(total, 0);
  }

  progress(done: number): void {
    this.#bar?.update(done);
  }

  closeBar(): void {
    this.#bars?.stop();
    this.#bars = null;
    this.#bar = null;
  }

  /** For `using`: a bar that stays open would keep the program running. */
  [Symbol.dispose](): void {
    this.closeBar();
  }
}

/** Tells what happens to the coordinator as lines of the timeline. */
export class Story {
  readonly #report: Report;
  readonly #total: number;
  readonly #pidOf: (node: string) => number;
  #done = 0;
  #killed = { node: "", atMs: 0 };
  /** What the killed node held then, and which of it came back. */
  readonly #held = new Set<string>();
  readonly #returned = new Set<string>();

  constructor(report: Report, total: number, pidOf: (node: string) => number) {
    this.#report = report;
    this.#total = total;
    this.#pidOf = pidOf;
  }

  tell(happening: Happening): void {
    switch (happening.type) {
      case "handed":
        return this.#handed(happening);
      case "progress":
        this.#done = happening.done;
        return this.#report.progress(happening.done);
      case "killed":
        return this.#nodeKilled(happening.node, happening.held);
      case "down":
        return this.#down(happening);
      case "again":
        return this.#again(happening);
      case "finished":
        return this.#finished(happening.dropped);
      default:
        happening satisfies never;
    }
  }

  #handed({ files, workers, waiting }: Told<"handed">): void {
    this.#report.at(
      `handed out ${count(files, "file")} to ${workers} workers, ` +
        `${number(waiting)} ${waiting === 1 ? "waits" : "wait"}`,
    );
    this.#report.openBar("cluster", this.#total);
  }

  #nodeKilled(node: string, held: readonly HeldFile[]): void {
    this.#killed = { node, atMs: this.#report.ms };
    this.#report.at(
      colors.red(`killed ${node} (process ${this.#pidOf(node)}) with SIGKILL`) +
        ` at ${this.#done} of ${this.#total} files,`,
    );
    this.#report.line(`${INDENT}while it held ${count(held.length, "file")}:`);
    for (const { name, isCounted } of held) {
      this.#held.add(name);
      const state = isCounted ? "counted, not delivered" : "handed to it";
      this.#report.line(`${INDENT}${name} (${state})`);
    }
  }

  #down({ worker, reason, names }: Told<"down">): void {
    const { node, atMs } = this.#killed;
    this.#report.at(
      `DOWN: worker ${worker} on ${worker.node}, reason ${printTerm(reason)}` +
        (worker.node === node
          ? `, seen ${(this.#report.ms - atMs).toFixed(1)} ms after the kill`
          : ""),
    );
    if (names.length === 0) return;
    const files = count(names.length, "file");
    this.#report.line(`${INDENT}what it held is for the others: ${files}`);
    for (const name of names) this.#returned.add(name);
  }

  #again({ name, node }: Told<"again">): void {
    const isLate = this.#held.size > 0 && !this.#held.has(name);
    this.#report.at(
      `handed out again: ${name}, to ${node}` +
        (isLate ? " (its worker had ended already)" : ""),
    );
  }

  #finished(dropped: number): void {
    this.#report.closeBar();
    this.#report.at(`${count(this.#total, "file")} done`);
    if (dropped > 0) {
      this.#report.line(`${INDENT}${count(dropped, "late answer")} dropped`);
    }
    if (this.#held.size === 0) return;
    const again = this.#held.intersection(this.#returned).size;
    const onTheirWay = this.#held.size - again;
    this.#report.line(
      `${INDENT}of the ${count(this.#held.size, "file")} held by ` +
        `${this.#killed.node}, ${again} had to be counted again` +
        (onTheirWay === 0
          ? ""
          : `; the rest (${onTheirWay}) had left it before it died`),
    );
  }
}

type Told<T extends Happening["type"]> = Extract<Happening, { type: T }>;

/** What was left out, and which files have no words. */
export function printOddities(
  report: Report,
  corpus: Corpus,
  facts: ReadonlyMap<number, FileFacts>,
): void {
  const lines = [...corpus.skipped];
  for (const [file, { problem, detail }] of facts) {
    if (problem === null) continue;
    const name = corpus.files[file]?.name ?? "?";
    lines.push(`${name}: ${problem}${detail === "" ? "" : ` (${detail})`}`);
  }
  if (lines.length === 0) return;
  heading(report, "Without words");
  lines.sort();
  for (const line of lines.slice(0, MAX_LISTED)) report.line(`  ${line}`);
  const more = lines.length - MAX_LISTED;
  if (more > 0) report.line(`  and ${more} more`);
}

export function printTopWords(report: Report, index: WordIndex): void {
  const top = index.top(TOP_WORDS);
  if (top.length === 0) return;
  heading(report, "Top words");
  const width = Math.max(...top.map(({ word }) => word.length));
  for (const { word, total, files } of top) {
    report.line(
      `  ${word.padEnd(width)}  ${number(total).padStart(9)}  in ` +
        count(files, "file"),
    );
  }
}

/** One column of the throughput table. */
export type Run = {
  readonly title: string;
  readonly ms: number;
  readonly index: WordIndex;
  /** Delivered by the nodes; null where there are none. */
  readonly messages: number | null;
};

export function printThroughput(
  report: Report,
  runs: readonly Run[],
  cores: number,
): void {
  heading(report, "Throughput");
  const perSecond = (amount: number, ms: number): string =>
    number(amount / ms * 1000);
  const rows: [string, (run: Run) => string][] = [
    ["milliseconds", ({ ms }) => number(ms)],
    ["files/s", ({ ms, index }) => perSecond(index.facts().size, ms)],
    ["MB/s", ({ ms, index }) => (index.bytes / 1000 / ms).toFixed(1)],
    ["words/s", ({ ms, index }) => perSecond(index.occurrences, ms)],
    ["messages", ({ messages }) => messages === null ? "-" : number(messages)],
    [
      "messages/s",
      ({ ms, messages }) => messages === null ? "-" : perSecond(messages, ms),
    ],
  ];
  const row = (name: string, cells: readonly string[]): void =>
    report.line(
      `  ${name.padEnd(13)}${cells.map((cell) => cell.padStart(14)).join("")}`,
    );
  row("", runs.map(({ title }) => title));
  for (const [name, cell] of rows) row(name, runs.map(cell));
  for (
    const line of [
      `Measured on ${
        count(cores, "core")
      }. The cluster pays for messages, the ` +
      "kill and files counted twice;",
      "messages are those that the surviving nodes delivered. The sequential " +
      "count comes second,",
      "with warm code and files in the system's cache: on few cores and few " +
      "files it may be faster.",
    ]
  ) report.line(`  ${line}`);
}

/** The verdict: what the exit code says too. */
export function printComparison(
  report: Report,
  comparison: Comparison,
  index: WordIndex,
): void {
  report.line();
  const { differences, examples } = comparison;
  if (differences === 0) {
    report.line(
      colors.green("Equal to the word:") +
        ` cluster and sequential count agree on ${number(index.size)} ` +
        `different words, ${number(index.occurrences)} in all, in ` +
        `${count(index.facts().size, "file")}.`,
    );
    return;
  }
  report.line(
    colors.red("Not equal:") + ` ${count(differences, "difference")} between ` +
      "the cluster's index and the sequential count, for example",
  );
  for (const example of examples) report.line(`  ${example}`);
  report.line("Did files change meanwhile? Then run it again.");
}

function heading(report: Report, text: string): void {
  report.line();
  report.line(colors.bold(text));
}

export function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** `1 file`, `2 files`. */
export function count(amount: number, what: string): string {
  return `${number(amount)} ${what}${amount === 1 ? "" : "s"}`;
}
