/**
 * One process of `hornbeam cluster`: a node, and the workers beside it, in a
 * process that the launcher started.
 *
 * It is `run` with these differences: its nodes join the launcher's other nodes
 * before the program starts and whenever they have lost one, it leaves SIGINT
 * to the launcher (a terminal sends it to both), and it ends with its standard
 * input, whose other end the launcher holds until it dies.
 */

import process from "node:process";
import type { RunningNode } from "../../runtime/mod.ts";
import { Ending } from "../shared/ending.ts";
import { CliError } from "../shared/errors.ts";
import { type Company, join, rejoin } from "./join.ts";
import { MemberWorkers } from "./workers.ts";
import { type NodeOptions, startNode } from "../program/node.ts";
import {
  loadProgram,
  type Program,
  type ProgramContext,
  runProgram,
} from "../program/program.ts";

/** What a member knows beside the options of its node. */
export type Membership = Company & {
  /** Names of the workers that this process has. */
  readonly workers: readonly string[];
  /** Of one worker within a minute; 0 for none. */
  readonly maxRestarts: number;
};

/**
 * A member that did not get as far as its program exits with this plus the
 * exit code of the reason, and the reason is the last line it wrote.
 */
export const NOT_STARTED = 64;

type Begun = {
  readonly program: Program;
  readonly node: RunningNode;
  readonly workers: MemberWorkers;
};

/** Resolves with the exit code. Rejects with a `CliError`. */
export async function member(
  file: string,
  args: readonly string[],
  options: NodeOptions,
  membership: Membership,
): Promise<number> {
  const ending = new Ending();
  process.on("SIGINT", () => {});
  ending.listen(["SIGTERM"]);
  ending.listenToLauncher();
  const begun = await ending.orOver(
    begin(file, args, options, membership, ending),
  );
  if (typeof begun === "number") return begun;
  const { program, node, workers } = begun;
  const stopRejoining = rejoin(node, membership);
  const { nodes } = membership;
  const code = await runProgram(
    { ...program, run: together(program, workers) },
    node,
    { args, index: nodes.indexOf(node.name), nodes },
    ending,
  );
  stopRejoining();
  return code;
}

async function begin(
  file: string,
  args: readonly string[],
  options: NodeOptions,
  membership: Membership,
  ending: Ending,
): Promise<Begun> {
  try {
    const program = await loadProgram(file);
    const node = await startNode(options, program);
    const { nodes, expect, joinMs, maxRestarts } = membership;
    const workers = new MemberWorkers(node, maxRestarts);
    await workers.start(membership.workers.map((name) => {
      const index = nodes.indexOf(name);
      return { name, order: { file, args, index, nodes, expect, joinMs } };
    }));
    await join(node, membership, ending.signal);
    return { program, node, workers };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(error.message, NOT_STARTED + error.exitCode);
  }
}

/**
 * Runs the program of the process until it and those of the workers are done.
 * After the signal, a program here that never looked at it is not waited for,
 * while those of the workers may have.
 */
function together(program: Program, workers: MemberWorkers): Program["run"] {
  if (workers.count === 0) return program.run;
  return async (node, context) => {
    let isTaken = false;
    const own: ProgramContext = {
      ...{ args: context.args, index: context.index, nodes: context.nodes },
      get signal() {
        isTaken = true;
        return context.signal;
      },
    };
    const running = (async () => await program.run(node, own))();
    const { signal } = context;
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.all([
      Promise.race([running, aborted.then(() => isTaken ? running : null)]),
      workers.run(signal),
    ]);
  };
}
