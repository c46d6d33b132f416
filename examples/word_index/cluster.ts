/**
 * The cluster: three processes, each a node, one on each runtime as far as
 * they are installed. The first is the process that was started; it starts the
 * others, and none of them outlives it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  type LogRecord,
  type NodeInfoReply,
  type RunningNode,
  type Self,
  start,
} from "../../runtime/mod.ts";
import type { MemberReady, MemberSettings } from "./member.ts";
import {
  describeRuntime,
  findRuntime,
  ownRuntime,
  runArguments,
  type Runtime,
  runtimes,
} from "./runtimes.ts";
import { wordWorker } from "./worker.ts";

const MEMBER = fileURLToPath(new URL("member.ts", import.meta.url));
const START_TIMEOUT_MS = 20_000;
/** How long a process may take to end before it is killed. */
const END_TIMEOUT_MS = 2_000;
const STATS_TIMEOUT_MS = 2_000;

/** One process of the cluster. */
export type Process = {
  /** Name of its node. */
  readonly name: string;
  readonly pid: number;
  /** For people: `Deno 2.9.5`. */
  readonly runtime: string;
};

export type ClusterEvents = {
  readonly up: (process: Process) => void;
  /** A runtime is not installed: the own one stands in. */
  readonly missing: (runtime: Runtime, standIn: string) => void;
  readonly log: (record: LogRecord) => void;
};

/** Nodes that see each other. Ends with `stop` or by `await using`. */
export class Cluster {
  /** The node of this process. */
  readonly node: RunningNode;
  readonly processes: Process[];
  readonly #children: Child[] = [];

  /** Use `startCluster`. */
  constructor(node: RunningNode) {
    this.node = node;
    const { name } = node;
    this.processes = [{ name, pid: process.pid, runtime: describeRuntime() }];
  }

  /** Starts one more process and waits for its node. */
  async add(
    runtime: Runtime,
    executable: string,
    settings: MemberSettings,
  ): Promise<Process> {
    const child = new Child(executable, runArguments(runtime, MEMBER));
    this.#children.push(child);
    const added = { name: settings.name, ...await child.ready(settings) };
    this.processes.push(added);
    return added;
  }

  /** Kills a process of the cluster with SIGKILL, so its node closes nothing. */
  kill(name: string): void {
    const victim = this.processes.find((one) => one.name === name);
    if (victim !== undefined) kill(victim.pid);
  }

  /** Kills the other processes, for a program that must end at once. */
  killOthers(): void {
    for (const child of this.#children) child.kill();
  }

  /** Messages that the running nodes have delivered since they started. */
  messages(): Promise<number> {
    return this.node.run(async (self: Self<NodeInfoReply>) => {
      const nodes = [self.node, ...self.nodes()];
      for (const node of nodes) {
        const request = { type: "stats", from: self.pid, tag: node };
        self.send({ name: "node_info", node }, request);
      }
      let sum = 0;
      for (const _ of nodes) {
        const reply = await self.receive({ timeoutMs: STATS_TIMEOUT_MS });
        if (reply === undefined) break;
        sum += (reply.stats as { messages: number }).messages;
      }
      return sum;
    });
  }

  /** Ends the other processes, then the own node. Safe to call twice. */
  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.node.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Starts the cluster. `began` is called as soon as there is something to end,
 * for signal handlers. Rejects when a process does not come up; nothing is
 * left behind then.
 */
export async function startCluster(
  events: ClusterEvents,
  began: (cluster: Cluster) => void,
): Promise<Cluster> {
  const own = ownRuntime();
  // Its own epmd too: clusters side by side neither see nor disturb each other.
  const cookie = randomBytes(24).toString("base64url");
  const epmdPort = await freePort();
  const cluster = new Cluster(
    await start({
      name: nodeName(own, []),
      cookie,
      epmdPort,
      exports: { word_worker: wordWorker },
      log: events.log,
    }),
  );
  began(cluster);
  for (const own of cluster.processes) events.up(own);
  try {
    for (const wanted of runtimes.filter((runtime) => runtime !== own)) {
      const found = findRuntime(wanted);
      if (found === null) events.missing(wanted, describeRuntime());
      const runtime = found === null ? own : wanted;
      const connect = cluster.processes.map((one) => one.name);
      const name = nodeName(runtime, connect);
      const settings = { name, cookie, epmdPort, connect };
      events.up(
        await cluster.add(runtime, found ?? process.execPath, settings),
      );
    }
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** A child process: its node runs until its standard input ends. */
class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #pid: number | null = null;

  constructor(executable: string, args: readonly string[]) {
    this.#process = spawn(executable, args, {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once("exit", resolve).once("error", resolve);
    });
    // It may have ended before it has read everything.
    this.#process.stdin?.on("error", () => {});
  }

  /** Resolves when its node is up and connected. */
  async ready(settings: MemberSettings): Promise<MemberReady> {
    const { stdin, stdout } = this.#process;
    if (stdin === null || stdout === null) throw new Error("expected pipes");
    const timer = setTimeout(() => this.kill(), START_TIMEOUT_MS);
    try {
      stdin.write(`${JSON.stringify(settings)}\n`);
      const line: string = await Promise.race([
        once(createInterface({ input: stdout }), "line").then(([text]) => text),
        this.#ended.then(() => {
          throw new Error(
            `expected ${settings.name} to come up, but its process ended`,
          );
        }),
      ]);
      const ready = JSON.parse(line) as MemberReady;
      this.#pid = ready.pid;
      return ready;
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    this.#process.kill("SIGKILL");
    // What was spawned may be a wrapper around the runtime.
    if (this.#pid !== null && this.#pid !== this.#process.pid) kill(this.#pid);
  }

  async stop(): Promise<void> {
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.kill(), END_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** `deno@127.0.0.1`, or `deno2@127.0.0.1` when that name is taken. */
function nodeName(runtime: Runtime, taken: readonly string[]): string {
  const part = runtime === "node" ? "nodejs" : runtime;
  let name = `${part}@127.0.0.1`;
  for (let n = 2; taken.includes(name); n++) name = `${part}${n}@127.0.0.1`;
  return name;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") {
    throw new Error("expected a port of 127.0.0.1, got none");
  }
  return address.port;
}
