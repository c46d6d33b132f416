/**
 * Requests of the operating system to end, on all three runtimes.
 *
 * How a program ends then is not decided here. While a listener is registered,
 * these signals do not end the process, and the process stays alive also when
 * it has nothing else to do.
 */

import process from "node:process";
import { clearInterval, setInterval } from "node:timers";

/** The signals that ask a process to end. */
export type TerminationSignal = "SIGINT" | "SIGTERM";

/** Longest interval of a timer, here one that keeps the event loop alive. */
const FOREVER_MS = 0x7fff_ffff;

/**
 * Calls `listener` for each such signal until the result is disposed of. A
 * worker's thread gets no signals.
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
