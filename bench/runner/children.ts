/**
 * Starts measured processes, waits for their lines of figures, and ends them
 * before the runner ends.
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

export type Command = {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/** Output that is kept of a child, which should print one line. */
const OUTPUT_MAX = 64 * 1024;
/** A run takes seconds, so this is the limit for a run that hangs. */
const RUN_TIMEOUT_MS = 120_000;

/** The child processes of one session. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  #isStopped = false;

  /** Throws after `stopAll`. */
  start(what: Command, output: "pipe" | "ignore"): ChildProcess {
    if (this.#isStopped) throw new Error("the session has been stopped");
    const env = { ...process.env, ...what.env };
    for (const [name, value] of Object.entries(env)) {
      if (value === undefined) delete env[name];
    }
    const child = spawn(what.command, [...what.args], {
      env,
      stdio: ["pipe", output, output],
    });
    this.#running.add(child);
    child.stdin?.on("error", () => {});
    child.once("error", () => this.#running.delete(child));
    child.once("exit", () => this.#running.delete(child));
    return child;
  }

  /**
   * Runs a command to its end and returns its standard output. Rejects with
   * what it wrote when it fails, and when it takes too long.
   */
  async run(what: Command): Promise<string> {
    const child = this.start(what, "pipe");
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout = (stdout + text).slice(-OUTPUT_MAX);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-OUTPUT_MAX);
    });
    return await new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        child.kill("SIGKILL");
      }, RUN_TIMEOUT_MS);
      child.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      child.once("close", (code, signal) => {
        clearTimeout(timer);
        if (code === 0) return resolve(stdout);
        const cause = isLate
          ? `did not end within ${RUN_TIMEOUT_MS / 1_000} s`
          : signal === null
          ? `ended with exit code ${code}`
          : `was ended by ${signal}`;
        reject(
          new Error(`${what.command} ${cause}\n${stderr}${stdout}`.trim()),
        );
      });
    });
  }

  /** Kills all children that still run; no further child can be started. */
  async stopAll(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#running].map((child) => this.stop(child)));
  }

  stop(child: ChildProcess): Promise<void> {
    if (!this.#running.has(child)) return Promise.resolve();
    return new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
      child.kill("SIGKILL");
    });
  }
}

/** The last line of a child's output as an object of numbers. */
export function parseFigures(output: string): Record<string, unknown> {
  const line = output.trim().split("\n").at(-1) ?? "";
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = null;
  }
  if (typeof value !== "object" || value === null) {
    throw new Error(`expected a line of figures, got ${JSON.stringify(line)}`);
  }
  return value as Record<string, unknown>;
}

/** A figure by its name. Throws unless it is a number. */
export function numberOf(
  figures: Readonly<Record<string, unknown>>,
  name: string,
): number {
  const value = figures[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Error(`expected a number as ${name}, got ${JSON.stringify(value)}`);
}
