/**
 * Programs: the modules that `hornbeam run` and `hornbeam cluster` start, and
 * that workers run.
 *
 * ```text
 * export default async function (node, { signal }) { ... }
 * export const exports = { worker: () => async (self) => { ... } };
 * export const options = { exact: true };
 * ```
 *
 * This module checks what a program exports. It does not load or run it.
 */

import type { ExportedBehaviour } from "./core/contract/behaviour.ts";
import type { RunningNode } from "./running_node.ts";
import type { StartOptions } from "./start_options.ts";
import { UsageError } from "./core/messages/errors.ts";

/** Names of the options of `start` that a module may set. */
const optionNames = [
  "binaries",
  "cookies",
  "exact",
  "functions",
  "inspectable",
  "isolate",
  "limits",
  "longTurnMs",
  "strict",
] as const;

/** Options of `start` that a module may set. */
export type ProgramOptions = Pick<StartOptions, typeof optionNames[number]>;

/** The exports of a program. */
export type Program<Context> = {
  /** The default export; null if there is none. */
  readonly run: ((node: RunningNode, context: Context) => unknown) | null;
  /** Behaviours that other nodes may spawn. */
  readonly exports: Readonly<Record<string, ExportedBehaviour>>;
  readonly options: ProgramOptions;
};

/**
 * Checks the exports of a module. Throws a `UsageError` that begins with
 * `what`, the name of the module.
 */
export function programOf<Context>(
  module: Readonly<Record<string, unknown>>,
  what: string,
): Program<Context> {
  const { default: run = null, exports = {}, options = {} } = module;
  if (run !== null && typeof run !== "function") {
    throw new UsageError(
      `${what} has a default export that is no function; write: ` +
        "export default async function (node, { signal }) { ... }",
    );
  }
  if (typeof exports !== "object" || exports === null) {
    throw new UsageError(
      `${what} exports something else than an object as \`exports\`; write: ` +
        "export const exports = { name: (...args) => behaviour }",
    );
  }
  return {
    run: run as Program<Context>["run"],
    exports: exports as Program<Context>["exports"],
    options: checkOptions(what, options),
  };
}

function checkOptions(what: string, options: unknown): ProgramOptions {
  const isObject = typeof options === "object" && options !== null;
  const known: readonly string[] = optionNames;
  const unknown = isObject
    ? Object.keys(options).find((name) => !known.includes(name))
    : undefined;
  if (!isObject || unknown !== undefined) {
    const got = isObject ? `an option "${unknown}"` : "something else";
    throw new UsageError(
      `${what} exports \`options\` with ${got}; expected an object with any ` +
        `of ${optionNames.join(", ")}; all other options are given where the ` +
        "node is started",
    );
  }
  return options as ProgramOptions;
}
