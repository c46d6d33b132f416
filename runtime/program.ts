/**
 * The modules that nodes run: what `hornbeam run` and `hornbeam cluster` start,
 * and what a worker hosts.
 *
 * ```text
 * export default async function (node, { signal }) { ... }
 * export const exports = { worker: () => async (self) => { ... } };
 * export const options = { exact: true };
 * ```
 *
 * How a module is loaded and when it ends is not decided here.
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

/** What a module offers to whoever starts its node. */
export type Program<Context> = {
  /** Its default export; null if it has none. */
  readonly run: ((node: RunningNode, context: Context) => unknown) | null;
  /** Behaviours that other nodes may spawn. */
  readonly exports: Readonly<Record<string, ExportedBehaviour>>;
  readonly options: ProgramOptions;
};

/**
 * Takes a module for what it should be. Throws a `UsageError` that begins with
 * `what`, the module's name.
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
        `of ${optionNames.join(", ")}, and the rest where the node is started`,
    );
  }
  return options as ProgramOptions;
}
