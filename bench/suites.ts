/** All rows, in the order in which they run and are shown. */

import { beamRows } from "./beam/beam.ts";
import { localRows } from "./local/local.ts";
import { processRows } from "./process/process.ts";
import { namesRows } from "./names/names.ts";
import type { Program, RawName, Row } from "./row.ts";
import { savinaRows } from "./savina/savina.ts";
import { stdRows } from "./std/std.ts";
import { workerRows } from "./worker/worker.ts";

export const rows: readonly Row[] = [
  ...localRows,
  ...processRows,
  ...workerRows,
  ...beamRows,
  ...namesRows,
  ...stdRows,
  ...savinaRows,
];

/** The part of an id before the slash. */
export function suiteOf(row: Row): string {
  return row.id.slice(0, row.id.indexOf("/"));
}

export type Selection =
  | { readonly rows: readonly Row[] }
  | { readonly unknown: string };

/** The rows of the named suites and ids; all rows when there are no names. */
export function select(names: readonly string[]): Selection {
  if (names.length === 0) return { rows };
  const unknown = names.find((name) =>
    !rows.some((row) => row.id === name || suiteOf(row) === name)
  );
  if (unknown !== undefined) return { unknown };
  return {
    rows: rows.filter((row) =>
      names.includes(row.id) || names.includes(suiteOf(row))
    ),
  };
}

/**
 * The program of a name: a row by its id, or the raw program that it compares
 * with, such as `process/one-way-16B:raw`.
 */
export function programOf(name: string): Program & Pick<Row, "erlangPartner"> {
  const [id, raw] = name.split(":");
  const row = rows.find((known) => known.id === id);
  const program = raw === undefined ? row : row?.raw?.[raw as RawName];
  if (program !== undefined) return program;
  throw new Error(`expected the id of a benchmark, got ${name}`);
}
