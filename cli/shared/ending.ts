/**
 * How the process ends: by itself when the program is done, or because a
 * signal or a lost launcher asks it to. Not how a node ends; that is its
 * `stop`.
 */

import process from "node:process";
import { setTimeout } from "node:timers";

/** Exit codes of the command; signals have 128 and their number. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** The signals that ask a process to end, and what it exits with then. */
const endingSignals = { SIGINT: 130, SIGTERM: 143 } as const;

export type EndingSignal = keyof typeof endingSignals;

export function exitCodeOf(signal: EndingSignal): number {
  return endingSignals[signal];
}

/** What a shell shows for SIGPIPE. */
const BROKEN_PIPE = 141;
/** How long a program that took the signal may go on after it. */
const GRACE_MS = 3_000;
/** The same when nobody is left to report to. */
const ORPHAN_GRACE_MS = 1_000;
/** By then an orphan is gone, whatever its node and its output do. */
const ORPHAN_END_MS = 1_800;
/** A second signal this soon is the first one again: npm passes on its own. */
export const ECHO_MS: number = 500;

/** What a program is told when it should end, and when its time is over. */
export class Ending {
  readonly #controller = new AbortController();
  readonly #over = Promise.withResolvers<number>();
  #code: number | null = null;
  #askedAt = 0;
  /** Set when the program looked at the signal: only then can it heed it. */
  isSignalTaken = false;

  /** Aborted when the program should end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves with the exit code when the program may not go on any more. */
  get over(): Promise<number> {
    return this.#over.promise;
  }

  /** What `work` resolves with, or the exit code if the end comes first. */
  orOver<T>(work: Promise<T>): Promise<T | number> {
    return Promise.race([work, this.#over.promise]);
  }

  /** Ends by these signals; a second one ends at once. */
  listen(signals: readonly EndingSignal[]): void {
    for (const name of signals) {
      process.on(name, () => this.#ask(exitCodeOf(name), name, GRACE_MS));
    }
  }

  /** Ends when nobody reads the output any more, as after `| head`. */
  listenToReader(): void {
    const lost = (): void => this.#ask(BROKEN_PIPE, "nobody reads", GRACE_MS);
    process.stdout.on("error", lost);
    process.stderr.on("error", lost);
  }

  /** Ends with the standard input, which the launcher holds open. */
  listenToLauncher(): void {
    const lost = (): void => {
      this.#ask(exitCodes.failed, "the launcher is gone", ORPHAN_GRACE_MS);
      setTimeout(() => process.exit(exitCodes.failed), ORPHAN_END_MS);
    };
    process.stdin.on("end", lost);
    process.stdin.on("close", lost);
    process.stdin.on("error", lost);
    process.stdin.resume();
    // Nobody reads the output of an orphan, and that is no reason to crash.
    process.stdout.on("error", () => {});
    process.stderr.on("error", () => {});
  }

  #ask(code: number, why: string, graceMs: number): void {
    const now = performance.now();
    if (this.#code !== null) {
      if (now - this.#askedAt > ECHO_MS) this.#over.resolve(this.#code);
      return;
    }
    this.#code = code;
    this.#askedAt = now;
    this.#controller.abort(new Error(why));
    if (!this.isSignalTaken) this.#over.resolve(code);
    else setTimeout(() => this.#over.resolve(code), graceMs);
  }
}

/** Waits for a promise for a limited time; its outcome is of no interest. */
export async function atMost(
  limitMs: number,
  promise: Promise<unknown>,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([promise.then(() => {}, () => {}), limit]);
  clearTimeout(timer);
}

/**
 * Ends the process once its output is written, however long its reader takes;
 * a signal does not wait for that.
 */
export async function endProcess(code: number): Promise<never> {
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => process.exit(exitCodeOf(name)));
  }
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.errored) return resolve();
    stream.once("error", () => resolve());
    stream.write("", () => resolve());
  });
}
