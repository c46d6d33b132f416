/**
 * Timers, microtasks and macrotasks of this thread.
 *
 * A macrotask is what lets timers and sockets live while actors have work, so
 * the one thing that counts here is that a chain of them starves nobody.
 */

import { webcrypto } from "node:crypto";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { TimerHandle } from "../../core/host/ports.ts";
import { runtimeName } from "./runtime.ts";

type Schedule = (callback: () => void) => void;

export function setTimer(callback: () => void, delayMs: number): TimerHandle {
  return setTimeout(callback, delayMs);
}

export function clearTimer(handle: TimerHandle): void {
  clearTimeout(handle as Parameters<typeof clearTimeout>[0]);
}

/** Longest work in milliseconds between two looks at Deno's sockets. */
const socketPauseMs = 1;

/** What a promise gives, or null when it gives nothing within the time. */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
): Promise<T | null> {
  let timer: TimerHandle | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimer(() => resolve(null), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    if (timer !== undefined) clearTimer(timer);
  }
}

const oneByte = new Uint8Array(1);

/**
 * Deno polls its sockets when its loop has nothing ready, else on every 61st
 * turn only, so a chain of `setImmediate` callbacks of 2 ms each keeps a socket
 * waiting for more than 100 ms. A digest computed on another thread empties the
 * loop for about 60 µs, which is enough; a zero timer would cost 1 ms. The
 * `setImmediate` behind it lets due timers run first.
 */
function denoMacrotask(): Schedule {
  let lastPause = -Infinity;
  return (callback) => {
    if (performance.now() - lastPause < socketPauseMs) {
      setImmediate(callback);
      return;
    }
    const next = () => {
      lastPause = performance.now();
      setImmediate(callback);
    };
    webcrypto.subtle.digest("SHA-1", oneByte).then(next, next);
  };
}

export const macrotask: Schedule = runtimeName === "deno"
  ? denoMacrotask()
  : (callback) => void setImmediate(callback);

const settled = Promise.resolve();

/** As `queueMicrotask`, which on Node.js makes an async resource each time. */
export const microtask: Schedule = (callback) => void settled.then(callback);
