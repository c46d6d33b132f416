/**
 * Real BEAM nodes for tests: `erl` and `elixir` with an epmd of ours, which
 * evaluate what a test tells them to. Everything is gone when the test file
 * ends, however it ends.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { describe } from "vitest";
import type { Pid, RunningNode, StartOptions } from "../../runtime/mod.ts";
import { startEpmdServer } from "../../runtime/net/epmd/server.ts";
import { createHost } from "../../runtime/platform/host/host.ts";
import { createTcpNetwork } from "../../runtime/platform/sockets/tcp.ts";
import { COOKIE, type Logged, startNode } from "../net/peers/raw_peer.ts";
import { atEnd } from "./at_end.ts";
import { hasBeam } from "./beam.ts";
import {
  type Exit,
  root,
  type SpawnedProcess,
  spawnProcess,
} from "./processes.ts";
import { isFull } from "./share.ts";

/**
 * A `describe` of the full matrix: on Node.js in every run, on Deno and Bun in
 * the nightly one, where the others are shown as skipped.
 */
export function matrix(
  title: string,
  body: () => void,
  program: "erl" | "elixir" = "erl",
): void {
  const where = isFull ? "" : " (here nightly; on Node.js always)";
  describe.skipIf(!hasBeam(program) || !isFull)(title + where, body);
}

export type BeamOptions = {
  readonly epmdPort: number;
  /** "erl" unless told. */
  readonly program?: "erl" | "elixir";
  readonly cookie?: string;
  /** `-sname` instead of `-name`. */
  readonly isShort?: boolean;
  /**
   * More flags of the emulator: `["-hidden"]`, `["-kernel", "net_ticktime",
   * "8"]`.
   */
  readonly flags?: readonly string[];
};

/**
 * Schedulers that have nothing to do sleep at once. By default they spin for a
 * while, on cores that the other side needs.
 */
const idleFlags = ["+sbwt", "+sbwtdcpu", "+sbwtdio"]
  .flatMap((flag) => [flag, "none"]);

const START_MS = 15_000;
/** Compiling was seen to take a quarter of a minute on a busy machine. */
const COMPILE_MS = 90_000;
const EVALUATE_MS = 15_000;
const source = join(root, "tests/fixtures/beam_driver.erl");

/** What an expression came to, when it came to no value. */
export class BeamError extends Error {
  override readonly name = "BeamError";
}

/** Something that evaluates expressions, one after the other. */
export type Evaluator = (
  expression: string,
  timeoutMs?: number,
) => Promise<string>;

/** A BEAM node in a process of its own. */
export class BeamNode {
  readonly name: string;
  readonly process: SpawnedProcess;
  /** Evaluates Erlang, each expression in a fresh process. */
  readonly run: Evaluator;
  #asked = 0;
  #sessions = 0;

  /** `driver` is what `compiledDriver` gives. */
  constructor(name: string, driver: string, options: BeamOptions) {
    const { epmdPort, program = "erl", flags = [], isShort = false } = options;
    this.name = name;
    this.run = this.session("-");
    const named = [
      ...idleFlags,
      ...["-start_epmd", "false", "-kernel", "logger_level", "critical"],
      ...flags,
    ];
    const secret = options.cookie ?? COOKIE;
    const args = program === "erl"
      ? [
        ...["-noshell", isShort ? "-sname" : "-name", name],
        ...["-setcookie", secret, ...named, "-eval", startErlang],
      ]
      : [
        ...[isShort ? "--sname" : "--name", name, "--cookie", secret],
        ...["--erl", named.join(" "), "--no-halt", "-e", startElixir],
      ];
    this.process = spawnProcess(program, args, {
      env: {
        ERL_EPMD_PORT: String(epmdPort),
        ERL_CRASH_DUMP_BYTES: "0",
        BEAM_DRIVER: driver,
      },
      // `elixir` is a shell script that becomes `erl`.
      group: program === "elixir",
    });
  }

