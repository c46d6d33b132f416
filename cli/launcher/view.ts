/**
 * The live lines of `hornbeam cluster` as text: a pure function of the nodes'
 * states and the terminal's size.
 */

import { createColors } from "picocolors";

/** The state of a process of the cluster, or of a worker in it. */
export type MemberState =
  | "starting"
  | "up"
  | "silent"
  | "restarting"
  | "done"
  | "down"
  /** Of a worker whose process runs on. */
  | "ended";

/** The data of one line. */
export type Row = {
  readonly name: string;
  readonly state: MemberState;
  readonly runtime: string;
  /** Null while no process runs. */
  readonly pid: number | null;
  /** Null while unknown. */
  readonly actors: number | null;
  readonly messagesPerSecond: number | null;
};

/** The size of the terminal, and whether it shows colours. */
export type ViewSize = {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
};

const head = ["NODE", "STATE", "ACTORS", "MSG/S", "RUNTIME", "PID"] as const;
/** Numbers are aligned to the right. */
const isNumber = [false, false, true, true, false, true] as const;
/** Minimal widths, so that the columns do not move when rows change. */
const leastWidths = [0, 10, 6, 6, 7, 7] as const;
const STATE = 1;
const GAP = 2;

/**
 * A head line and one line for each node. No line is wider than the terminal.
 * When there are more nodes than lines on it, the last line counts the rest.
 */
export function renderView(rows: readonly Row[], size: ViewSize): string[] {
  // The last column stays free, because some terminals wrap when it is
  // written, and so does the last line, which has the cursor.
  const columns = Math.max(1, size.columns - 1);
  const max = Math.max(1, size.rows - 3);
  const shown = rows.length > max ? rows.slice(0, max - 1) : rows;
  const cells = [head, ...shown.map(cellsOf)];
  const widths = head.map((_, i) =>
    Math.max(leastWidths[i]!, ...cells.map((line) => line[i]!.length))
  );
  const colors = createColors(size.color);
  const lines = cells.map((line, n) => {
    const paint = n === 0 ? colors.dim : paintOf(colors, shown[n - 1]!.state);
    return fit(line, widths, columns, n === 0 ? null : paint, colors);
  });
  const left = rows.length - shown.length;
  if (left > 0) lines.push(`and ${left} more`.slice(0, columns));
  return lines;
}

type Colors = ReturnType<typeof createColors>;
type Paint = (text: string) => string;

/** Cuts a line to the width, and then adds the colours. */
function fit(
  cells: readonly string[],
  widths: readonly number[],
  columns: number,
  paint: Paint | null,
  colors: Colors,
): string {
  let room = columns;
  let line = "";
  cells.forEach((cell, i) => {
    const width = widths[i]!;
    const text = isNumber[i] ? cell.padStart(width) : cell.padEnd(width);
    const part = (i === 0 ? text : " ".repeat(GAP) + text).slice(0, room);
    room -= part.length;
    line += paint !== null && i === STATE ? paint(part) : part;
  });
  return paint === null ? colors.dim(line) : line;
}

function paintOf(colors: Colors, state: MemberState): Paint {
  switch (state) {
    case "up":
      return colors.green;
    case "starting":
    case "silent":
    case "restarting":
      return colors.yellow;
    case "down":
      return colors.red;
    case "done":
    case "ended":
      return colors.dim;
    default:
      return state satisfies never;
  }
}

function cellsOf(row: Row): readonly string[] {
  return [
    row.name,
    row.state,
    row.actors === null ? "-" : short(row.actors),
    row.messagesPerSecond === null ? "-" : short(row.messagesPerSecond),
    row.runtime,
    row.pid === null ? "-" : String(row.pid),
  ];
}

/** At most six characters: `9999`, `12.3k`, `4.5M`. */
export function short(n: number): string {
  if (n < 9_999.5) return String(Math.round(n));
  for (const [unit, size] of [["k", 1e3], ["M", 1e6]] as const) {
    if (n < 999.95 * size) return `${(n / size).toFixed(1)}${unit}`;
  }
  return `${(n / 1e9).toFixed(1)}G`;
}
