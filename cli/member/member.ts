/**
 * One process of `hornbeam cluster`: a node and its workers, in a process that
 * the launcher has started.
 *
 * It does what `run` does, with these differences. Its nodes connect to the
 * other nodes of the cluster before the program starts, and connect again when
 * they have lost one. It ignores SIGINT, because a terminal sends it to the
 * launcher as well, which decides. It ends when its standard input ends: the
 * launcher holds the other end until it ends itself.
 */

import process from "node:process";
import type { RunningNode } from "../../runtime/mod.ts";
import { Ending } from "../shared/ending.ts";
import { CliError } from "../shared/errors.ts";
import { join, type JoinOptions, rejoin } from "./join.ts";
import { MemberWorkers } from "./workers.ts";
import { type NodeOptions, startNode } from "../program/node.ts";
import {
  loadProgram,
  type Program,
  type ProgramContext,
  runProgram,
} from "../program/program.ts";

/** Options of a member, beside those of its node. */
export type Membership = JoinOptions & {
  /** Names of the workers of this process. */
  readonly workers: readonly string[];
  /** Allowed restarts of a worker within a minute; 0 for none. */
  readonly maxRestarts: number;
};

/**
 * A member whose program has not started exits with this plus the exit code of
 * the error. The error is the last line that it has written.
 */
export const NOT_STARTED = 64;

type StartedMember = {
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
  const started = await ending.orOver(
    startMember(file, args, options, membership, ending),
  );
  if (typeof started === "number") return started;
  const { program, node, workers } = started;
  const stopRejoining = rejoin(node, membership);
  const { nodes } = membership;
  const code = await runProgram(
    { ...program, run: withWorkers(program, workers) },
    node,
    { args, index: nodes.indexOf(node.name), nodes },
    ending,
  );
  stopRejoining();
  return code;
}

async function startMember(
  file: string,
  args: readonly string[],
  options: NodeOptions,
  membership: Membership,
  ending: Ending,
): Promise<StartedMember> {
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
 * Makes a `run` that ends when the programs of the process and of its workers
 * have ended. After the signal it waits for the program of the process only if
 * that has read its `signal`; the workers decide this for themselves.
 */
function withWorkers(program: Program, workers: MemberWorkers): Program["run"] {
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
