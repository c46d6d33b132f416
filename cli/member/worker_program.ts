/**
 * The program of the workers of `hornbeam cluster`: it connects the node to the
 * others, and then runs the user's program, as the processes do.
 */

import type { RunningNode } from "../../runtime/mod.ts";
import { join, type JoinOptions, rejoin } from "./join.ts";
import { loadProgram } from "../program/program.ts";

/** The context that a member passes to its workers. */
export type WorkerOrder = JoinOptions & {
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
  // Not the worker's own signal: reading that would count as using it.
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
