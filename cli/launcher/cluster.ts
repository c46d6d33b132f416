/**
 * `hornbeam cluster`: starts a cluster of processes, shows their state, and
 * restarts processes that end unexpectedly.
 *
 * The launcher holds one end of a pipe to each process. When the launcher ends,
 * also by SIGKILL, the pipe closes and the processes end. The launcher is a
 * hidden node itself, so that it can ask the others for their figures. It
 * usually hosts their epmd, because it ends last.
 */

import { randomBytes } from "node:crypto";
import process from "node:process";
import { clearInterval, setInterval, setTimeout } from "node:timers";
import type { LogLevel, RunningNode } from "../../runtime/mod.ts";
import { names } from "../../runtime/net/epmd/client.ts";
import {
  clearTimer,
  setTimer,
} from "../../runtime/platform/host/event_loop.ts";
import { createTcpNetwork } from "../../runtime/platform/sockets/tcp.ts";
import { createColors } from "picocolors";
import { Child, type ChildEvents } from "./child.ts";
import {
  atMost,
  ECHO_MS,
  type EndingSignal,
  exitCodeOf,
  exitCodes,
} from "../shared/ending.ts";
import { CliError, failure } from "../shared/errors.ts";
import { startNode } from "../program/node.ts";
import { findProgram } from "../program/program.ts";
import {
  assignRuntimes,
  findRuntime,
  ownCommand,
  type RuntimeName,
} from "./runtimes.ts";
import { Guard } from "./guard.ts";
import { Screen } from "./screen.ts";
import { renderView, type Row } from "./view.ts";
import { Watch } from "./watch.ts";
import { WorkerRow } from "./worker_row.ts";

export type ClusterOptions = {
  readonly file: string;
  readonly args: readonly string[];
  /** The number of processes, each with a node. */
  readonly nodes: number;
  /** The number of further nodes in threads of each process. */
  readonly workers: number;
  readonly runtime: RuntimeName | "mixed";
  readonly baseName: string;
  /** Default: a random one. */
  readonly cookie?: string;
  /** Allowed restarts of each node within a minute; 0 for none. */
  readonly maxRestarts: number;
  readonly epmdPort: number;
  readonly hostEpmd: boolean;
  readonly logLevel: LogLevel;
};

const HOST = "127.0.0.1";
const TICK_MS = 100;
/** A node that is up is asked on every fifth tick, so twice a second. */
const TICKS_PER_QUESTION = 5;
/** A node with so many unanswered questions is silent: that is five seconds. */
const SILENT_QUESTIONS = 10;
/** From SIGTERM to SIGKILL; longer than a member's own grace. */
const KILL_AFTER_MS = 5_000;
const STOP_MS = 1_000;
/** How long a node's program waits for the other nodes at its first start. */
const JOIN_MS = 10_000;
/** The same after a restart. */
const REJOIN_MS = 2_000;

/** Resolves with the exit code. Rejects with a `CliError`. */
export async function cluster(options: ClusterOptions): Promise<number> {
  findProgram(options.file);
  const { nodes, workers, runtime, baseName, logLevel } = options;
  const { epmdPort, hostEpmd } = options;
  const screen = new Screen(process);
  const cookie = options.cookie ?? randomBytes(16).toString("hex");
  const runtimes = assignRuntimes(runtime, nodes);
  for (const needed of new Set(runtimes)) findRuntime(needed);
  const node = await startNode({
    name: `hornbeam_${process.pid}@${HOST}`,
    cookie,
    connect: [],
    epmdPort,
    hostEpmd,
    hidden: true,
    // The launcher reports nodes that end itself, so warnings are left out.
    logLevel: logLevel === "warning" ? "error" : logLevel,
    writeLog: (line) =>
      screen.print("stderr", [`launcher | ${line.trimEnd()}`]),
  }, { exports: {}, options: {} });
  const parts = runtimes.map((_, i) => `${baseName}${i + 1}`);
  try {
    const all = parts.flatMap((part) => [part, ...workerParts(part, workers)]);
    await refuseTaken(all, epmdPort);
    const launcher = new Launcher(options, {
      screen,
      cookie,
      node,
      runtimes,
      parts,
    });
    return await launcher.run();
  } finally {
    await atMost(STOP_MS, node.stop());
  }
}