  /**
   * A process on the node that lives until the node ends, or until something
   * ends it, and keeps its bindings and its mailbox from one expression to the
   * next. An expression gives its value as text on one line; it rejects with
   * a `BeamError` when it raises or the session is dead.
   */
  session(
    id: string = `s${++this.#sessions}`,
    language: "erlang" | "elixir" = "erlang",
  ): Evaluator {
    return async (expression, timeoutMs = EVALUATE_MS) => {
      const number = ++this.#asked;
      const text = Buffer.from(expression).toString("base64");
      this.process.write(`${number} ${id} ${language} ${text}\n`);
      const pattern = new RegExp(`^${number} (ok|error|exit) (.*)$`);
      const answer = await this.process.waitForLine(pattern, timeoutMs);
      const { stdout } = this.process;
      stdout.splice(stdout.indexOf(answer[0]), 1);
      if (answer[1] === "ok") return answer[2] ?? "";
      const [, how, what] = answer;
      throw new BeamError(`${this.name}: ${expression}: ${how} ${what}`);
    };
  }

  stop(): Promise<Exit> {
    return this.process.stop();
  }
}

const compileDriver =
  `{ok, _, Code} = compile:file("${source}", [binary, report]),
   io:format("~s~n", [base64:encode(Code)]), halt().`;
const startErlang = `Code = base64:decode(os:getenv("BEAM_DRIVER")),
   {module, M} = code:load_binary(beam_driver, "${source}", Code), M:main().`;
const startElixir = `code = :base64.decode(:os.getenv(~c"BEAM_DRIVER")); ` +
  `{:module, m} = :code.load_binary(:beam_driver, ~c"${source}", code); ` +
  `m.main()`;

let driver: Promise<string> | null = null;

/** The driver's code in base 64. Compiling takes as long as a start does. */
function compiledDriver(): Promise<string> {
  driver ??= (async () => {
    const args = ["-noshell", "-eval", compileDriver];
    const compiler = spawnProcess("erl", args);
    const { code } = await compiler.waitForExit(COMPILE_MS);
    const line = compiler.stdout.at(-1);
    if (code === 0 && line !== undefined) return line;
    throw new Error(
      `expected ${source} to compile, got ${compiler.stdout.join("\n")}`,
    );
  })();
  return driver;
}

/** Starts a BEAM node and waits until it answers. */
export async function startBeam(
  name: string,
  options: BeamOptions,
): Promise<BeamNode> {
  const node = new BeamNode(name, await compiledDriver(), options);
  atEnd(() => node.stop());
  await node.process.waitForLine(/^ready$/, START_MS);
  return node;
}

/** An epmd on a free port, until the test file ends. */
export async function startEpmd(port = 0): Promise<{
  readonly port: number;
  readonly stop: () => Promise<void>;
}> {
  const server = await startEpmdServer({
    network: createTcpNetwork(),
    platform: createHost({ log: () => {} }),
    nodeName: "epmd of the tests",
    port,
  });
  if (server === "already-running") {
    throw new Error(`expected port ${port} to be free for epmd`);
  }
  atEnd(() => server.close());
  return { port: server.port, stop: () => server.close() };
}

/** A node of ours that finds the BEAM nodes of a test. */
export function startOurs(
  name: string,
  epmdPort: number,
  options: StartOptions = {},
): Promise<Logged> {
  return startNode({ name, epmdPort, longTurnMs: Infinity, ...options });
}

let introductions = 0;

/**
 * Makes a session and one of our actors know each other: the session has our
 * pid in the variable `Ours`, and this resolves with the session's.
 */
export async function introduce(
  session: Evaluator,
  { node, pid }: { readonly node: RunningNode; readonly pid: Pid<unknown> },
): Promise<Pid<unknown>> {
  const name = `introduction${++introductions}`;
  const theirs = node.run<Pid<unknown>, Pid<unknown>>(async (self) => {
    const them = await self.receive();
    self.send(them, pid);
    return them;
  }, { name });
  await session(
    `{${name}, '${node.name}'} ! self(),
     Ours = (fun() -> receive Pid when is_pid(Pid) -> Pid end end)()`,
  );
  return theirs;
}
