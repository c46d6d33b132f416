/**
 * The dependency rule: core <- wire <- net, and core <- kernel; platform
 * implements what core and net declare; only runtime/start.ts joins them; std
 * stands on the public face alone.
 */
import { posix } from "node:path";
import {
  isNode,
  lineAt,
  parse,
  type Problem,
  type SourceFile,
  walkTree,
} from "./source.ts";

type Layer =
  | "core"
  | "wire"
  | "net"
  | "kernel"
  | "platform"
  | "start"
  | "mod"
  | "std";

const mayImport: Readonly<Record<Layer, readonly Layer[]>> = {
  core: ["core"],
  wire: ["core", "wire"],
  net: ["core", "wire", "net"],
  kernel: ["core", "kernel"],
  platform: ["core", "net", "platform"],
  start: ["core", "wire", "net", "kernel", "platform", "start"],
  mod: ["core", "wire", "net", "kernel", "platform", "start"],
  std: ["mod", "std"],
};

/** Packages that have one home; std may use any other declared package. */
const homes: Readonly<Record<string, Layer | "cli">> = {
  "cbor-x": "wire",
  "comlink": "platform",
  "@logtape/logtape": "platform",
  "commander": "cli",
  "picocolors": "cli",
  "cli-progress": "cli",
};

const remedies: Readonly<Record<Layer, string>> = {
  core: "declare an interface in core and let runtime/start.ts pass it in",
  wire: "pass it in as an argument, or move the code to net",
  net: "declare an interface in net and let runtime/start.ts pass it in",
  kernel: "declare an interface in core, and pass it in from runtime/start.ts",
  platform:
    "platform implements interfaces of core and net; join them in runtime/start.ts",
  start: "runtime/start.ts joins the layers and is not joined by mod.ts",
  mod: "re-export from a layer",
  std: 'import from "../runtime/mod.ts", and export there what is missing',
};

/** The composition roots, and what they are made of. */
const rootFiles: ReadonlySet<string> = new Set([
  "runtime/etf.ts",
  "runtime/node_stats.ts",
  "runtime/program.ts",
  "runtime/running_node.ts",
  "runtime/start.ts",
  "runtime/start_options.ts",
]);

function layerOf(path: string): Layer | undefined {
  if (path === "runtime/mod.ts") return "mod";
  if (rootFiles.has(path) || path.startsWith("runtime/workers/")) {
    return "start";
  }
  const [top, second, third] = path.split("/");
  if (top === "std") return "std";
  if (top !== "runtime" || third === undefined) return undefined;
  switch (second) {
    case "core":
    case "wire":
    case "net":
    case "kernel":
    case "platform":
      return second;
    default:
      return undefined;
  }
}

export interface Import {
  readonly from: string;
  /** Where the statement or expression starts. */
  readonly start: number;
  /** Where the quoted specifier starts and ends, quotes included. */
  readonly quoted: readonly [number, number];
}

const importsFound = new WeakMap<SourceFile, readonly Import[]>();

/** Every module a file names: import, export from, import(), import types. */
export function importsOf(file: SourceFile): readonly Import[] {
  let found = importsFound.get(file);
  if (found === undefined) {
    found = findImports(file);
    importsFound.set(file, found);
  }
  return found;
}

function findImports(file: SourceFile): Import[] {
  const found: Import[] = [];
  walkTree(parse(file).program, (node) => {
    if (!/^(Import|Export|TSImportType|TSExternalModule)/.test(node.type)) {
      return;
    }
    const source = node["source"] ?? node["expression"];
    if (isNode(source) && typeof source["value"] === "string") {
      found.push({
        from: source["value"],
        start: node.start,
        quoted: [source.start, source.end],
      });
    }
  });
  return found;
}

/** Checks one file under runtime/ or std/. `declared`: the dependencies. */
export function checkImports(
  file: SourceFile,
  declared: readonly string[],
): Problem[] {
  const layer = layerOf(file.path);
  if (layer === undefined) {
    return [{
      path: file.path,
      line: 1,
      message: "this file belongs to no layer; move it into runtime/core, " +
        "wire, net, kernel or platform",
    }];
  }
  const problems: Problem[] = [];
  for (const { from, start } of importsOf(file)) {
    const message = from.startsWith(".")
      ? checkRelative(file.path, layer, from)
      : checkPackage(layer, from, declared);
    if (message === undefined) continue;
    problems.push({ path: file.path, line: lineAt(file.text, start), message });
  }
  return problems;
}

function checkRelative(
  path: string,
  layer: Layer,
  from: string,
): string | undefined {
  const target = posix.join(posix.dirname(path), from);
  const other = layerOf(target);
  if (other !== undefined && mayImport[layer].includes(other)) return undefined;
  return `${layer} may not import ${target}, only ` +
    `${mayImport[layer].join(", ")}; ${remedies[layer]}`;
}

function checkPackage(
  layer: Layer,
  from: string,
  declared: readonly string[],
): string | undefined {
  if (/^(node|bun|npm|jsr|https?):/.test(from)) {
    if (layer === "platform" && from.startsWith("node:")) return undefined;
    return `${layer} may not import ${from}; only runtime/platform/ may, and ` +
      'only "node:" modules: declare an interface and implement it there';
  }
  const parts = from.split("/");
  const name = parts.slice(0, from.startsWith("@") ? 2 : 1).join("/");
  if (!declared.includes(name)) {
    return `${name} is not among the dependencies in package.json; add it ` +
      "with an exact version, or use what is there";
  }
  const home = homes[name];
  if (home === layer || (home === undefined && layer === "std")) {
    return undefined;
  }
  const where = home === undefined
    ? "std (or give it a home in tests/tidy/imports.ts)"
    : home === "cli"
    ? "cli/"
    : `runtime/${home}/`;
  return `${layer} may not import ${name}; only ${where} may`;
}

/** runtime/mod.ts is the public face: `export ... from` and nothing else. */
export function checkFace(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  for (const statement of parse(file).program.body) {
    const isReexport = statement.type === "ExportAllDeclaration" ||
      (statement.type === "ExportNamedDeclaration" &&
        statement.source !== null);
    if (isReexport) continue;
    problems.push({
      path: file.path,
      line: lineAt(file.text, statement.start),
      message: "the public face holds only `export ... from`; " +
        "put the code into a layer and re-export it",
    });
  }
  return problems;
}
