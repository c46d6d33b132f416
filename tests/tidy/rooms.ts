/**
 * The map of the tree. Each layer is a row of rooms: a room imports itself and
 * the rooms that stand left of it, types included. No files import each other
 * in a circle, no folder holds more files than a reader can look through, and
 * each room says in a README what it is. The order of the layers themselves is
 * in `imports.ts`.
 */
import { posix } from "node:path";
import { importsOf } from "./imports.ts";
import { lineAt, type Problem, type SourceFile } from "./source.ts";

/**
 * The rooms of a folder, lowest first. Rooms in one inner list stand side by
 * side and do not import each other. `"."` stands for the files directly in the
 * folder that have no place of their own.
 */
export type Order = readonly (string | readonly string[])[];

export const orders: Readonly<Record<string, Order>> = {
  "runtime/core": [
    "terms",
    "messages",
    "mailbox",
    "host",
    "contract",
    "signals",
    "calls",
    "sys",
    "actor",
    "node",
  ],
  "runtime/wire": [
    "shared",
    ["etf", "epmd"],
    "framing",
    "handshake",
    "beam",
    "cbor",
  ],
  "runtime/wire/etf": [".", ["reader", "writer"], "etf.ts"],
  "runtime/net": [
    "carrier",
    "limits",
    "epmd",
    "lanes",
    "peers",
    "distribution",
  ],
  "runtime/kernel": [
    "shared",
    "io",
    "rpc",
    ["global", "groups", "node"],
    "kernel.ts",
  ],
  "runtime/kernel/global": [
    "protocol",
    "state",
    "locks",
    "names",
    "partitions",
    ".",
  ],
  "runtime/platform": ["host", "sockets", "workers"],
  "std": [
    ["internal", "logger", "rpc", "testing"],
    ["proc_lib", "timer"],
    ["application", "gen_server", "pubsub", "registry"],
    ["agent", "gen_event", "gen_statem", "supervisor"],
    ["dynamic_supervisor", "partition_supervisor"],
    "task",
  ],
  "cli": ["shared", "program", "member", "launcher", "."],
  "bench": [
    "row.ts",
    "inside",
    ["local", "pair", "savina"],
    ["beam", "names", "process", "std", "worker"],
    "suites.ts",
    "plan.ts",
    "runner",
    "plot",
    ".",
  ],
};

/** Where `path` stands in the order of `folder`; undefined outside of it. */
function placeIn(
  folder: string,
  order: Order,
  path: string,
): { readonly room: string; readonly level: number } | undefined {
  if (!path.startsWith(`${folder}/`)) return undefined;
  const [first = "", second] = path.slice(folder.length + 1).split("/");
  const find = (room: string) =>
    order.findIndex((at) =>
      typeof at === "string" ? at === room : at.includes(room)
    );
  const own = order.flat().includes(first) ? first : ".";
  const room = second === undefined ? own : first;
  return { room, level: order.flat().includes(room) ? find(room) : -1 };
}

/** The order as a reader writes it: `a <- b <- {c, d}`. */
function written(order: Order): string {
  return order.map((at) => typeof at === "string" ? at : `{${at.join(", ")}}`)
    .join(" <- ");
}

/** Checks the imports of one file against every order that it stands in. */
export function checkRooms(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  for (const [folder, order] of Object.entries(orders)) {
    const from = placeIn(folder, order, file.path);
    if (from === undefined) continue;
    if (from.level < 0) {
      problems.push({
        path: file.path,
        line: 1,
        message: `${folder} has no room "${from.room}"; move the file into ` +
          "one that it has, or give the new room its place in " +
          "tests/tidy/rooms.ts",
      });
      continue;
    }
    for (const { from: named, start } of importsOf(file)) {
      if (!named.startsWith(".")) continue;
      const target = posix.join(posix.dirname(file.path), named);
      const to = placeIn(folder, order, target);
      if (to === undefined || to.room === from.room) continue;
      if (to.level >= 0 && to.level < from.level) continue;
      problems.push({
        path: file.path,
        line: lineAt(file.text, start),
        message: `${from.room} may not import ${target}: in ${folder} the ` +
          `order is ${written(order)}; move what both need into the lower ` +
          "room (for a type, a file of types there), or pass it in as an " +
          "argument",
      });
    }
  }
  return problems;
}

