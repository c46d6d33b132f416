/**
 * The package's entry points: package.json points at built files that have a
 * source, each module of std/ is reachable from both npm and jsr, and both
 * files agree on name and version.
 */
import type { Problem } from "./source.ts";

export interface PackageJson {
  readonly version: string;
  readonly exports: Readonly<
    Record<
      string,
      string | { readonly types: string; readonly default: string }
    >
  >;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

export interface DenoJson {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, string>>;
}

const BUILT = /^\.\/dist\/(.*)\.(?:js|d\.ts)$/;

/** `sources`: the paths of all TypeScript files of runtime/, std/ and cli/. */
export function checkExports(
  pkg: PackageJson,
  deno: DenoJson,
  sources: readonly string[],
): Problem[] {
  const problems: Problem[] = [];
  const report = (path: string, message: string) => {
    problems.push({ path, line: 1, message });
  };
  const known = new Set(sources);

  for (const [entry, target] of Object.entries(pkg.exports)) {
    if (typeof target === "string" || entry.includes("*")) continue;
    for (const file of [target.types, target.default]) {
      const source = BUILT.exec(file)?.[1];
      if (source === undefined || !known.has(`${source}.ts`)) {
        report(
          "package.json",
          `exports["${entry}"] points at ${file}, which is built from no ` +
            "source; point it at ./dist/<path of the source>",
        );
      }
    }
  }
  for (const [name, file] of Object.entries(pkg.bin)) {
    const source = /^dist\/(.*)\.js$/.exec(file)?.[1];
    if (source === undefined || !known.has(`${source}.ts`)) {
      report("package.json", `bin["${name}"] points at ${file}, no source`);
    }
  }
  for (const file of Object.values(deno.exports)) {
    if (!known.has(file.replace(/^\.\//, ""))) {
      report("deno.json", `exports names ${file}, which does not exist`);
    }
  }
  const reachable = new Set(Object.values(deno.exports));
  for (const path of sources) {
    if (!/^std\/\w+\/mod\.ts$/.test(path) || reachable.has(`./${path}`)) {
      continue;
    }
    const entry = path.replace(/\/mod\.ts$/, "");
    report(
      "deno.json",
      `${path} has no export; add "./${entry}": "./${path}"`,
    );
  }
  if (!("./std/*" in pkg.exports)) {
    report("package.json", 'exports lacks "./std/*", the modules of std/');
  }
  if (pkg.version !== deno.version) {
    report(
      "deno.json",
      `version ${deno.version}, but package.json says ${pkg.version}; ` +
        "make them equal",
    );
  }
  return problems;
}

/** Versions are pinned exactly: a range writes locks that differ. */
export function checkPins(pkg: PackageJson): Problem[] {
  return Object.entries({ ...pkg.dependencies, ...pkg.devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => ({
      path: "package.json",
      line: 1,
      message: `${name} is "${version}"; pin one exact version`,
    }));
}
