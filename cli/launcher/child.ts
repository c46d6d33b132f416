/**
 * The launcher's view of one node of a cluster: its process, which is restarted
 * when it ends unexpectedly.
 *
 * This module knows the process only; `watch.ts` asks whether the node in it
 * answers.
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import {
  clearInterval,
  clearTimeout,
  setInterval,
  setTimeout,
} from "node:timers";
import type { Guard } from "./guard.ts";
import { NOT_STARTED } from "../member/member.ts";
import { type Relay, relay } from "./relay.ts";
import { Restarts } from "../shared/restarts.ts";
import type { Command, RuntimeName } from "./runtimes.ts";
import type { Screen } from "./screen.ts";
import type { MemberState } from "./view.ts";

export type ChildOptions = {
  /** The name of its node. */
  readonly name: string;
  readonly runtime: RuntimeName;
  /** Returns the command of its process; called before each start. */
  readonly command: () => Command;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly screen: Screen;
  /** Written before each line of its output. */
  readonly prefix: string;
  /** Allowed restarts within a minute; 0 for none. */
  readonly maxRestarts: number;
  readonly guard: Guard;
  readonly events: ChildEvents;
};

/** The events that a child reports to the launcher. */
export type ChildEvents = {
  /** The state has changed; `detail` says why, or is empty. */
  changed(child: Child, detail: string): void;
  /** It ended before its program started, and its node was never up. */
  failed(child: Child, message: string, exitCode: number): void;
};

/** When no output has come for this long after an exit, it is complete. */
const OUTPUT_MS = 200;

export class Child {
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly #options: ChildOptions;
  #state: MemberState = "starting";
  /** Null before the start, and from the end of a process to the next start. */
  #process: ChildProcess | null = null;
  /** Whether the process has exited; its output may not be complete yet. */
  #hasExited = false;
  readonly #restarts: Restarts;
  /** The timer of the pause before a restart. */
  #backoff: ReturnType<typeof setTimeout> | undefined;
  /** Whether `stop` was called: then no process is started any more. */
  #isStopping = false;
  /** The error line of a process that could not start its program. */
  #startError: string | null = null;
  /** Whether its node has ever answered. */
  #wasUp = false;
  /** The number of processes that were started. */
  incarnation = 0;
  /** The exit code of the last process; null while none has ended. */
  exitCode: number | null = null;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.runtime = options.runtime;
    this.#options = options;
    this.#restarts = new Restarts(options.maxRestarts);
  }

  get state(): MemberState {
    return this.#state;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  /** Whether it has no process and will start none any more. */
  get hasEnded(): boolean {
    return this.#state === "done" || this.#state === "down";
  }

  start(): void {
    const { command, env } = this.#options;
    this.incarnation++;
    const { file, args } = command();
    this.#startError = null;
    const child = spawn(file, [...args], {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process = child;
    const { pid } = child;
    if (pid !== undefined) this.#options.guard.add(pid);
    this.#hasExited = false;
    const relays = this.#relay(child);
    child.stdin.on("error", () => {});
    child.once("error", (error) => {
      if (child.pid !== undefined) return;
      this.#startError = `${file} could not be started: ${error.message}`;
      this.#handleExit(NOT_STARTED + 1, null);
    });
    child.once("exit", (code, signal) => {
      this.#hasExited = true;
      if (pid !== undefined) this.#options.guard.remove(pid);
      // A child process of it, such as Deno's, may still hold the same input.
      child.stdin.destroy();
      afterOutput(child, relays, () => this.#handleExit(code, signal));
    });
    this.#become(
      "starting",
      `on ${this.runtime}${
        child.pid === undefined ? "" : `, pid ${child.pid}`
      }`,
    );
  }

  /** Records that its node has answered. */
  setAnswered(): void {
    if (this.#state !== "starting" && this.#state !== "silent") return;
    this.#wasUp = true;
    this.#become("up", "");
  }

  /** Records that its node does not answer although its process runs. */
  setSilent(detail: string): void {
    if (this.#state === "up") this.#become("silent", detail);
  }

  /** Sends its process a signal, and starts no further process. */
  stop(signal: "SIGTERM" | "SIGKILL"): void {
    this.#isStopping = true;
    clearTimeout(this.#backoff);
    const { pid } = this;
    if (pid === null) {
      if (!this.hasEnded) this.#become("down", "stopped");
      return;
    }
    // The system may have given its pid to another process.
    if (this.#hasExited) return;
    try {
      // Not by the child's own `kill`: Deno would then report this signal as
      // the cause of the exit, also when there was another cause.
      process.kill(pid, signal);
    } catch {
      // It has just exited; the event `exit` follows.
    }
  }

  #relay({ stdout, stderr }: ChildProcess): readonly Relay[] {
    const { screen, prefix } = this.#options;
    if (stdout === null || stderr === null) return [];
    const out = relay(stdout, { screen, prefix, to: "stdout" });
    const err = relay(stderr, {
      screen,
      prefix,
      to: "stderr",
      keep: (line) => {
        if (this.#state !== "starting" || !line.startsWith("error: ")) {
          return false;
        }
        this.#startError = line.slice("error: ".length);
        return true;
      },
    });
    return [out, err];
  }

  #handleExit(code: number | null, signal: string | null): void {
    this.#process = null;
    this.exitCode = code;
    const startError = this.#startError;
    const cause = signal !== null
      ? `killed by ${signal}`
      : startError ?? `exit code ${code}`;
    if (code === 0) {
      this.#become("done", "");
    } else if (this.#isStopping) {
      this.#become("down", "stopped");
    } else if (
      code !== null && code > NOT_STARTED && startError !== null &&
      !this.#wasUp
    ) {
      this.#state = "down";
      this.#options.events.failed(this, startError, code - NOT_STARTED);
      this.#become("down", cause);
    } else {
      this.#restart(cause);
    }
  }

  #restart(cause: string): void {
    const delayMs = this.#restarts.next();
    if (delayMs === null) {
      this.#become("down", cause + this.#restarts.complaint);
      return;
    }
    this.#backoff = setTimeout(() => this.start(), delayMs);
    this.#become("restarting", `${cause}; starts again in ${delayMs} ms`);
  }

  #become(state: MemberState, detail: string): void {
    this.#state = state;
    this.#options.events.changed(this, detail);
  }
}

/**
 * Calls back when all output of a process that has exited was passed on. Its
 * streams may stay open even then, because a process that it had started holds
 * them.
 */
function afterOutput(
  child: ChildProcess,
  relays: readonly Relay[],
  callback: () => void,
): void {
  let isDone = false;
  const done = (): void => {
    if (isDone) return;
    isDone = true;
    clearInterval(timer);
    callback();
  };
  const timer = setInterval(() => {
    const quiet = relays.map((output) => output.isQuiet());
    if (!quiet.includes(false)) done();
  }, OUTPUT_MS);
  child.once("close", done);
}