/** Which files each file imports, of those that are given. */
function graphOf(files: readonly SourceFile[]): Map<string, string[]> {
  const known = new Set(files.map((file) => file.path));
  return new Map(files.map((file) => {
    const targets = importsOf(file).filter(({ from }) => from.startsWith("."))
      .map(({ from }) => posix.join(posix.dirname(file.path), from))
      .filter((target) => known.has(target));
    return [file.path, [...new Set(targets)]];
  }));
}

/** The shortest way from `start` back to itself, or undefined. */
function circleFrom(
  start: string,
  graph: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const at of queue) {
    for (const next of graph.get(at) ?? []) {
      if (next === start) {
        const way = [start];
        for (
          let back = at;
          back !== start;
          back = cameFrom.get(back) ?? start
        ) {
          way.push(back);
        }
        return [start, ...way.slice(1).reverse()];
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return undefined;
}

/** Takes away, again and again, what imports nothing that is left. */
function withoutLeaves(graph: Map<string, string[]>): void {
  for (let before = -1; before !== graph.size;) {
    before = graph.size;
    for (const [path, targets] of graph) {
      const left = targets.filter((target) => graph.has(target));
      if (left.length === 0) graph.delete(path);
      else graph.set(path, left);
    }
  }
}

/**
 * Reports import circles among these files, `import type` included: the
 * shortest circle of each file that is in one, each circle once.
 */
export function checkCircles(files: readonly SourceFile[]): Problem[] {
  const graph = graphOf(files);
  withoutLeaves(graph);
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const path of graph.keys()) {
    if (seen.has(path)) continue;
    const circle = circleFrom(path, graph);
    if (circle === undefined) continue;
    for (const member of circle) seen.add(member);
    problems.push({
      path,
      line: 1,
      message:
        `these files import each other in a circle: ${
          [...circle, path].join(" -> ")
        }; move what they share (often a type) into a file that imports none ` +
        "of them, or pass it in as an argument",
    });
  }
  return problems;
}

export const MAX_FILES_IN_FOLDER = 16;

/** Reports folders that hold too many TypeScript files directly. */
export function checkFolders(files: readonly SourceFile[]): Problem[] {
  const counts = Map.groupBy(files, ({ path }) => posix.dirname(path));
  return [...counts].filter(([, { length }]) => length > MAX_FILES_IN_FOLDER)
    .map(([folder, { length }]) => ({
      path: folder,
      line: 1,
      message: `${length} files directly in this folder, at most ` +
        `${MAX_FILES_IN_FOLDER}; put those that belong together into a folder`,
    }));
}

/** Reports rooms, which are folders with source files, without a README. */
export function checkReadmes(
  files: readonly SourceFile[],
  pages: readonly SourceFile[],
): Problem[] {
  const readmes = new Set(pages.map((page) => page.path));
  return [...new Set(files.map(({ path }) => posix.dirname(path)))]
    .filter((folder) => !readmes.has(`${folder}/README.md`))
    .map((folder) => ({
      path: folder,
      line: 1,
      message: "this room has no README.md; write three lines: what it is, " +
        "what it is not, which rooms it stands on",
    }));
}

/** Reports folders of `guide`'s own folder that its table does not name. */
export function checkGuide(
  guide: SourceFile,
  files: readonly SourceFile[],
): Problem[] {
  const root = `${posix.dirname(guide.path)}/`;
  const folders = files.filter(({ path }) => path.startsWith(root))
    .map(({ path }) => path.slice(root.length).split("/"))
    .flatMap(([folder, ...rest]) => rest.length > 0 ? [folder] : []);
  return [...new Set(folders)]
    .filter((folder) => !guide.text.includes(`| \`${folder}/\``))
    .map((folder) => ({
      path: guide.path,
      line: 1,
      message: `the table has no row for ${folder}/; write what its tests are`,
    }));
}
