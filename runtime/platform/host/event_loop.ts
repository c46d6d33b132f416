/**
 * Timers, microtasks and macrotasks of this thread.
 *
 * Between two macrotasks, timers and sockets have their turn although actors
 * have work. So a long chain of macrotasks must not starve them.
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
const SOCKET_PAUSE_MS = 1;

/** The result of a promise, or null when it is not there within the time. */
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
 * Deno polls its sockets when its loop has nothing ready, and otherwise only on
 * every 61st turn. So a chain of `setImmediate` callbacks of 2 ms each keeps a
 * socket waiting for more than 100 ms. While another thread computes a digest,
 * the loop has nothing ready for about 60 µs, which is enough; a zero timer
 * would cost 1 ms. The `setImmediate` after it lets due timers run first.
 */
function denoMacrotask(): Schedule {
  let lastPause = -Infinity;
  return (callback) => {
    if (performance.now() - lastPause < SOCKET_PAUSE_MS) {
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

/** As `queueMicrotask`, which makes an async resource each time on Node.js. */
export const microtask: Schedule = (callback) => void settled.then(callback);
