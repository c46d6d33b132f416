/**
 * Runs rows on the BEAM: the Erlang sources beside the benchmarks are compiled
 * into a temporary folder, and each run is a new `erl` with the emulator's
 * defaults. Nodes with names use an epmd on a port of its own, so that an epmd
 * of the machine is not involved.
 */

import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ErlangPeer, Plan, Row } from "../row.ts";
import { type Children, numberOf, parseFigures } from "./children.ts";
import type { Sample } from "./ours.ts";
import { erlangEnv, type ErlangPrograms } from "./programs.ts";

const HOST = "127.0.0.1";
const EPMD_START_MS = 10_000;
const EPMD_LOOK_MS = 20;

const mainSource = new URL("../inside/bench_main.erl", import.meta.url);

/** The BEAM side of one session. `stop` removes its files and its epmd. */
export class Beam {
  readonly #children: Children;
  readonly #programs: ErlangPrograms;
  readonly #folder: string;
  readonly #compiled = new Set<string>();
  #epmd: { readonly child: ChildProcess; readonly port: number } | null = null;

  constructor(children: Children, programs: ErlangPrograms) {
    this.#children = children;
    this.#programs = programs;
    this.#folder = mkdtempSync(join(tmpdir(), "hornbeam-bench-"));
  }

  async run(row: Row, peer: ErlangPeer, plan: Plan): Promise<Sample> {
    await this.#compile(mainSource);
    await this.#compile(peer.source);
    const port = peer.distributed ? await this.#startEpmd() : null;
    const output = await this.#children.run({
      command: this.#programs.erl,
      args: [
        "-noshell",
        ...(peer.flags ?? []),
        ...(port === null ? [] : [
          ...["-name", `first@${HOST}`, "-setcookie", "bench"],
          ...["-start_epmd", "false"],
          ...["-kernel", "inet_dist_use_interface", "{127,0,0,1}"],
        ]),
        ...["-pa", this.#folder, "-run", "bench_main", "main"],
        basename(fileURLToPath(peer.source), ".erl"),
        peer.name ?? row.id.slice(row.id.indexOf("/") + 1),
        ...[plan.warmupMs, plan.timedMs, plan.sizeDivisor].map(String),
      ],
      env: {
        ...this.#env,
        ERL_EPMD_PORT: port === null ? undefined : String(port),
      },
    });
    const { rate: _rate, count: _count, elapsedMs: _ms, ...extra } =
      parseFigures(output);
    return {
      rate: numberOf(parseFigures(output), "rate"),
      extra: extra as Record<string, number>,
    };
  }

  async stop(): Promise<void> {
    if (this.#epmd !== null) await this.#children.stop(this.#epmd.child);
    this.#epmd = null;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** `HOME` is the temporary folder, so that a cookie file goes there. */
  get #env(): Readonly<Record<string, string | undefined>> {
    return { ...erlangEnv, HOME: this.#folder };
  }

  async #compile(source: URL): Promise<void> {
    const path = fileURLToPath(source);
    if (this.#compiled.has(path)) return;
    if (!existsSync(path)) {
      throw new Error(`expected an Erlang source at ${path}; use a checkout`);
    }
    await this.#children.run({
      command: this.#programs.erlc,
      args: ["-o", this.#folder, path],
      env: this.#env,
    });
    this.#compiled.add(path);
  }

  /** Starts the epmd once; returns its port. */
  async #startEpmd(): Promise<number> {
    if (this.#epmd !== null) return this.#epmd.port;
    const port = await freePort();
    const child = this.#children.start({
      command: this.#programs.epmd,
      args: ["-port", String(port), "-address", HOST],
      env: this.#env,
    }, "ignore");
    await listening(port);
    this.#epmd = { child, port };
    return port;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = address !== null && typeof address === "object"
        ? address.port
        : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when a program listens on the port. */
async function listening(port: number): Promise<void> {
  const deadline = performance.now() + EPMD_START_MS;
  while (performance.now() < deadline) {
    if (await canConnect(port)) return;
    await new Promise((resolve) => setTimeout(resolve, EPMD_LOOK_MS));
  }
  throw new Error(`expected epmd to listen within ${EPMD_START_MS} ms`);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