/** The names of a process's workers, before the `@`. */
function workerParts(part: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${part}-w${i + 1}`);
}

/**
 * Asks epmd whether a node has one of these names. Two clusters with the same
 * names would fail in many ways, some of them late.
 */
async function refuseTaken(
  parts: readonly string[],
  epmdPort: number,
): Promise<void> {
  const registered = await names({
    network: createTcpNetwork(),
    timers: { setTimer, clearTimer },
    host: HOST,
    epmdPort,
  });
  const taken = registered.find(({ name }) => parts.includes(name));
  if (taken === undefined) return;
  throw failure(
    `a node named ${taken.name}@${HOST} is running already (epmd on port ` +
      `${epmdPort}), perhaps of another cluster; choose another --base-name ` +
      "or --epmd-port",
  );
}

type LauncherParts = {
  readonly screen: Screen;
  readonly cookie: string;
  readonly node: RunningNode;
  readonly runtimes: readonly RuntimeName[];
  /** The names of the nodes, before the `@`. */
  readonly parts: readonly string[];
};

class Launcher {
  readonly #options: ClusterOptions;
  readonly #screen: Screen;
  readonly #cookie: string;
  readonly #names: readonly string[];
  /** The names of all nodes and workers, each process's workers after it. */
  readonly #allNames: readonly string[];
  readonly #children: readonly Child[];
  /** The workers of each child, in the order of `#children`. */
  readonly #workers: readonly (readonly WorkerRow[])[];
  readonly #watch: Watch;
  readonly #useColor: boolean;
  readonly #guard = new Guard();
  readonly #finished = Promise.withResolvers<void>();
  /** The signal that ends the cluster; null before it. */
  #interruption: { readonly name: EndingSignal; readonly at: number } | null =
    null;
  /** Why the cluster could not start. */
  #failure: CliError | null = null;
  #isStopping = false;
  #hasKilled = false;
  #ticks = 0;

  constructor(options: ClusterOptions, given: LauncherParts) {
    this.#options = options;
    this.#screen = given.screen;
    this.#cookie = given.cookie;
    this.#useColor = given.screen.isLive &&
      (process.env["NO_COLOR"] ?? "") === "";
    this.#names = given.parts.map((part) => `${part}@${HOST}`);
    this.#workers = given.parts.map((part) =>
      workerParts(part, options.workers).map((name) =>
        new WorkerRow(`${name}@${HOST}`)
      )
    );
    this.#allNames = this.#names.flatMap((name, i) => [
      name,
      ...this.#workers[i]!.map((worker) => worker.name),
    ]);
    const width = Math.max(...given.parts.map((part) => part.length));
    this.#children = given.runtimes.map((runtime, index) =>
      this.#child(runtime, index, given.parts[index]!.padEnd(width))
    );
    this.#watch = new Watch(given.node, this.#allNames, (name, incarnation) => {
      const child = this.#children.find((node) => node.name === name);
      if (child?.incarnation === incarnation) child.setAnswered();
      const worker = this.#workers.flat().find((node) => node.name === name);
      worker?.setAnswered(incarnation);
    });
  }

  /** Resolves with the exit code when all processes have ended. */
  async run(): Promise<number> {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.on(name, () => this.#interrupt(name));
    }
    // The output has no reader any more, as after `| head`.
    process.stdout.on("error", () => this.#stop());
    process.stderr.on("error", () => this.#stop());
    for (const child of this.#children) child.start();
    const ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#draw();
    await this.#finished.promise;
    this.#guard.stop();
    clearInterval(ticker);
    this.#draw();
    if (this.#failure !== null) throw this.#failure;
    return this.#exitCode();
  }

  #exitCode(): number {
    const codes = this.#children.map((child) => child.exitCode);
    if (this.#interruption !== null) {
      const own = exitCodeOf(this.#interruption.name);
      if (this.#hasKilled || codes.includes(exitCodeOf("SIGTERM"))) return own;
    }
    return codes.every((code) => code === 0) ? exitCodes.ok : exitCodes.failed;
  }

  #child(runtime: RuntimeName, index: number, title: string): Child {
    const name = this.#names[index]!;
    const paints = createColors(this.#useColor);
    const palette = [paints.cyan, paints.magenta, paints.blue, paints.yellow];
    const paint = palette[index % palette.length]!;
    const events: ChildEvents = {
      changed: (child, detail) => this.#changed(child, detail),
      failed: (child, message, exitCode) => {
        this.#failure ??= new CliError(`${child.name}: ${message}`, exitCode);
        this.#stop();
      },
    };
    return new Child({
      name,
      runtime,
      command: () => ownCommand(runtime, this.#memberArgs(name, index)),
      env: { HORNBEAM_COOKIE: this.#cookie },
      screen: this.#screen,
      prefix: paint(`${title} | `),
      maxRestarts: this.#options.maxRestarts,
      guard: this.#guard,
      events,
    });
  }

  #memberArgs(name: string, index: number): string[] {
    const { file, args, logLevel, maxRestarts } = this.#options;
    const { epmdPort, hostEpmd } = this.#options;
    // After a restart it waits only for the nodes that are up.
    const isRestart = this.#children[index]!.incarnation > 1;
    const own = this.#workers[index]!.map((worker) => worker.name);
    const expect = isRestart
      ? [...this.#children, ...this.#workers.flat()]
        .filter((node) => node.state === "up" || own.includes(node.name))
        .map((node) => node.name)
      : this.#allNames;
    return [
      "member",
      file,
      `--name=${name}`,
      `--epmd-port=${epmdPort}`,
      ...(hostEpmd ? [] : ["--no-host-epmd"]),
      `--log-level=${logLevel}`,
      `--nodes=${this.#allNames.join(",")}`,
      `--expect=${expect.join(",")}`,
      `--workers=${own.join(",")}`,
      `--max-restarts=${maxRestarts}`,
      `--join-ms=${isRestart ? REJOIN_MS : JOIN_MS}`,
      "--",
      ...args,
    ];
  }

  #changed(child: Child, detail: string): void {
    const { state } = child;
    const isNews = state === "restarting" || state === "down" ||
      state === "silent";
    if (this.#failure === null && (isNews || !this.#screen.isLive)) {
      const what = detail === "" ? state : `${state}: ${detail}`;
      this.#screen.print("stderr", [`${child.name} ${what}`]);
    }
    const haveEnded = this.#children.every(({ hasEnded }) => hasEnded);
    if (haveEnded) this.#finished.resolve();
  }

  #interrupt(name: EndingSignal): void {
    const now = performance.now();
    if (this.#interruption === null) {
      this.#interruption = { name, at: now };
      this.#stop();
    } else if (now - this.#interruption.at > ECHO_MS) {
      this.#kill();
    }
  }

  #stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const child of this.#children) child.stop("SIGTERM");
    setTimeout(() => this.#kill(), KILL_AFTER_MS);
  }

  #kill(): void {
    for (const child of this.#children) {
      if (!child.isRunning) continue;
      this.#hasKilled = true;
      child.stop("SIGKILL");
    }
  }

  #tick(): void {
    const asksAll = this.#ticks++ % TICKS_PER_QUESTION === 0;
    this.#children.forEach((child, i) => {
      if (!child.isRunning) return;
      const { incarnation } = child;
      for (const { name, state } of [child, ...this.#workers[i]!]) {
        if (asksAll || state === "starting") this.#watch.ask(name, incarnation);
      }
      if (this.#watch.unanswered(child.name) >= SILENT_QUESTIONS) {
        child.setSilent(
          `has not answered for ${
            SILENT_QUESTIONS * TICKS_PER_QUESTION * TICK_MS / 1_000
          } s; an actor of it is in a long turn, or its process is stopped`,
        );
      }
    });
    this.#updateWorkers();
    this.#draw();
  }

  #updateWorkers(): void {
    this.#children.forEach((child, i) => {
      const { name, state, incarnation } = child;
      const workers = this.#watch.figures(name, incarnation)?.workers ?? null;
      for (const worker of this.#workers[i]!) {
        const hasChanged = worker.update({ state, incarnation, workers });
        const isOwn = worker.state === "up" || worker.state === "ended";
        if (hasChanged && isOwn && !this.#screen.isLive) {
          this.#screen.print("stderr", [`${worker.name} ${worker.state}`]);
        }
      }
    });
  }

  #draw(): void {
    const { columns, rows } = this.#screen;
    const lines = this.#children.flatMap((child, i) =>
      [child, ...this.#workers[i]!].map((node) => this.#row(node, child))
    );
    const color = this.#useColor;
    this.#screen.draw(renderView(lines, { columns, rows, color }));
  }

  #row({ name, state }: Pick<Row, "name" | "state">, child: Child): Row {
    const figures = state === "up"
      ? this.#watch.figures(name, child.incarnation)
      : null;
    return {
      name,
      state,
      runtime: child.runtime,
      pid: child.pid,
      actors: figures?.actors ?? null,
      messagesPerSecond: figures?.messagesPerSecond ?? null,
    };
  }
}
