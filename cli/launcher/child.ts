/**
 * One node of a cluster as the launcher sees it: a process, and the ones that
 * follow it when it dies unexpectedly.
 *
 * Whether the node inside answers is not known here; `watch.ts` asks it.
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
  /** Of its node. */
  readonly name: string;
  readonly runtime: RuntimeName;
  /** What starts its process, the first time or again. */
  readonly command: () => Command;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly screen: Screen;
  /** Before each line of its output. */
  readonly prefix: string;
  /** Within a minute; 0 for none. */
  readonly maxRestarts: number;
  readonly guard: Guard;
  readonly events: ChildEvents;
};

/** What the launcher is told. */
export type ChildEvents = {
  /** The state has changed; `detail` says why where that is of interest. */
  changed(child: Child, detail: string): void;
  /** It ended before its program began, and never was up before. */
  failed(child: Child, message: string, exitCode: number): void;
};

/** Output that stays away this long after a process's end is all there is. */
const OUTPUT_MS = 200;

export class Child {
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly #options: ChildOptions;
  #state: MemberState = "starting";
  #process: ChildProcess | null = null;
  /** Whether the process has ended; what it wrote may still be under way. */
  #hasExited = false;
  readonly #restarts: Restarts;
  #backoff: ReturnType<typeof setTimeout> | undefined;
  #isStopping = false;
  /** The line with which a process that cannot start says why. */
  #lastWords: string | null = null;
  /** Whether its node has ever answered. */
  #wasUp = false;
  /** How many processes it has had. */
  incarnation = 0;
  /** How the last process ended; null while none has. */
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

  /** Whether no process of it will run any more. */
  get isOver(): boolean {
    return this.#state === "done" || this.#state === "down";
  }

  start(): void {
    const { command, env } = this.#options;
    this.incarnation++;
    const { file, args } = command();
    this.#lastWords = null;
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
      this.#lastWords = `${file} could not be started: ${error.message}`;
      this.#ended(NOT_STARTED + 1, null);
    });
    child.once("exit", (code, signal) => {
      this.#hasExited = true;
      if (pid !== undefined) this.#options.guard.remove(pid);
      // Deno's wrapper of a runtime may live on with the same input.
      child.stdin.destroy();
      afterOutput(child, relays, () => this.#ended(code, signal));
    });
    this.#become(
      "starting",
      `on ${this.runtime}${
        child.pid === undefined ? "" : `, pid ${child.pid}`
      }`,
    );
  }

  /** Its node answers. */
  answered(): void {
    if (this.#state !== "starting" && this.#state !== "silent") return;
    this.#wasUp = true;
    this.#become("up", "");
  }

  /** Its node answers no more, though its process runs. */
  silent(detail: string): void {
    if (this.#state === "up") this.#become("silent", detail);
  }

  /** Sends its process a signal, and starts no further one. */
  stop(signal: "SIGTERM" | "SIGKILL"): void {
    this.#isStopping = true;
    clearTimeout(this.#backoff);
    const { pid } = this;
    if (pid === null) {
      if (!this.isOver) this.#become("down", "stopped");
      return;
    }
    // Its number may belong to another process by now.
    if (this.#hasExited) return;
    try {
      // Not by the child's own `kill`: Deno would report this signal as the
      // one that ended the process, whatever really did.
      process.kill(pid, signal);
    } catch {
      // It has just ended, and its end will be told.
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
        this.#lastWords = line.slice("error: ".length);
        return true;
      },
    });
    return [out, err];
  }

  #ended(code: number | null, signal: string | null): void {
    this.#process = null;
    this.exitCode = code;
    const words = this.#lastWords;
    const how = signal !== null
      ? `killed by ${signal}`
      : words ?? `exit code ${code}`;
    if (code === 0) {
      this.#become("done", "");
    } else if (this.#isStopping) {
      this.#become("down", "stopped");
    } else if (
      code !== null && code > NOT_STARTED && words !== null && !this.#wasUp
    ) {
      this.#state = "down";
      this.#options.events.failed(this, words, code - NOT_STARTED);
      this.#become("down", how);
    } else {
      this.#restart(how);
    }
  }

  #restart(how: string): void {
    const delayMs = this.#restarts.next();
    if (delayMs === null) {
      this.#become("down", how + this.#restarts.complaint);
      return;
    }
    this.#backoff = setTimeout(() => this.start(), delayMs);
    this.#become("restarting", `${how}; starts again in ${delayMs} ms`);
  }

  #become(state: MemberState, detail: string): void {
    this.#state = state;
    this.#options.events.changed(this, detail);
  }
}

/**
 * Calls back when the output of a process that has ended is passed on. Its
 * streams may stay open after that, held by a process that it had started.
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
    const quiet = relays.map((one) => one.isQuiet());
    if (!quiet.includes(false)) done();
  }, OUTPUT_MS);
  child.once("close", done);
}
