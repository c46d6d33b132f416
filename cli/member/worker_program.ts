/**
 * What the workers of `hornbeam cluster` run: the program that the processes
 * run as well, once the node has joined the others.
 */

import type { RunningNode } from "../../runtime/mod.ts";
import { type Company, join, rejoin } from "./join.ts";
import { loadProgram } from "../program/program.ts";

/** What a member tells its workers. */
export type WorkerOrder = Company & {
  readonly file: string;
  readonly args: readonly string[];
  readonly index: number;
};

export default async function run(
  node: RunningNode,
  context: WorkerOrder & { readonly signal: AbortSignal },
): Promise<void> {
  const { file, args, index, nodes } = context;
  const program = await loadProgram(file);
  for (const [name, behaviour] of Object.entries(program.exports)) {
    node.export(name, behaviour);
  }
  const { functions = {} } = program.options;
  for (const [name, called] of Object.entries(functions)) {
    node.exportFunction(name, called);
  }
  // The worker's own signal counts as taken by whoever looks at it.
  await join(node, context, new AbortController().signal);
  const stop = rejoin(node, context);
  try {
    await program.run(node, {
      args,
      index,
      nodes,
      get signal() {
        return context.signal;
      },
    });
  } finally {
    stop();
  }
}
