/**
 * The guard of a cluster: a process that kills the cluster's processes when
 * their launcher has ended and they have not ended by themselves.
 *
 * They normally end when their standard input ends, but not while an actor is
 * in an endless turn. The guard only waits, so it is never busy. It reads
 * `+PID` and `-PID`, one per line, and acts when its input ends: the launcher
 * holds the other end, which closes even by SIGKILL.
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

  /** Forgets a process that has exited: its pid may be used again. */
  remove(pid: number): void {
    this.#process.stdin?.write(`-${pid}\n`);
  }

  stop(): void {
    this.#process.stdin?.end();
  }
}

/** The process of the guard. */
async function guard(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // A terminal sends these to all processes; the launcher decides.
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
      // It has ended by itself.
    }
  }
}

if (process.argv[2] === "guard") {
  await guard();
  process.exit(0);
}
