/**
 * The commands, their options and their help. The module of a command is loaded
 * when the command is used, so that help and error messages come at once.
 */

import process from "node:process";
import { Command, CommanderError, Option } from "commander";
import type { LogLevel } from "../runtime/mod.ts";
import { exitCodes } from "./shared/ending.ts";
import { CliError, oneLine, usageError } from "./shared/errors.ts";
import type { NodeOptions } from "./program/node.ts";
import {
  between,
  collectNodes,
  collectOf,
  parseBaseName,
  parseNode,
  parseNodeList,
  parsePort,
} from "./shared/options.ts";
import {
  currentRuntime,
  type RuntimeName,
  runtimeNames,
} from "./launcher/runtimes.ts";
import { ownVersion } from "./shared/version.ts";

/** Runs a command line and resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const result = { code: exitCodes.ok as number };
  const program = describe((code) => {
    result.code = code;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return result.code;
  } catch (error) {
    return report(error);
  }
}

/** Writes an error as one line, unless help was printed instead. */
function report(error: unknown): number {
  if (error instanceof CliError) {
    process.stderr.write(`error: ${oneLine(error.message)}\n`);
    return error.exitCode;
  }
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode === 0) return exitCodes.ok;
  // There was no command, so the help was printed.
  if (error.code === "commander.help") return exitCodes.usage;
  const more = error.code === "commander.unknownOption"
    ? "; a program's own options go after --, and --help shows ours"
    : "; see hornbeam --help";
  const message = oneLine(error.message).replace(/\.$/, "");
  process.stderr.write(`${message}${more}\n`);
  return exitCodes.usage;
}

type Done = (exitCode: number) => void;

