/**
 * The guard of a cluster: a process of its own that ends the cluster's
 * processes when their launcher is gone and they have not noticed.
 *
 * They notice by themselves at the end of their standard input, unless an
 * actor's turn never ends. The guard does nothing but wait, so nothing can hold
 * it up. It reads `+PID` and `-PID`, one per line, and acts when its input
 * ends: the launcher holds the other end and loses it even by SIGKILL.
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** How long the processes have to end by themselves. */
const GRACE_MS = 1_200;

/** The launcher's side. */
export class Guard {
  readonly #process: ChildProcess;

  constructor() {
    const file = fileURLToPath(import.meta.url);
    const args = "deno" in process.versions ? ["run", "-A", file] : [file];
    this.#process = spawn(process.execPath, [...args, "guard"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#process.on("error", () => {});
    this.#process.stdin?.on("error", () => {});
  }

  add(pid: number): void {
    this.#process.stdin?.write(`+${pid}\n`);
  }

  /** Its number may belong to another process from now on. */
  remove(pid: number): void {
    this.#process.stdin?.write(`-${pid}\n`);
  }

  stop(): void {
    this.#process.stdin?.end();
  }
}

/** The guard's own side. */
async function guard(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // A terminal sends these to everyone; the launcher decides.
    process.on(signal, () => {});
  }
  const pids = new Set<number>();
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1));
    if (line.startsWith("+")) pids.add(pid);
    else pids.delete(pid);
  }
  if (pids.size === 0) return;
  await setTimeout(GRACE_MS);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has noticed by itself.
    }
  }
}

if (process.argv[2] === "guard") {
  await guard();
  process.exit(0);
}
