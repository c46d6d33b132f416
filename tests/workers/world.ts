/** Nodes with workers for tests. */
import { onTestFinished } from "vitest";
import {
  type LogRecord,
  type Pid,
  type RunningNode,
  type Self,
  start,
  type StartOptions,
  type WorkerNode,
  type WorkerOptions,
} from "../../runtime/mod.ts";

export const HOST = "127.0.0.1";
export const COOKIE = "secret";

/** Modules beside these tests. */
export const probe: URL = new URL("./programs/probe.ts", import.meta.url);
export const main: URL = new URL("./programs/main.ts", import.meta.url);

export type Parent = {
  readonly node: RunningNode;
  readonly records: LogRecord[];
};

/**
 * A node that may have workers and stops with the test. It has no epmd, so a
 * worker can be found only inside its process.
 */
export async function parent(options: StartOptions = {}): Promise<Parent> {
  const records: LogRecord[] = [];
  const node = await start({
    name: `p@${HOST}`,
    cookie: COOKIE,
    epmdPort: false,
    log: (record) => void records.push(record),
    longTurnMs: Infinity,
    ...options,
  });
  onTestFinished(() => node.stop());
  return { node, records };
}

/** A worker that runs `probe`, unless the options name another module. */
export function startWorker(
  { node }: Parent,
  options: Partial<WorkerOptions> = {},
): Promise<WorkerNode> {
  // Generous, as several threads may be starting on a machine with two cores.
  return node.startWorker({
    module: probe,
    startTimeoutMs: 19_000,
    ...options,
  });
}

/** Spawns an export of the worker and resolves with the next message. */
export function ask<T = unknown>(
  { node }: Parent,
  worker: string,
  behaviour: string,
  args: (self: Pid<unknown>) => readonly unknown[],
): Promise<T | undefined> {
  return node.run<T | undefined>(async (self: Self<unknown>) => {
    await self.spawnOn(worker, behaviour, args(self.pid));
    return await self.receive({ timeoutMs: 10_000 }) as T | undefined;
  });
}

/** Runs a function on a worker that ends it. */
export function breakBy(
  { node }: Parent,
  worker: string,
  behaviour: "throws" | "exits" | "spins",
  ...args: readonly unknown[]
): Promise<void> {
  return node.run(async (self) => {
    await self.spawnOn(worker, behaviour, args).catch(() => {});
  });
}
