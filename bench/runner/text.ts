/** Results as text: aligned columns, or Markdown. */

import type { PeerName } from "../row.ts";
import type { Machine } from "./machine.ts";
import type { Result } from "./results.ts";

/** A rate with three significant digits: `12.3M`, `850k`, `42.1`. */
export function shortRate(rate: number): string {
  if (rate >= 999_500) return `${threeFigures(rate / 1e6)}M`;
  if (rate >= 999.5) return `${threeFigures(rate / 1e3)}k`;
  return threeFigures(rate);
}

function threeFigures(value: number): string {
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return value.toFixed(digits);
}

type Column = {
  readonly title: string;
  readonly align: "left" | "right";
  readonly cell: (result: Result) => string;
};

const known = new Set([
  "bench",
  "runtime",
  "rate",
  "rateMin",
  "rateMax",
  "repeats",
  "unit",
  "timerGapMs",
  "peer",
  "peerRate",
  "peerRateMin",
  "peerRateMax",
  "ratio",
]);

/** The units in the names of figures, as they are shown. */
const units: Readonly<Record<string, string>> = {
  us: "µs",
  ms: "ms",
  ns: "ns",
  bytes: "bytes",
  share: "%",
  mbs: "MB/s",
};

/** The titles of peers. */
export const peerTitles: Readonly<Record<PeerName, string>> = {
  beam: "BEAM",
  raw: "raw",
  "raw-batched": "batched raw",
};

/** A figure in words: `latency`, `p50 61.2`, `µs`. */
type InWords = {
  readonly subject: string;
  readonly value: string;
  readonly unit: string;
};

/** `latencyUsP50: 61.2` as `latency`, `p50 61.2` and `µs`. */
function inWords(name: string, value: number, peer: string): InWords {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase().split(" ");
  const unit = words.find((word) => Object.hasOwn(units, word));
  const others = words.filter((word) => word !== unit);
  const share = /^p\d+$/.test(others.at(-1) ?? "") ? others.pop() : undefined;
  return {
    subject: others.join(" ").replace(/^peer\b/, peer),
    value: share === undefined
      ? threeFigures(value)
      // `p999` is the percentile 99.9.
      : `${share.replace(/^(p\d\d)(\d+)$/, "$1.$2")} ${threeFigures(value)}`,
    unit: unit === undefined ? "" : ` ${units[unit]}`,
  };
}

/** Further figures of the row and of its peer; percentiles share one name. */
function extrasOf(result: Result): string {
  const peer = result.peer === undefined ? "" : peerTitles[result.peer];
  let text = "";
  let before: InWords = { subject: "", value: "", unit: "" };
  for (const [name, value] of Object.entries(result)) {
    if (known.has(name)) continue;
    const figure = inWords(name, Number(value), peer);
    const isSame = figure.subject === before.subject;
    text += isSame ? "" : before.unit;
    text += text === "" ? "" : ", ";
    text += isSame ? figure.value : `${figure.subject} ${figure.value}`;
    before = figure;
  }
  return text + before.unit;
}

function range(min: number | undefined, max: number | undefined): string {
  return min === undefined || max === undefined
    ? ""
    : `${shortRate(min)}-${shortRate(max)}`;
}

/** The columns that are not empty for these results. */
function columnsOf(results: readonly Result[]): Column[] {
  const columns: Column[] = [
    { title: "benchmark", align: "left", cell: (r) => r.bench },
    { title: "runtime", align: "left", cell: (r) => r.runtime },
    { title: "rate", align: "right", cell: (r) => shortRate(r.rate) },
    {
      title: "spread",
      align: "right",
      cell: (r) => range(r.rateMin, r.rateMax),
    },
    { title: "unit", align: "left", cell: (r) => r.unit },
    {
      title: "timer gap ms",
      align: "right",
      cell: (r) => r.timerGapMs.toFixed(1),
    },
  ];
  if (results.some((result) => result.ratio !== undefined)) {
    columns.push(
      {
        title: "vs",
        align: "left",
        cell: (r) => r.peer === undefined ? "" : peerTitles[r.peer],
      },
      {
        title: "its rate",
        align: "right",
        cell: (r) => r.peerRate === undefined ? "" : shortRate(r.peerRate),
      },
      {
        title: "spread",
        align: "right",
        cell: (r) => range(r.peerRateMin, r.peerRateMax),
      },
      {
        title: "ratio",
        align: "right",
        cell: (r) => r.ratio === undefined ? "" : threeFigures(r.ratio),
      },
    );
  }
  if (results.some((result) => extrasOf(result) !== "")) {
    columns.push({ title: "also", align: "left", cell: extrasOf });
  }
  return columns;
}

type Table = {
  readonly titles: readonly string[];
  readonly aligns: readonly Column["align"][];
  readonly lines: readonly (readonly string[])[];
};

function tableOf(results: readonly Result[]): Table {
  const columns = columnsOf(results);
  return {
    titles: columns.map((column) => column.title),
    aligns: columns.map((column) => column.align),
    lines: results.map((result) =>
      columns.map((column) => column.cell(result))
    ),
  };
}

/** Pads every cell to its column's width. */
function padded(table: Table): { titles: string[]; lines: string[][] } {
  const widths = table.titles.map((title, i) =>
    // A delimiter in Markdown needs three characters.
    Math.max(3, title.length, ...table.lines.map((line) => line[i]!.length))
  );
  const pad = (cells: readonly string[]) =>
    cells.map((cell, i) =>
      table.aligns[i] === "right"
        ? cell.padStart(widths[i]!)
        : cell.padEnd(widths[i]!)
    );
  return { titles: pad(table.titles), lines: table.lines.map(pad) };
}

/** The results in aligned columns, for a terminal. */
export function plainTable(results: readonly Result[]): string {
  const { titles, lines } = padded(tableOf(results));
  return [titles, ...lines]
    .map((cells) => `${cells.join("  ").trimEnd()}\n`)
    .join("");
}

function markdownTable(table: Table): string {
  const { titles, lines } = padded(table);
  const delimiters = titles.map((title, i) =>
    table.aligns[i] === "right"
      ? `${"-".repeat(title.length - 1)}:`
      : "-".repeat(title.length)
  );
  return [titles, delimiters, ...lines]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");
}

/** The results and the machine as Markdown. */
export function markdown(
  results: readonly Result[],
  machine: Machine,
): string {
  return markdownTable(tableOf(results)) + "\n" + markdownTable({
    titles: ["measured on", ""],
    aligns: ["left", "left"],
    lines: machine,
  });
}
