/**
 * Threads: how one is started and ended, and how it is known that it is over.
 *
 * `node:worker_threads` serves Node.js, Deno and Bun. What they cannot do alike
 * is said here: Deno does not stop a thread that is busy with JavaScript, and
 * reports its end nevertheless, so there a thread is first asked to end itself.
 * What runs in a thread, and what is said to it, is not known here.
 */

import { isAbsolute } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type MessagePort, Worker, workerData } from "node:worker_threads";
import { runtimeName } from "../host/runtime.ts";

/** Whether `terminate` stops a thread whatever it is doing. */
export const stopsBusyThreads: boolean = runtimeName !== "deno";

/** How a thread ended. */
export type ThreadExit = {
  readonly code: number;
  /** What nobody caught in it, if that is what ended it. */
  readonly error: unknown;
};

/** A thread that was started. */
export type Thread = {
  /** Resolves when the thread is over; see `stopsBusyThreads`. */
  readonly exited: Promise<ThreadExit>;
  /** Begins to end it. */
  terminate(): void;
};

/** Starts a thread on a module. `ports` are those that `data` holds. */
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

/** Inside of a thread: what it was started with. */
export function threadData(): unknown {
  return workerData;
}

/** Inside of a thread: ends it at once. */
export function quitThread(code: number): never {
  process.exit(code);
}

/** Inside of a thread: ends it once its output is written. */
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
 * Inside of a thread: calls back with what nobody caught, unless the program
 * listens for that itself.
 */
export function onUncaught(callback: (error: unknown) => void): void {
  process.on("uncaughtException", (error: unknown) => {
    if (process.listenerCount("uncaughtException") === 1) callback(error);
  });
}

/** Inside of a thread: calls back when nobody has the other end any more. */
export function onPortClosed(port: MessagePort, callback: () => void): void {
  port.addEventListener("close", callback);
}

/**
 * The address by which any thread can load a module, or null when it is none:
 * a URL as it is, an absolute path as a URL.
 */
export function moduleAddress(module: string | URL): string | null {
  if (typeof module !== "string") return module.href;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  return URL.canParse(module) ? module : null;
}
