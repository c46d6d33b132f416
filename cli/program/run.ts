/**
 * `hornbeam run`: runs a program on a node in this process.
 */

import { Ending } from "../shared/ending.ts";
import { type NodeOptions, startNode } from "./node.ts";
import { loadProgram, runProgram } from "./program.ts";

/** Resolves with the exit code. Rejects with a `CliError`. */
export async function run(
  file: string,
  args: readonly string[],
  options: NodeOptions,
): Promise<number> {
  const program = await loadProgram(file);
  const ending = new Ending();
  ending.listen(["SIGINT", "SIGTERM"]);
  ending.listenToReader();
  const node = await ending.orOver(startNode(options, program));
  if (typeof node === "number") return node;
  const context = { args, index: 0, nodes: [node.name] };
  return await runProgram(program, node, context, ending);
}
