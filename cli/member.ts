/**
 * One node of `hornbeam cluster`, in a process that the launcher started.
 *
 * It is `run` with three differences: it joins the launcher's other nodes
 * before the program starts and whenever it has lost one, it leaves SIGINT to
 * the launcher (a terminal sends it to both), and it ends with its standard
 * input, whose other end the launcher holds until it dies.
 */

import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { setTimeout } from "node:timers/promises";
import type { RunningNode } from "../runtime/mod.ts";
import { Ending } from "./ending.ts";
import { CliError } from "./errors.ts";
import { type NodeOptions, startNode } from "./node.ts";
import { loadProgram, type Program, runProgram } from "./program.ts";

/** What a member knows beside the options of its node. */
export type Membership = {
  readonly index: number;
  /** Every node of the cluster, by `index`. */
  readonly nodes: readonly string[];
  /** Those that the program's start waits for. */
  readonly expect: readonly string[];
  /** How long it waits for them. */
  readonly joinMs: number;
};

/**
 * A member that did not get as far as its program exits with this plus the
 * exit code of the reason, and the reason is the last line it wrote.
 */
export const NOT_STARTED = 64;

const JOIN_RETRY_MS = 50;
const REJOIN_MS = 1_000;

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
  const begun = await ending.orOver(begin(file, options, membership, ending));
  if (typeof begun === "number") return begun;
  const { program, node, others } = begun;
  const rejoin = setInterval(() => void dial(node, others), REJOIN_MS);
  const { index, nodes } = membership;
  const code = await runProgram(program, node, { args, index, nodes }, ending);
  clearInterval(rejoin);
  return code;
}

async function begin(
  file: string,
  options: NodeOptions,
  membership: Membership,
  ending: Ending,
): Promise<{ program: Program; node: RunningNode; others: string[] }> {
  try {
    const program = await loadProgram(file);
    const node = await startNode(options, program);
    const others = membership.nodes.filter((name) => name !== node.name);
    await join(node, others, membership, ending);
    return { program, node, others };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(error.message, NOT_STARTED + error.exitCode);
  }
}

/**
 * Connects to the others until each that is expected was seen at least once:
 * one that was quick may have ended already.
 */
async function join(
  node: RunningNode,
  others: readonly string[],
  { expect, joinMs }: Membership,
  ending: Ending,
): Promise<void> {
  const missing = new Set(expect);
  missing.delete(node.name);
  const seen = new AbortController();
  node.onNodeEvent((event) => {
    if (event.type === "nodeup") missing.delete(event.node);
  }, { signal: seen.signal });
  for (const name of node.nodes()) missing.delete(name);
  const deadline = performance.now() + joinMs;
  while (!ending.signal.aborted) {
    await dial(node, others);
    if (missing.size === 0 || performance.now() > deadline) break;
    await setTimeout(JOIN_RETRY_MS);
  }
  seen.abort();
  if (missing.size > 0 && !ending.signal.aborted) {
    node.log("warning", "started without nodes that did not come up", {
      missing: [...missing],
    });
  }
}

async function dial(
  node: RunningNode,
  others: readonly string[],
): Promise<void> {
  const up = new Set(node.nodes());
  await Promise.all(
    others.filter((name) => !up.has(name))
      .map((name) => node.tryConnect(name)),
  );
}
