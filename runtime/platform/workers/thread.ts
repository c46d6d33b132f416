/**
 * Threads: how one is started and ended, and how its end is noticed.
 *
 * It uses `node:worker_threads` of Node.js, Deno and Bun. They differ in one
 * point: Deno does not stop a thread that is busy with JavaScript, and reports
 * its end nevertheless. So on Deno a thread is first asked to end itself. This
 * module does not know which code runs in a thread.
 */

import { isAbsolute } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type MessagePort, Worker, workerData } from "node:worker_threads";
import { runtimeName } from "../host/runtime.ts";

/** Whether `terminate` also stops a thread that is busy with JavaScript. */
export const stopsBusyThreads: boolean = runtimeName !== "deno";

/** How a thread ended. */
export type ThreadExit = {
  readonly code: number;
  /** The uncaught error that has ended it; null when there was none. */
  readonly error: unknown;
};

/** A started thread. */
export type Thread = {
  /** Resolves when the thread has ended; see `stopsBusyThreads`. */
  readonly exited: Promise<ThreadExit>;
  /** Starts to end it. */
  terminate(): void;
};

/** Starts a thread with a module. `ports`: all ports that `data` holds. */
export function startThread(
  entry: URL,
  data: Readonly<Record<string, unknown>>,
  ports: readonly MessagePort[],
  name: string,
): Thread {
  const worker = new Worker(entry, {
    workerData: data,
    transferList: [...ports],
    name,
  });
  let error: unknown = null;
  worker.on("error", (thrown) => {
    error ??= thrown;
  });
  return {
    exited: new Promise((resolve) => {
      worker.on("exit", (code) => resolve({ code, error }));
    }),
    terminate: () => void worker.terminate(),
  };
}

/** Inside a thread: the `data` of `startThread`. */
export function threadData(): unknown {
  return workerData;
}

/** Inside a thread: ends it at once. */
export function quitThread(code: number): never {
  process.exit(code);
}

/** Inside a thread: ends it once its output is written. */
export async function endThread(code: number): Promise<never> {
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

/**
 * Inside a thread: calls back with each uncaught error, unless the program has
 * a handler of its own.
 */
export function onUncaught(callback: (error: unknown) => void): void {
  process.on("uncaughtException", (error: unknown) => {
    if (process.listenerCount("uncaughtException") === 1) callback(error);
  });
}

/** Inside a thread: calls back when the other end of the port is closed. */
export function onPortClosed(port: MessagePort, callback: () => void): void {
  port.addEventListener("close", callback);
}

/**
 * The address by which any thread can load a module: a URL, or an absolute path
 * as a URL. Null for any other text.
 */
export function moduleAddress(module: string | URL): string | null {
  if (typeof module !== "string") return module.href;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  return URL.canParse(module) ? module : null;
}