function describe(done: Done): Command {
  const program = new Command("hornbeam")
    .description("Actors, and clusters of nodes, on Node.js, Deno and Bun.")
    .version(ownVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help, also of a command")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText("after", MAIN_EXAMPLES);
  describeRun(program, done);
  describeCluster(program, done);
  describeBench(program, done);
  describeMember(program, done);
  return program;
}

const MAIN_EXAMPLES = `
Examples:
  hornbeam run program.ts
  hornbeam cluster examples/ping_cluster.ts --nodes 3 --runtime mixed
  hornbeam bench --quick

Exit codes: 0 success, 1 the program failed, 2 wrong usage,
130 and 143 ended by SIGINT and SIGTERM.`;

const RUN_EXAMPLES = `
The module's default export gets the node:
  export default async function (node, { args, signal }) { ... }
It may export behaviours that other nodes can spawn:
  export const exports = { name: (...args) => behaviour };
and options of start, such as functions that other nodes may call:
  export const options = { functions: { "module:function/1": (x) => x } };

Examples:
  hornbeam run program.ts -- some arguments
  hornbeam run server.ts --name a@127.0.0.1 --cookie secret
  hornbeam run client.ts --name b@127.0.0.1 --cookie secret \\
    --connect a@127.0.0.1`;

const CLUSTER_EXAMPLES = `
Each node runs the module's default export:
  export default async function (node, { args, signal, index, nodes }) { ... }

Examples:
  hornbeam cluster examples/ping_cluster.ts --nodes 3
  hornbeam cluster worker.ts --nodes 6 --runtime mixed --max-restarts 10
  hornbeam cluster worker.ts --nodes 2 --workers 2
  hornbeam cluster worker.ts --base-name green --epmd-port 4370 -- 5`;

const BENCH_EXAMPLES = `
Examples:
  hornbeam bench --list
  hornbeam bench --quick --runtime deno,bun,node
  hornbeam bench --vs beam,raw --json > results.json
  hornbeam bench savina --vs beam --plot savina.svg`;

const epmdOption = (): Option =>
  new Option("--epmd-port <port>", "port of epmd, which tells nodes' ports")
    .env("ERL_EPMD_PORT").argParser(parsePort).default(4369);

const noEpmdOption = (): Option =>
  new Option("--no-host-epmd", "do not host epmd where none runs");

const logOption = (): Option =>
  new Option("--log-level <level>", "least severe log records to show")
    .choices(["debug", "info", "warning", "error"]).default("warning");

const cookieOption = (text: string): Option =>
  new Option("--cookie <secret>", text).env("HORNBEAM_COOKIE");

type NodeFlags = {
  readonly name?: string;
  readonly cookie?: string;
  readonly connect?: readonly string[];
  readonly epmdPort: number;
  readonly hostEpmd: boolean;
  readonly port?: number;
  readonly hidden?: true;
  readonly logLevel: LogLevel;
};

function describeRun(program: Command, done: Done): void {
  program.command("run")
    .description("start a node and run a module on it")
    .argument("<file>", "module with a default export")
    .argument("[args...]", "arguments for the program, best after --")
    .option("--name <node>", "name of the node, part@host", parseNode)
    .addOption(cookieOption("the cluster's shared secret"))
    .option(
      "--connect <node>",
      "connect to this node first; may be repeated",
      collectNodes,
    )
    .addOption(epmdOption())
    .addOption(noEpmdOption())
    .option(
      "--port <port>",
      "port to listen on (default: a free one)",
      parsePort,
    )
    .option("--hidden", "stay out of the nodes() of other nodes")
    .addOption(logOption())
    .addHelpText("after", RUN_EXAMPLES)
    .action(async (
      file: string,
      args: string[],
      flags: NodeFlags,
      command: Command,
    ) => {
      const options = nodeOptions(flags, command);
      const { run } = await import("./program/run.ts");
      done(await run(file, args, options));
    });
}

/** Refuses combinations of options that have no meaning. */
function nodeOptions(flags: NodeFlags, command: Command): NodeOptions {
  const { name, cookie, connect = [], port, hidden, logLevel } = flags;
  const { epmdPort, hostEpmd } = flags;
  if (name === undefined) {
    const named = ["cookie", "connect", "epmdPort", "hostEpmd", "port"];
    const unused = [...named, "hidden"]
      .find((key) => command.getOptionValueSource(key) === "cli");
    if (unused !== undefined) {
      const flag = command.options
        .find((option) => option.attributeName() === unused);
      throw usageError(
        `${flag?.long} needs a node with a name; add --name a@127.0.0.1`,
      );
    }
    return { connect, hidden: false, logLevel };
  }
  if (cookie === undefined || cookie === "") {
    throw usageError(
      `${name} needs a cookie; add --cookie or set HORNBEAM_COOKIE, the same ` +
        "for all nodes of the cluster",
    );
  }
  return {
    name,
    cookie,
    connect,
    epmdPort,
    hostEpmd,
    hidden: hidden === true,
    logLevel,
    ...(port === undefined ? {} : { port }),
  };
}

type ClusterFlags = {
  readonly nodes: number;
  readonly workers: number;
  readonly runtime?: RuntimeName | "mixed";
  readonly baseName: string;
  readonly cookie?: string;
  readonly restart: boolean;
  readonly maxRestarts: number;
  readonly epmdPort: number;
  readonly hostEpmd: boolean;
  readonly logLevel: LogLevel;
};

function describeCluster(program: Command, done: Done): void {
  program.command("cluster")
    .description("start processes that form a cluster, and supervise them")
    .argument("<file>", "module with a default export, run by every node")
    .argument("[args...]", "arguments for the program, best after --")
    .addOption(
      new Option("--nodes <count>", "how many nodes").argParser(
        between(1, 100),
      ).default(3),
    )
    .addOption(
      new Option("--workers <count>", "further nodes, in threads of each")
        .argParser(between(0, 32)).default(0),
    )
    .addOption(
      new Option(
        "--runtime <runtime>",
        "runtime of the processes (default: own)",
      )
        .choices([...runtimeNames, "mixed"]),
    )
    .option(
      "--base-name <part>",
      "the nodes are named <part>1@127.0.0.1 and so on",
      parseBaseName,
      "node",
    )
    .addOption(cookieOption("shared secret (default: a random one)"))
    .option("--no-restart", "do not restart a process that ends unexpectedly")
    .addOption(
      new Option("--max-restarts <count>", "limit for a node within a minute")
        .argParser(between(0, 1_000)).default(3),
    )
    .addOption(epmdOption())
    .addOption(noEpmdOption())
    .addOption(logOption())
    .addHelpText("after", CLUSTER_EXAMPLES)
    .action(async (file: string, args: string[], flags: ClusterFlags) => {
      const { cluster } = await import("./launcher/cluster.ts");
      const { nodes, workers, baseName, logLevel, cookie } = flags;
      const { epmdPort, hostEpmd } = flags;
      done(
        await cluster({
          file,
          args,
          nodes,
          workers,
          runtime: flags.runtime ?? currentRuntime(),
          baseName,
          maxRestarts: flags.restart ? flags.maxRestarts : 0,
          epmdPort,
          hostEpmd,
          logLevel,
          ...(cookie === undefined || cookie === "" ? {} : { cookie }),
        }),
      );
    });
}

type BenchFlags = {
  readonly json?: true;
  readonly markdown?: true;
  readonly updateReadme?: true;
  readonly vs?: readonly string[];
  readonly runtime?: readonly string[];
  readonly list?: true;
  readonly quick?: true;
  readonly repeats?: number;
  readonly plot?: string;
};

function describeBench(program: Command, done: Done): void {
  program.command("bench")
    .description("measure message throughput and latency")
    .argument("[suite...]", "suites or benchmarks; all when none is given")
    .option("--list", "print the suites and exit")
    .option("--quick", "measure shorter and less exactly")
    .addOption(new Option("--json", "print JSON").conflicts("markdown"))
    .option("--markdown", "print Markdown, with the machine")
    .option("--update-readme", "write it, with charts, to bench/README.md")
    .option(
      "--vs <what>",
      "compare with: beam, raw or both with a comma",
      collectOf(["beam", "raw"]),
    )
    .option("--plot <file.svg>", "draw the results into a file")
    .option(
      "--runtime <runtimes>",
      "deno, bun, node or several with commas (default: what is installed)",
      collectOf(runtimeNames),
    )
    .option("--repeats <count>", "runs of each measurement", between(1, 100))
    .addHelpText("after", BENCH_EXAMPLES)
    .action(async (suites: string[], flags: BenchFlags) => {
      const { bench } = await import("./bench.ts");
      const { runtime = [], vs = [], repeats, plot } = flags;
      done(
        await bench({
          suites,
          json: flags.json === true,
          markdown: flags.markdown === true,
          updateReadme: flags.updateReadme === true,
          vs: [...vs],
          runtimes: [...runtime],
          list: flags.list === true,
          quick: flags.quick === true,
          ...(repeats === undefined ? {} : { repeats }),
          ...(plot === undefined ? {} : { plot }),
        }),
      );
    });
}

type MemberFlags = NodeFlags & {
  readonly nodes: readonly string[];
  readonly expect: readonly string[];
  readonly workers: readonly string[];
  readonly joinMs: number;
  readonly maxRestarts: number;
};

/** The hidden command that `cluster` starts for each of its processes. */
function describeMember(program: Command, done: Done): void {
  program.command("member", { hidden: true })
    .argument("<file>")
    .argument("[args...]")
    .requiredOption("--name <node>", "", parseNode)
    .addOption(cookieOption(""))
    .addOption(epmdOption())
    .addOption(noEpmdOption())
    .addOption(logOption())
    .requiredOption("--nodes <nodes>", "", parseNodeList)
    .requiredOption("--expect <nodes>", "", parseNodeList)
    .requiredOption("--workers <nodes>", "", parseNodeList)
    .requiredOption("--max-restarts <count>", "", between(0, 1_000))
    .requiredOption("--join-ms <ms>", "", between(0, 60_000))
    .action(async (
      file: string,
      args: string[],
      flags: MemberFlags,
      command: Command,
    ) => {
      const { member } = await import("./member/member.ts");
      const { nodes, expect, workers, joinMs, maxRestarts } = flags;
      const membership = { nodes, expect, workers, joinMs, maxRestarts };
      const options = nodeOptions(flags, command);
      done(await member(file, args, options, membership));
    });
}
