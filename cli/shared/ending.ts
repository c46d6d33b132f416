/**
 * How the process ends: by itself when the program is done, or by a signal, a
 * lost launcher or a lost reader of its output. The end of a node is not here;
 * that is its `stop`.
 */

import process from "node:process";
import { setTimeout } from "node:timers";

/** Exit codes of the command; a signal's is 128 plus its number. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** The signals that ask a process to end, and the exit codes for them. */
const endingSignals = { SIGINT: 130, SIGTERM: 143 } as const;

export type EndingSignal = keyof typeof endingSignals;

export function exitCodeOf(signal: EndingSignal): number {
  return endingSignals[signal];
}

/** The exit code for SIGPIPE, as a shell shows it. */
const BROKEN_PIPE = 141;
/** How long a program that uses its `signal` may run on after a signal. */
const GRACE_MS = 3_000;
/** The same after the launcher is gone. */
const ORPHAN_GRACE_MS = 1_000;
/** When a process without a launcher exits in any case. */
const ORPHAN_END_MS = 1_800;
/** A second signal this soon is taken for the first: npm passes its own on. */
export const ECHO_MS: number = 500;

/** Asks a program to end by its `signal`, and limits how long that takes. */
export class Ending {
  readonly #controller = new AbortController();
  readonly #over = Promise.withResolvers<number>();
  /** The exit code of the first request to end; null before it. */
  #code: number | null = null;
  /** The time of the first request. */
  #askedAt = 0;
  /** Set when the program reads its `signal`: only then is there a grace. */
  isSignalTaken = false;

  /** Aborted when the program should end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves with the exit code when the program may not go on any more. */
  get over(): Promise<number> {
    return this.#over.promise;
  }

  /** Resolves with the value of `work`, or with the exit code if it is first. */
  orOver<T>(work: Promise<T>): Promise<T | number> {
    return Promise.race([work, this.#over.promise]);
  }

  /** Ends the program by these signals; a second signal ends it at once. */
  listen(signals: readonly EndingSignal[]): void {
    for (const name of signals) {
      process.on(name, () => this.#ask(exitCodeOf(name), name, GRACE_MS));
    }
  }

  /** Ends the program when its output has no reader, as after `| head`. */
  listenToReader(): void {
    const lost = (): void =>
      this.#ask(BROKEN_PIPE, "the output has no reader", GRACE_MS);
    process.stdout.on("error", lost);
    process.stderr.on("error", lost);
  }

  /** Ends the program when standard input ends: the launcher is gone. */
  listenToLauncher(): void {
    const lost = (): void => {
      this.#ask(exitCodes.failed, "the launcher is gone", ORPHAN_GRACE_MS);
      setTimeout(() => process.exit(exitCodes.failed), ORPHAN_END_MS);
    };
    process.stdin.on("end", lost);
    process.stdin.on("close", lost);
    process.stdin.on("error", lost);
    process.stdin.resume();
    // Without the launcher the output has no reader; that is no error.
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

/** Waits for a promise for a limited time, and ignores its result. */
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
 * Ends the process when its output is written, however long its reader takes.
 * A signal ends it without waiting.
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
