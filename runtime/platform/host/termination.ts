/**
 * Being asked to end by the operating system, on all three runtimes.
 *
 * How a program ends then is not decided here. While somebody listens, the
 * signals do not end the process, and it goes on without anything else to do.
 */

import process from "node:process";
import { clearInterval, setInterval } from "node:timers";

/** The signals that ask a process to end. */
export type TerminationSignal = "SIGINT" | "SIGTERM";

/** Longer than any program runs; the timer keeps the event loop alive. */
const FOREVER_MS = 0x7fff_ffff;

/**
 * Calls back for each such signal until it is disposed of. Threads of workers
 * get none.
 */
export function onTermination(
  listener: (signal: TerminationSignal) => void,
  signals: readonly TerminationSignal[] = ["SIGINT", "SIGTERM"],
): Disposable {
  const keepAlive = setInterval(() => {}, FOREVER_MS);
  const listeners = signals.map((name) => {
    const call = (): void => listener(name);
    process.on(name, call);
    return { name, call };
  });
  return {
    [Symbol.dispose]: () => {
      clearInterval(keepAlive);
      for (const { name, call } of listeners) process.off(name, call);
      listeners.length = 0;
    },
  };
}
