/**
 * Child processes for tests, the same on Node.js, Deno and Bun: output as
 * lines, waiting for a line with a deadline, and a guard that ends every child
 * when the test file ends, however it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { onDeadline } from "./wait.ts";

export type Runtime = "node" | "deno" | "bun";

export const runtimes: readonly Runtime[] = ["node", "deno", "bun"];

/** The checkout's folder. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** The runtime that executes this test. */
export function currentRuntime(): Runtime {
  if (process.versions["bun"] !== undefined) return "bun";
  return process.versions["deno"] === undefined ? "node" : "deno";
}

/**
 * The command that runs a TypeScript or JavaScript file on a runtime, with the
 * pinned binary. The path is the binary itself and not a link to it or a
 * wrapper, so the child's pid is the runtime's.
 */
export function runtimeCommand(
  runtime: Runtime,
  file: string,
  args: readonly string[] = [],
): { command: string; args: string[] } {
  const command = realpathSync(join(root, "node_modules", ".bin", runtime));
  const before = runtime === "deno" ? ["run", "--allow-all", "--quiet"] : [];
  return { command, args: [...before, file, ...args] };
}

/**
 * PATH with the pinned programs first. `bun --bun` would otherwise have its
 * children take bun for node.
 */
export function pinnedPath(): string {
  const pinned = join(root, "node_modules", ".bin");
  return pinned + delimiter + (process.env["PATH"] ?? "");
}

/**
 * Whether a process runs. A process that has ended counts as ended even when its
 * parent has not noticed: orphans in a container may stay unnoticed for long.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** How a child ended: its exit code, or the signal that killed it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SpawnOptions {
  /**
   * Added to this process's environment, in which PATH begins with the pinned
   * node, deno and bun.
   */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * Gives the child a process group of its own. Signals go to the whole group,
   * and what is left of it is killed when the child ends: for a shell that
   * starts children itself.
   */
  readonly group?: boolean;
}

const MAX_LINES = 10_000;
const DEFAULT_TIMEOUT_MS = 10_000;
/** How long output may still come after a kill. */
const OUTPUT_GRACE_MS = 500;

const running = new Set<SpawnedProcess>();

/** A child process whose output is kept as lines. */
export class SpawnedProcess {
  /** Whole lines so far, oldest first, at most the newest 10,000. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Resolves when the child has ended and its output is complete. */
  readonly exited: Promise<Exit>;

  readonly #child: ChildProcess;
  readonly #title: string;
  readonly #group: boolean;
  readonly #waiters: Set<() => void> = new Set<() => void>();
  #exit: Exit | undefined;
  #failure: Error | undefined;

  constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.#title = [command, ...args].join(" ");
    this.#group = options.group === true;
    this.#child = spawn(command, [...args], {
      detached: this.#group,
      cwd: options.cwd ?? root,
      env: { ...process.env, PATH: pinnedPath(), ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(this);
    this.#collect(this.#child.stdout, this.stdout);
    this.#collect(this.#child.stderr, this.stderr);
    // A child that ended does not read what a test still writes to it.
    this.#child.stdin?.on("error", () => {});
    this.exited = new Promise((resolve) => {
      const ended = (exit: Exit) => {
        if (this.#exit !== undefined) return;
        this.#exit = exit;
        running.delete(this);
        this.#wake();
        resolve(exit);
      };
      this.#child.on("error", (error) => {
        this.#failure = error;
        if (this.#child.pid === undefined) ended({ code: null, signal: null });
      });
      this.#child.on("exit", () => {
        if (this.#group) this.kill("SIGKILL");
      });
      this.#child.on("close", (code, signal) => ended({ code, signal }));
    });
  }

  /**
   * The lines of `stderr` without warnings of long turns, which any node may
   * log on a busy machine.
   */
  get complaints(): string[] {
    return this.stderr.filter((line) => !/a turn took \d+ ms/.test(line));
  }

  /** The operating system's number of the child. Throws if it never started. */
  get pid(): number {
    const pid = this.#child.pid;
    if (pid === undefined) {
      throw new Error(`${this.#title} did not start: ${this.#failure}`);
    }
    return pid;
  }

  /** Writes to the child's standard input. */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends the child's standard input. */
  end(): void {
    this.#child.stdin?.end();
  }

  /**
   * Resolves with the first line of either stream that matches, lines that
   * came before the call included. Rejects, showing the child's output, when
   * the child ends or `timeoutMs` (default 10,000) passes without one.
   */
  waitForLine(
    pattern: RegExp,
    timeoutMs: number = DEFAULT_TIMEOUT_MS,
  ): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        callOff();
        this.#waiters.delete(look);
      };
      const look = () => {
        for (const line of [...this.stdout, ...this.stderr]) {
          const match = new RegExp(pattern, pattern.flags.replace("g", ""))
            .exec(line);
          if (match !== null) {
            settle();
            return resolve(match);
          }
        }
        if (this.#exit !== undefined) {
          settle();
          reject(this.#error(`ended without a line like ${pattern}`));
        }
      };
      const callOff = onDeadline(timeoutMs, () => {
        settle();
        reject(this.#error(`no line like ${pattern} within ${timeoutMs} ms`));
      });
      this.#waiters.add(look);
      look();
    });
  }

  /**
   * Resolves when the child has ended by itself. Rejects, and kills it, when
   * `timeoutMs` (default 10,000) passes first.
   */
  async waitForExit(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<Exit> {
    let callOff = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      callOff = onDeadline(timeoutMs, () => resolve(undefined));
    });
    const exit = await Promise.race([this.exited, late]);
    callOff();
    if (exit !== undefined) return exit;
    await this.stop();
    throw this.#error(`did not end within ${timeoutMs} ms`);
  }

  /** Sends a signal and does not wait. */
  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    const pid = this.#child.pid;
    if (pid === undefined) return;
    try {
      // Not the child's own `kill`: with that, Deno reports this signal as the
      // end, for every real cause.
      process.kill(this.#group ? -pid : pid, signal);
    } catch {
      // It has ended, and no process is left in its group.
    }
  }

  /**
   * Kills the child if it still runs, and resolves when it has ended. Children
   * of the child that hold its output open are not waited for.
   */
  async stop(): Promise<Exit> {
    if (this.#exit === undefined) {
      this.kill("SIGKILL");
      const release = setTimeout(() => {
        this.#child.stdout?.destroy();
        this.#child.stderr?.destroy();
      }, OUTPUT_GRACE_MS);
      this.#child.once("close", () => clearTimeout(release));
    }
    return await this.exited;
  }

  /** For `await using`: the same as `stop()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #collect(stream: ChildProcess["stdout"], lines: string[]): void {
    if (stream === null) return;
    let rest = "";
    const push = (line: string) => {
      lines.push(line);
      if (lines.length > MAX_LINES) lines.shift();
    };
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) push(part.replace(/\r$/, ""));
      this.#wake();
    });
    stream.on("end", () => {
      if (rest !== "") push(rest);
      rest = "";
      this.#wake();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiters]) look();
  }

  #error(what: string): Error {
    const exit = this.#exit;
    const how = exit === undefined
      ? "still running"
      : `exit code ${exit.code}, signal ${exit.signal}`;
    return new Error(
      `${this.#title}: ${what} (${how})\n` +
        `--- stdout\n${this.stdout.slice(-40).join("\n")}\n` +
        `--- stderr\n${this.stderr.slice(-40).join("\n")}`,
      this.#failure === undefined ? undefined : { cause: this.#failure },
    );
  }
}

/** Starts a command; `stopAll` ends it at the latest. */
export function spawnProcess(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): SpawnedProcess {
  return new SpawnedProcess(command, args, options);
}

/** Starts a file on a runtime: `runtimeCommand` and `spawnProcess` in one. */
export function spawnRuntime(
  runtime: Runtime,
  file: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): SpawnedProcess {
  const command = runtimeCommand(runtime, file, args);
  return spawnProcess(command.command, command.args, options);
}

/** Kills every child that this test file started and that still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}
