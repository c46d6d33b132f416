/**
 * What became of the values that were sent, as cells of the table in
 * `docs/terms.md`, and that table as it is written.
 */

/** What became of one value. */
export type Outcome =
  | {
    readonly type: "refused";
    readonly row: string;
    /** The path in the error. */
    readonly path: string;
  }
  | {
    readonly type: "passed";
    readonly row: string;
    /** The value as its sender and its receiver describe it. */
    readonly sent: string;
    readonly there: string;
    /** The value as its sender describes it when it has come back. */
    readonly back: string;
  };

/** The columns of the table: what a row says. */
export type Row = {
  readonly value: string;
  readonly node: string;
  readonly worker: string;
  readonly beam: string;
  readonly back: string;
};

const START = "<!-- terms: start -->";
const END = "<!-- terms: end -->";

/** Where the message of the fixture has the value. */
const ROOT = "message.value";

/** Longest path that a cell shows in full. */
const PATH_LENGTH_MAX = 40;

function refusal(path: string): string {
  const inside = path.slice(ROOT.length);
  if (inside === "") return "refused";
  return inside.length > PATH_LENGTH_MAX
    ? `refused at \`${inside.slice(0, 12)} ...\``
    : `refused at \`${inside}\``;
}

/** The cell for a value that was sent to a Hornbeam node. */
export function cellOf(outcome: Outcome): string {
  if (outcome.type === "refused") return refusal(outcome.path);
  const { sent, there } = outcome;
  return there === sent ? "the same" : code(there);
}

/** The cells for a value that was sent to a BEAM node. */
export function beamCellsOf(outcome: Outcome): [there: string, back: string] {
  if (outcome.type === "refused") return [refusal(outcome.path), ""];
  const { sent, there, back } = outcome;
  return [code(there), back === sent ? "the same" : code(back)];
}

/** The cell for a value that was sent to a worker. */
export function workerCellOf(outcome: Outcome, node: string): string {
  const cell = cellOf(outcome);
  return cell === node ? "as there" : cell;
}

function code(text: string): string {
  // The numbers of pids and refs depend on the run.
  const shown = text.replace(/\s+/g, " ")
    .replace(/^(#Ref)?<[\d.]+>$/, (_, ref = "") => `${ref}<...>`);
  return `\`${shown}\``;
}

/** The rows between the marks of the page. */
export function rowsOf(page: string): Row[] {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < 0) throw new Error(`expected ${START} and ${END}`);
  const lines = page.slice(start, end).split("\n")
    .filter((line) => line.startsWith("|")).slice(2);
  return lines.map((line) => {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\\|", "|"));
    const [value = "", node = "", worker = "", beam = "", back = ""] = cells;
    return { value, node, worker, beam, back };
  });
}

/** The page with these rows. */
export function pageWith(page: string, rows: readonly Row[]): string {
  const titles = [
    "value",
    "to a Hornbeam node",
    "to a worker",
    "to a BEAM node",
    "comes back from it as",
  ];
  const lines = [
    titles,
    titles.map(() => "---"),
    ...rows.map(({ value, node, worker, beam, back }) =>
      [value, node, worker, beam, back].map((cell) =>
        cell.replaceAll("|", "\\|")
      )
    ),
  ].map((cells) => `| ${cells.join(" | ")} |`);
  const start = page.indexOf(START) + START.length;
  const end = page.indexOf(END);
  return `${page.slice(0, start)}\n\n${lines.join("\n")}\n\n${page.slice(end)}`;
}
